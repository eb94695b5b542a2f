/** One group of changes, written statement by statement in an open transaction. */
import { encodeRanges, number, text, toJobState } from '../columns.ts';
import { KEPT_EVENTS, KEPT_MINUTES } from '../store.ts';
import type {
  Change,
  Committed,
  Condition,
  JobCount,
  JobRecord,
  SegmentPiece,
  StoredResult,
} from '../store.ts';
import type { Flight } from './flight.ts';
import { keyOfUser } from '../idempotency-key.ts';
import { encodePayload } from './rings.ts';
import type { Channels } from './rings.ts';
import { storable, storableOrNull, textArray } from './text-array.ts';
import * as sql from './write-statements.ts';

type Fold = Extract<Change, { kind: 'results_folded' }>;
type Computed = Extract<Change, { kind: 'computed' }>;

export class Group {
  readonly #flight: Flight;
  readonly #me: number;
  readonly #channels: Channels;
  readonly #pruned: JobCount[] = [];
  readonly #refused = new Set<Change>();
  /** Accepted and not sent yet: they go together, before anything that may look for them. */
  #results: StoredResult[] = [];
  readonly #computed = new Map<string, Computed>();
  #events = 0;
  readonly #usedKeys = new Map<string, number>();
  #bytes = 0;
  readonly #changedJobs = new Set<string>();
  readonly #given = new Map<number, Set<string>>();
  #keysChanged = false;

  constructor(flight: Flight, me: number, channels: Channels) {
    this.#flight = flight;
    this.#me = me;
    this.#channels = channels;
  }

  /**
   * Sends everything but COMMIT. What is answered holds once all answers are there and the transaction is committed.
   * @throws unknown (errors.ts)
   */
  async write(changes: readonly Change[]): Promise<Committed> {
    const jobs = new Set(changes.flatMap(lockedJobs));
    if (jobs.size > 1) this.#flight.send(sql.LOCK_JOBS, [textArray([...jobs])]);
    await this.#apply(changes);
    this.#flushResults();
    this.#sendCounts();
    this.#ring();
    return { bytes: this.#bytes, pruned: this.#pruned, refused: this.#refused };
  }

  async #apply(changes: readonly Change[]): Promise<void> {
    for (const change of changes) {
      // What is waited for costs a round trip: nearly nothing is.
      if (change.kind === 'result_accepted') this.#accept(change.result);
      else await this.#one(change);
    }
  }

  async #one(change: Exclude<Change, { kind: 'result_accepted' }>): Promise<void> {
    const flight = this.#flight;
    switch (change.kind) {
      case 'conditional':
        if (await this.#holds(change.condition)) await this.#apply(change.changes);
        else this.#refused.add(change);
        return;
      case 'job_added':
        this.#addJob(change.record);
        return;
      case 'job_changed': {
        const { state, startedAt, updatedAt, finishedAt, error, ranMs, runningSince } = change.progress;
        const failure = [error?.code ?? null, storableOrNull(error?.message ?? null)];
        const times = [state, startedAt, updatedAt, finishedAt];
        flight.send(sql.CHANGE_JOB, [change.jobId, ...times, ...failure, ranMs, runningSince]);
        this.#changedJobs.add(change.jobId);
        return;
      }
      case 'segment_claimed':
        this.#addSegment(change.jobId, { range: change.range, covered: [], owner: null }, this.#me);
        flight.send(sql.MOVE_CURSOR, [change.jobId, change.range.end.toString()]);
        this.#changedJobs.add(change.jobId);
        return;
      case 'result_replaced': {
        this.#flushResults();
        const { jobId, range, digest, nodeId, aggregate } = change.result;
        flight.send(sql.REPLACE_RESULT, [jobId, range.start.toString(), digest, storable(nodeId), aggregate]);
        this.#bytes += aggregate.length;
        return;
      }
      case 'results_folded':
        this.#flushResults();
        this.#fold(change);
        return;
      case 'segment_split':
        await this.#split(change.jobId, change.start, change.pieces);
        return;
      case 'probe':
        // The fence has written already.
        return;
      case 'computed':
        this.#compute(change);
        return;
      case 'event':
        flight.send(sql.ADD_EVENT, [change.at, change.event, storableOrNull(change.nodeId)]);
        this.#events += 1;
        return;
      case 'jobs_pruned':
        this.#flushResults();
        await this.#prune(change.finishedBefore, change.limit);
        return;
      case 'key_added': {
        const { id, user, role, hash, createdAt, expiresAt, revokedAt, lastUsedAt } = change.key;
        flight.send(sql.ADD_KEY, [id, user, role, hash, createdAt, expiresAt, revokedAt, lastUsedAt]);
        this.#keysChanged = true;
        return;
      }
      case 'key_revoked':
        flight.send(sql.REVOKE_KEY, [change.keyId, change.at]);
        this.#keysChanged = true;
        return;
      case 'key_used':
        this.#usedKeys.set(change.keyId, Math.max(this.#usedKeys.get(change.keyId) ?? 0, change.at));
        return;
      case 'audited': {
        const { at, user, keyId, role, address, action, target, outcome } = change.entry;
        const who = [storableOrNull(user), storableOrNull(keyId), role, storableOrNull(address)];
        flight.send(sql.ADD_AUDIT, [at, ...who, action, storableOrNull(target), storable(outcome)]);
        return;
      }
    }
  }

  /** A job's revision is raised then; a key stays locked to the end of the transaction. */
  async #holds(condition: Condition): Promise<boolean> {
    switch (condition.of) {
      case 'revision': {
        const { jobId, revision } = condition;
        const { count } = await this.#flight.ask(sql.RAISE_REVISION, [jobId, revision]);
        if (count === 1) this.#changedJobs.add(jobId);
        return count === 1;
      }
      case 'unused_key': {
        const key = keyOfUser(condition.userId, condition.key);
        this.#flight.send(sql.LOCK_KEY, [key]);
        return (await this.#flight.ask(sql.JOB_OF_KEY, [key])).count === 0;
      }
    }
  }

  #addJob(job: JobRecord): void {
    const { start, end } = job.range;
    const identity = [job.id, job.seq, job.type, job.workloadVersion, JSON.stringify(job.parameters)];
    const wishes = [job.priority, job.gpuPreferred ? 1 : 0, JSON.stringify(job.placement)];
    const key = job.idempotency === null ? null : keyOfUser(job.userId, job.idempotency.key);
    const account = [key, job.idempotency?.digest ?? null, job.userId, job.expectedSeconds, job.maxAttempts];
    const range = [start.toString(), end.toString()];
    const values = [...identity, storableOrNull(job.name), ...wishes, ...range, job.createdAt, ...account];
    this.#flight.send(sql.ADD_JOB, values);
    this.#changedJobs.add(job.id);
  }

  #addSegment(jobId: string, { range, covered }: SegmentPiece, owner: number): void {
    const values = [jobId, range.start.toString(), range.end.toString(), encodeRanges(covered), owner];
    this.#flight.send(sql.ADD_SEGMENT, values);
  }

  #accept(result: StoredResult): void {
    this.#results.push(result);
    this.#bytes += result.aggregate.length;
  }

  #flushResults(): void {
    const results = this.#results;
    if (results.length === 0) return;
    this.#results = [];
    this.#flight.send(sql.ADD_RESULTS, [
      textArray(results.map(({ jobId }) => jobId)),
      textArray(results.map(({ range }) => range.start.toString())),
      textArray(results.map(({ range }) => range.end.toString())),
      textArray(results.map(({ digest }) => digest)),
      textArray(results.map(({ nodeId }) => storable(nodeId))),
      textArray(results.map(({ aggregate }) => aggregate)),
      this.#me,
    ]);
  }

  #fold({ jobId, share, results, absorbed, segments }: Fold): void {
    const flight = this.#flight;
    if (results.length > 0) flight.send(sql.DELETE_RESULTS, [jobId, textArray(results.map(String))]);
    flight.send(sql.SET_SHARE, [jobId, this.#me, share.done.toString(), share.tally, share.figures]);
    if (absorbed.length > 0)
      flight.send(sql.DELETE_SHARES, [jobId, this.#me, textArray(absorbed.map(String))]);
    const open: { start: string; covered: string }[] = [];
    const whole: string[] = [];
    for (const { start, covered } of segments) {
      if (covered === null) whole.push(start.toString());
      else open.push({ start: start.toString(), covered: encodeRanges(covered) });
    }
    if (open.length > 0) {
      const starts = textArray(open.map(({ start }) => start));
      flight.send(sql.COVER_SEGMENTS, [jobId, starts, textArray(open.map(({ covered }) => covered))]);
    }
    if (whole.length > 0) flight.send(sql.DELETE_SEGMENTS, [jobId, textArray(whole)]);
    this.#bytes += (share.tally?.length ?? 0) + (share.figures?.length ?? 0);
  }

  /** A piece for one that is gone meanwhile stays here, and is told of as if it had been given. */
  async #split(jobId: string, start: bigint, pieces: readonly SegmentPiece[]): Promise<void> {
    const others = new Set(
      pieces.flatMap(({ owner }) => (owner === null || owner === this.#me ? [] : [owner])),
    );
    const there = new Set<number>();
    if (others.size > 0) {
      const { rows } = await this.#flight.ask(sql.LOCK_RECIPIENTS, [textArray([...others].map(String))]);
      for (const row of rows) there.add(number(row, 'epoch'));
    }
    this.#flight.send(sql.DELETE_SEGMENTS, [jobId, textArray([start.toString()])]);
    for (const piece of pieces) {
      const owner = piece.owner !== null && there.has(piece.owner) ? piece.owner : this.#me;
      this.#addSegment(jobId, piece, owner);
      if (piece.owner === null || piece.owner === this.#me) continue;
      const jobs = this.#given.get(owner) ?? new Set();
      this.#given.set(owner, jobs.add(jobId));
    }
  }

  async #prune(finishedBefore: number, limit: number): Promise<void> {
    const { rows } = await this.#flight.ask(sql.PRUNABLE, [finishedBefore, limit]);
    if (rows.length === 0) return;
    this.#flight.send(sql.PRUNE, [textArray(rows.map((row) => text(row, 'id')))]);
    for (const row of rows) {
      this.#pruned.push({ type: text(row, 'type'), state: toJobState(text(row, 'state')), jobs: 1 });
    }
  }

  #compute(change: Computed): void {
    const of = JSON.stringify([change.minute, change.type, change.variant, change.workerKind]);
    const before = this.#computed.get(of);
    this.#computed.set(of, before === undefined ? change : { ...change, units: before.units + change.units });
  }

  /** What only adds up, once for each group. */
  #sendCounts(): void {
    for (const { minute, type, variant, workerKind, units } of this.#computed.values()) {
      this.#flight.send(sql.ADD_COMPUTED, [minute, type, variant, workerKind, this.#me, units]);
    }
    const minutes = [...this.#computed.values()].map(({ minute }) => minute);
    if (minutes.length > 0) this.#flight.send(sql.FORGET_COMPUTED, [Math.max(...minutes) - KEPT_MINUTES]);
    if (this.#events > 0) this.#flight.send(sql.FORGET_EVENTS, [KEPT_EVENTS]);
    // In one order for all coordinators, so that none waits for one that waits for it.
    const used = [...this.#usedKeys].toSorted(([a], [b]) => (a < b ? -1 : 1));
    for (const [keyId, at] of used) this.#flight.send(sql.NOTE_KEY, [keyId, at]);
  }

  /** Commits that notify wait for each other in the whole server: those of results alone don't. */
  #ring(): void {
    const { everybody } = this.#channels;
    const rings = [...this.#changedJobs].map(
      (jobId) => [everybody, encodePayload({ kind: 'job', jobId })] as const,
    );
    for (const [owner, jobs] of this.#given) {
      for (const jobId of jobs)
        rings.push([this.#channels.of(owner), encodePayload({ kind: 'given', jobId })]);
    }
    if (this.#keysChanged) rings.push([everybody, encodePayload({ kind: 'keys' })]);
    if (this.#pruned.length > 0) rings.push([everybody, encodePayload({ kind: 'pruned' })]);
    if (rings.length === 0) return;
    const channels = textArray(rings.map(([channel]) => channel));
    this.#flight.send(sql.NOTIFY, [channels, textArray(rings.map(([, payload]) => payload))]);
  }
}

/** The jobs whose rows a change changes. */
function lockedJobs(change: Change): readonly string[] {
  switch (change.kind) {
    case 'conditional': {
      const own = change.condition.of === 'revision' ? [change.condition.jobId] : [];
      return [...own, ...change.changes.flatMap(lockedJobs)];
    }
    case 'job_changed':
    case 'segment_claimed':
      return [change.jobId];
    default:
      return [];
  }
}
