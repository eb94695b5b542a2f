/** What is read: every statement, and what becomes of its rows. */
import { bigint, number, text, textOrNull, toClusterEvent, toJobState } from '../columns.ts';
import type { Row } from '../columns.ts';
import { storedAuditEntry, storedJob, storedKey, storedResult, storedSegment, storedShare } from '../rows.ts';
import type {
  ActiveJob,
  AuditPage,
  ComputedBucket,
  JobCount,
  JobPage,
  JobSnapshot,
  OwnParts,
  StoredAuditEntry,
  StoredJob,
  StoredKey,
  StoredShare,
} from '../store.ts';
import type { Database, Timeouts } from './database.ts';
import { unavailable } from './errors.ts';
import { Flight, statement } from './flight.ts';
import type { Answer, Statement, Value } from './flight.ts';
import { keyOfUser } from '../idempotency-key.ts';
import { Lane } from './lane.ts';
import { textArray } from './text-array.ts';

/** Connections. A long list then doesn't hold up everything else. */
const LANES = 2;
/** Of everything that is active, as a coordinator starts. */
const LOADING_MS = 120_000;
const AS_OF_ONE_MOMENT = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

const DONE = `coalesce((SELECT sum(done) FROM shares WHERE job_id = jobs.id), 0) AS done`;
const JOB = statement('job', `SELECT *, ${DONE} FROM jobs WHERE id = $1`);
const SHARES = statement(
  'shares',
  'SELECT done, tally, figures FROM shares WHERE job_id = $1 ORDER BY origin',
);
const SEGMENTS = statement('segments', 'SELECT * FROM segments WHERE job_id = $1 ORDER BY range_start');
const RESULTS = statement('results', 'SELECT * FROM journal WHERE job_id = $1 ORDER BY range_start');
const ACTIVE_JOBS = statement(
  'active-jobs',
  `SELECT *, ${DONE} FROM jobs
   WHERE id IN (SELECT id FROM jobs WHERE state IN ('pending', 'running', 'paused')
     UNION SELECT job_id FROM journal WHERE owner = $1)
   ORDER BY seq, id`,
);
const OWN_SHARES = statement(
  'own-shares',
  'SELECT * FROM shares WHERE owner = $1 AND job_id = ANY ($2::text[])',
);
const OWN_SEGMENTS = statement(
  'own-segments',
  'SELECT * FROM segments WHERE owner = $1 AND job_id = ANY ($2::text[])',
);
const OWN_RESULTS = statement(
  'own-results',
  'SELECT * FROM journal WHERE owner = $1 AND job_id = ANY ($2::text[])',
);
const COUNTS = statement('job-counts', 'SELECT type, state, count(*) AS jobs FROM jobs GROUP BY type, state');
const NEXT_SEQ = statement('next-seq', 'SELECT coalesce(max(seq), 0) + 1 AS next FROM jobs');
const PROGRESS = statement(
  'progress',
  `SELECT id, coalesce((SELECT sum(done) FROM shares WHERE job_id = jobs.id), 0)
     + coalesce((SELECT sum(range_end - range_start) FROM journal WHERE job_id = jobs.id), 0) AS units
   FROM jobs WHERE id = ANY ($1::text[])`,
);
const BY_KEY = statement('by-key', 'SELECT id, idempotency_digest FROM jobs WHERE idempotency_key = $1');
const COMPUTED = statement(
  'computed',
  `SELECT (minute - $1::integer) / $2::integer AS bucket, type, variant, worker_kind, sum(units) AS units FROM computed
   WHERE minute >= $1::integer AND minute < $3::integer GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
);
const EVENTS = statement(
  'events',
  'SELECT at, event, node_id FROM events WHERE at >= $1 ORDER BY seq DESC LIMIT $2',
);
const KEYS = statement('keys', 'SELECT * FROM keys ORDER BY created_at, id');

export class Reads {
  readonly #database: Database;
  readonly #me: number;
  readonly #lanes: readonly Lane[];
  readonly #timeouts: Timeouts;

  constructor(database: Database, timeouts: Timeouts, me: number) {
    this.#database = database;
    this.#me = me;
    this.#lanes = Array.from({ length: LANES }, () => new Lane(database, timeouts));
    this.#timeouts = timeouts;
  }

  /** @throws ClusterError store_unavailable */
  ask(what: Statement, values: readonly Value[] = []): Promise<Answer> {
    return this.#read((flight) => flight.ask(what, values));
  }

  async loadActive(): Promise<readonly ActiveJob[]> {
    // For a moment, as a coordinator starts: it may take longer than anything later.
    const loading = new Lane(this.#database, { ...this.#timeouts, queryMs: LOADING_MS });
    try {
      return await this.#together(loading, async (flight) => {
        const { rows } = await flight.ask(ACTIVE_JOBS, [this.#me]);
        const jobs = rows.map(storedJob);
        const parts = await this.#parts(
          flight,
          jobs.map(({ record }) => record.id),
        );
        return jobs.map((job) => ({ job, ...parts(job.record.id) }));
      });
    } finally {
      await loading.close();
    }
  }

  ownParts(jobId: string): Promise<OwnParts> {
    return this.#together(this.#lane(), async (flight) => (await this.#parts(flight, [jobId]))(jobId));
  }

  async countJobs(): Promise<readonly JobCount[]> {
    const { rows } = await this.ask(COUNTS);
    return rows.map((row) => ({
      type: text(row, 'type'),
      state: toJobState(text(row, 'state')),
      jobs: number(row, 'jobs'),
    }));
  }

  async nextJobSeq(): Promise<number> {
    const { rows } = await this.ask(NEXT_SEQ);
    return number(rows[0], 'next');
  }

  async findJob(jobId: string): Promise<StoredJob | undefined> {
    const { rows } = await this.ask(JOB, [jobId]);
    return rows.map(storedJob)[0];
  }

  findSnapshot(jobId: string): Promise<JobSnapshot | undefined> {
    return this.#together(this.#lane(), async (flight) => {
      const [found, shares, segments, results] = await Promise.all(
        [JOB, SHARES, SEGMENTS, RESULTS].map((each) => flight.ask(each, [jobId])),
      );
      const [job] = (found?.rows ?? []).map(storedJob);
      if (job === undefined) return undefined;
      return {
        job,
        shares: (shares?.rows ?? []).map(share),
        segments: (segments?.rows ?? []).map(storedSegment),
        results: (results?.rows ?? []).map(storedResult),
      };
    });
  }

  async progress(jobIds: readonly string[]): Promise<ReadonlyMap<string, bigint>> {
    if (jobIds.length === 0) return new Map();
    const { rows } = await this.ask(PROGRESS, [textArray(jobIds)]);
    return new Map(rows.map((row) => [text(row, 'id'), bigint(row, 'units')]));
  }

  async findByIdempotencyKey(userId: string | null, key: string) {
    const { rows } = await this.ask(BY_KEY, [keyOfUser(userId, key)]);
    return rows.map((row) => ({ jobId: text(row, 'id'), digest: text(row, 'idempotency_digest') }))[0];
  }

  async listJobs({ state, type, userId, before, limit }: JobPage): Promise<readonly StoredJob[]> {
    const page = new Page();
    page.where('s', 'state =', state);
    page.where('t', 'type =', type);
    page.where('u', 'user_id =', userId);
    page.where('b', '(created_at, id) <', before?.createdAt, before?.id);
    const { rows } = await this.ask(...page.select(`*, ${DONE}`, 'jobs', 'created_at DESC, id DESC', limit));
    return rows.map(storedJob);
  }

  async computed(from: number, minutes: number, buckets: number): Promise<readonly ComputedBucket[]> {
    const { rows } = await this.ask(COMPUTED, [from, minutes, from + minutes * buckets]);
    return rows.map((row) => ({
      bucket: number(row, 'bucket'),
      type: text(row, 'type'),
      variant: text(row, 'variant'),
      workerKind: text(row, 'worker_kind'),
      units: number(row, 'units'),
    }));
  }

  async events(from: number, limit: number) {
    const { rows } = await this.ask(EVENTS, [from, limit]);
    return rows
      .map((row) => ({
        at: number(row, 'at'),
        event: toClusterEvent(text(row, 'event')),
        nodeId: textOrNull(row, 'node_id'),
      }))
      .toReversed();
  }

  async loadKeys(): Promise<readonly StoredKey[]> {
    const { rows } = await this.ask(KEYS);
    return rows.map(storedKey);
  }

  async listAudit({ user, target, action, before, limit }: AuditPage): Promise<readonly StoredAuditEntry[]> {
    const page = new Page();
    page.where('u', '"user" =', user);
    page.where('t', 'target =', target);
    page.where('a', 'action =', action);
    page.where('b', 'seq <', before);
    const { rows } = await this.ask(...page.select('*', 'audit', 'seq DESC', limit));
    return rows.map(storedAuditEntry);
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  /** @returns what this coordinator owns of each of the jobs */
  async #parts(flight: Flight, jobIds: readonly string[]): Promise<(jobId: string) => OwnParts> {
    const ids = textArray(jobIds);
    const [shares, segments, results] = await Promise.all(
      [OWN_SHARES, OWN_SEGMENTS, OWN_RESULTS].map(async (each) => {
        const { rows } = await flight.ask(each, [this.#me, ids]);
        return Map.groupBy(rows, (row) => text(row, 'job_id'));
      }),
    );
    return (jobId) => {
      const all = (shares?.get(jobId) ?? []).map((row) => [number(row, 'origin'), share(row)] as const);
      return {
        share: all.find(([origin]) => origin === this.#me)?.[1] ?? storedShare(0n, undefined),
        adopted: new Map(all.filter(([origin]) => origin !== this.#me)),
        segments: (segments?.get(jobId) ?? []).map(storedSegment),
        results: (results?.get(jobId) ?? []).map(storedResult),
      };
    };
  }

  /** The one that has less to do. */
  #lane(): Lane {
    return this.#lanes.reduce((least, lane) => (lane.waiting < least.waiting ? lane : least));
  }

  async #read<T>(work: (flight: Flight) => Promise<T>, lane = this.#lane()): Promise<T> {
    try {
      return await lane.run((client) => work(new Flight(client)));
    } catch (error) {
      throw unavailable(error, this.#database.address);
    }
  }

  /** All that `work` asks is answered as of one moment. */
  async #together<T>(lane: Lane, work: (flight: Flight) => Promise<T>): Promise<T> {
    try {
      return await lane.run(async (client) => {
        await client.query(AS_OF_ONE_MOMENT);
        const read = await work(new Flight(client));
        await client.query('COMMIT');
        return read;
      });
    } catch (error) {
      throw unavailable(error, this.#database.address);
    }
  }
}

function share(row: Row): StoredShare {
  return storedShare(bigint(row, 'done'), row);
}

/** A page of a list: conditions that are set, and their values. */
class Page {
  readonly #conditions: string[] = [];
  readonly #values: (string | number)[] = [];
  #letters = '';

  /**
   * Nothing, if a value is undefined.
   * @param letter names the condition, so that each set of them is one prepared statement
   */
  where(letter: string, condition: string, ...values: readonly (string | number | undefined)[]): void {
    const set = values.filter((value) => value !== undefined);
    if (set.length < values.length) return;
    const marks = set.map((value) => `$${this.#values.push(value)}`).join(', ');
    this.#conditions.push(`${condition} (${marks})`);
    this.#letters += letter;
  }

  select(columns: string, table: string, order: string, limit: number): [Statement, readonly Value[]] {
    const where = this.#conditions.length === 0 ? '' : `WHERE ${this.#conditions.join(' AND ')}`;
    const values = [...this.#values, limit];
    const source = `SELECT ${columns} FROM ${table} ${where} ORDER BY ${order} LIMIT $${values.length}`;
    return [statement(`page-of-${table}-${this.#letters}`, source), values];
  }
}
