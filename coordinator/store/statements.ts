/** Every SQL statement of the embedded store, prepared once. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Range } from '../../protocol/range.ts';
import { encodeRanges, text } from './columns.ts';
import { keyOfUser } from './idempotency-key.ts';
import type { Row } from './columns.ts';
import type {
  AuditEntry,
  AuditPage,
  Change,
  Condition,
  JobPage,
  JobProgress,
  JobRecord,
  SegmentPiece,
  StoredKey,
  StoredResult,
} from './store.ts';

type Fold = Extract<Change, { kind: 'results_folded' }>;

export class Statements {
  readonly raiseEpoch: StatementSync;
  readonly epoch: StatementSync;
  readonly probe: StatementSync;
  readonly activeJobs: StatementSync;
  readonly allSegments: StatementSync;
  readonly allResults: StatementSync;
  readonly countJobs: StatementSync;
  readonly lastJob: StatementSync;
  readonly findJob: StatementSync;
  readonly findTally: StatementSync;
  readonly segmentsOf: StatementSync;
  readonly resultsOf: StatementSync;
  readonly allKeys: StatementSync;
  readonly revokeKey: StatementSync;
  readonly noteKey: StatementSync;
  readonly computed: StatementSync;
  readonly events: StatementSync;
  readonly addComputed: StatementSync;
  readonly forgetComputed: StatementSync;
  readonly addEvent: StatementSync;
  readonly forgetEvents: StatementSync;
  readonly #database: DatabaseSync;
  readonly #findByKey: StatementSync;
  readonly #insertKey: StatementSync;
  readonly #insertAudit: StatementSync;
  readonly #prunable: StatementSync;
  readonly #deleteJob: StatementSync;
  readonly #deleteTally: StatementSync;
  readonly #insertJob: StatementSync;
  readonly #updateJob: StatementSync;
  readonly #insertSegment: StatementSync;
  readonly #moveCursor: StatementSync;
  readonly #insertResult: StatementSync;
  readonly #updateResult: StatementSync;
  readonly #deleteResult: StatementSync;
  readonly #raiseRevision: StatementSync;
  readonly #upsertTally: StatementSync;
  readonly #setDone: StatementSync;
  readonly #setSegment: StatementSync;
  readonly #deleteSegment: StatementSync;
  readonly #deleteSegments: StatementSync;
  readonly #addSegment: StatementSync;
  readonly #lists = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    const sql = (source: string) => database.prepare(source);
    this.#database = database;
    this.raiseEpoch = sql('UPDATE owner SET epoch = epoch + 1 RETURNING epoch');
    this.epoch = sql('SELECT epoch FROM owner');
    this.probe = sql('UPDATE owner SET epoch = epoch');
    this.activeJobs = sql(
      `SELECT jobs.*, tallies.tally, tallies.figures FROM jobs LEFT JOIN tallies ON tallies.job_id = jobs.id
       WHERE state IN ('pending', 'running', 'paused') OR id IN (SELECT job_id FROM journal)
       ORDER BY seq`,
    );
    this.allSegments = sql(
      `SELECT segments.* FROM segments JOIN jobs ON jobs.id = job_id
       WHERE state IN ('pending', 'running', 'paused') OR job_id IN (SELECT job_id FROM journal)`,
    );
    this.allResults = sql('SELECT * FROM journal');
    this.countJobs = sql('SELECT type, state, count(*) AS jobs FROM jobs GROUP BY type, state');
    this.lastJob = sql('SELECT coalesce(max(seq), 0) AS last FROM jobs');
    this.findJob = sql('SELECT * FROM jobs WHERE id = ?');
    this.findTally = sql('SELECT tally, figures FROM tallies WHERE job_id = ?');
    this.segmentsOf = sql('SELECT * FROM segments WHERE job_id = ?');
    this.resultsOf = sql('SELECT * FROM journal WHERE job_id = ?');
    this.#findByKey = sql('SELECT id, idempotency_digest FROM jobs WHERE idempotency_key = ?');
    this.computed = sql(
      `SELECT CAST(minute - ? AS INTEGER) / CAST(? AS INTEGER) AS bucket, type, variant, worker_kind, sum(units) AS units FROM computed
       WHERE minute >= ? AND minute < ? GROUP BY 1, 2, 3, 4`,
    );
    this.events = sql('SELECT at, event, node_id FROM events WHERE at >= ? ORDER BY seq DESC LIMIT ?');
    this.addComputed = sql(
      `INSERT INTO computed VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (minute, type, variant, worker_kind) DO UPDATE SET units = units + excluded.units`,
    );
    this.forgetComputed = sql('DELETE FROM computed WHERE minute < ?');
    this.addEvent = sql('INSERT INTO events (at, event, node_id) VALUES (?, ?, ?)');
    this.forgetEvents = sql('DELETE FROM events WHERE seq <= (SELECT max(seq) FROM events) - ?');
    this.#insertJob = sql(
      `INSERT INTO jobs (id, seq, type, workload_version, parameters, name, priority, gpu_preferred, placement,
         range_start, range_end, cursor, done, state, created_at, updated_at, idempotency_key, idempotency_digest,
         user_id, expected_seconds, max_attempts)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '0', 'pending', ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#updateJob = sql(
      `UPDATE jobs SET state = ?, started_at = ?, updated_at = ?, finished_at = ?, error_code = ?, error_message = ?,
         ran_ms = ?, running_since = ?
       WHERE id = ?`,
    );
    this.#prunable = sql(
      `SELECT id, type, state FROM jobs WHERE finished_at < ? AND id NOT IN (SELECT job_id FROM journal) ORDER BY finished_at LIMIT ?`,
    );
    this.#deleteJob = sql('DELETE FROM jobs WHERE id = ?');
    this.#deleteTally = sql('DELETE FROM tallies WHERE job_id = ?');
    this.allKeys = sql('SELECT * FROM keys ORDER BY created_at, id');
    this.revokeKey = sql('UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?');
    this.noteKey = sql('UPDATE keys SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?');
    this.#insertKey = sql('INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING');
    this.#insertAudit = sql(
      `INSERT INTO audit (at, user, key_id, role, address, action, target, outcome) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertSegment = sql(`INSERT INTO segments VALUES (?, ?, ?, '[]')`);
    this.#addSegment = sql('INSERT INTO segments VALUES (?, ?, ?, ?)');
    this.#moveCursor = sql('UPDATE jobs SET cursor = ? WHERE id = ?');
    this.#insertResult = sql(
      'INSERT INTO journal (job_id, range_start, range_end, digest, node_id, aggregate) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#updateResult = sql(
      'UPDATE journal SET digest = ?, node_id = ?, aggregate = ? WHERE job_id = ? AND range_start = ?',
    );
    this.#deleteResult = sql('DELETE FROM journal WHERE job_id = ? AND range_start = ?');
    this.#raiseRevision = sql('UPDATE jobs SET revision = revision + 1 WHERE id = ? AND revision = ?');
    this.#upsertTally = sql(
      `INSERT INTO tallies VALUES (?, ?, ?)
       ON CONFLICT (job_id) DO UPDATE SET tally = excluded.tally, figures = excluded.figures`,
    );
    this.#setDone = sql('UPDATE jobs SET done = ? WHERE id = ?');
    this.#setSegment = sql('UPDATE segments SET covered = ? WHERE job_id = ? AND range_start = ?');
    this.#deleteSegment = sql('DELETE FROM segments WHERE job_id = ? AND range_start = ?');
    this.#deleteSegments = sql('DELETE FROM segments WHERE job_id = ?');
  }

  addJob(job: JobRecord): void {
    const { start, end } = job.range;
    const identity = [
      job.id,
      job.seq,
      job.type,
      job.workloadVersion,
      JSON.stringify(job.parameters),
      job.name,
    ];
    const wishes = [job.priority, job.gpuPreferred ? 1 : 0, JSON.stringify(job.placement)];
    const range = [start.toString(), end.toString(), start.toString()];
    const key = job.idempotency === null ? null : keyOfUser(job.userId, job.idempotency.key);
    const account = [key, job.idempotency?.digest ?? null, job.userId, job.expectedSeconds, job.maxAttempts];
    this.#insertJob.run(...identity, ...wishes, ...range, job.createdAt, job.createdAt, ...account);
  }

  changeJob(jobId: string, progress: JobProgress): void {
    const { state, startedAt, updatedAt, finishedAt, error, ranMs, runningSince } = progress;
    const failure = [error?.code ?? null, error?.message ?? null];
    this.#updateJob.run(state, startedAt, updatedAt, finishedAt, ...failure, ranMs, runningSince, jobId);
  }

  /** Jobs and what hangs on them; returns what they were. The journal of a job that is over is empty once it is folded. */
  prune(finishedBefore: number, limit: number): readonly Row[] {
    const rows = this.#prunable.all(finishedBefore, limit);
    for (const row of rows) {
      const id = text(row, 'id');
      this.#deleteTally.run(id);
      this.#deleteSegments.run(id);
      this.#deleteJob.run(id);
    }
    return rows;
  }

  findByKey(userId: string | null, key: string): Row | undefined {
    return this.#findByKey.get(keyOfUser(userId, key));
  }

  addKey({ id, user, role, hash, createdAt, expiresAt, revokedAt, lastUsedAt }: StoredKey): void {
    this.#insertKey.run(id, user, role, hash, createdAt, expiresAt, revokedAt, lastUsedAt);
  }

  addAudit({ at, user, keyId, role, address, action, target, outcome }: AuditEntry): void {
    this.#insertAudit.run(at, user, keyId, role, address, action, target, outcome);
  }

  listAudit({ user, target, action, before, limit }: AuditPage): readonly Row[] {
    const conditions: string[] = [];
    const values: (string | number)[] = [];
    const where = (condition: string, value: string | number | undefined): void => {
      if (value === undefined) return;
      conditions.push(condition);
      values.push(value);
    };
    where('user = ?', user);
    where('target = ?', target);
    where('action = ?', action);
    where('seq < ?', before);
    return this.#list('audit', conditions, 'seq DESC', [...values, limit]);
  }

  claimSegment(jobId: string, { start, end }: Range): void {
    this.#insertSegment.run(jobId, start.toString(), end.toString());
    this.#moveCursor.run(end.toString(), jobId);
  }

  addResult(result: StoredResult): void {
    const { jobId, range, digest, nodeId, aggregate } = result;
    this.#insertResult.run(jobId, range.start.toString(), range.end.toString(), digest, nodeId, aggregate);
  }

  replaceResult({ digest, nodeId, aggregate, jobId, range }: StoredResult): void {
    this.#updateResult.run(digest, nodeId, aggregate, jobId, range.start.toString());
  }

  /** Whether the condition holds; the job's revision is raised then. */
  holds(condition: Condition): boolean {
    switch (condition.of) {
      case 'revision':
        return this.#raiseRevision.run(condition.jobId, condition.revision).changes === 1;
      case 'unused_key':
        return this.findByKey(condition.userId, condition.key) === undefined;
    }
  }

  fold(fold: Fold): void {
    const { share } = fold;
    for (const start of fold.results) this.#deleteResult.run(fold.jobId, start.toString());
    this.#upsertTally.run(fold.jobId, share.tally, share.figures);
    this.#setDone.run(share.done.toString(), fold.jobId);
    for (const { start, covered } of fold.segments) {
      if (covered === null) this.#deleteSegment.run(fold.jobId, start.toString());
      else this.#setSegment.run(encodeRanges(covered), fold.jobId, start.toString());
    }
  }

  split(jobId: string, start: bigint, pieces: readonly SegmentPiece[]): void {
    this.#deleteSegment.run(jobId, start.toString());
    for (const { range, covered } of pieces) {
      this.#addSegment.run(jobId, range.start.toString(), range.end.toString(), encodeRanges(covered));
    }
  }

  listJobs({ state, type, userId, before, limit }: JobPage): readonly Row[] {
    const conditions: string[] = [];
    const values: (string | number)[] = [];
    if (state !== undefined) {
      conditions.push('state = ?');
      values.push(state);
    }
    if (type !== undefined) {
      conditions.push('type = ?');
      values.push(type);
    }
    if (userId !== undefined) {
      conditions.push('user_id = ?');
      values.push(userId);
    }
    if (before !== undefined) {
      conditions.push('(created_at, id) < (?, ?)');
      values.push(before.createdAt, before.id);
    }
    return this.#list('jobs', conditions, 'created_at DESC, id DESC', [...values, limit]);
  }

  #list(table: string, conditions: readonly string[], order: string, values: SQLInputValue[]): Row[] {
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    const source = `SELECT * FROM ${table} ${where} ORDER BY ${order} LIMIT ?`;
    const statement = this.#lists.get(source) ?? this.#database.prepare(source);
    this.#lists.set(source, statement);
    return statement.all(...values);
  }
}
