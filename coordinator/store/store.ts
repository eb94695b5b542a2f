/**
 * What the coordinator keeps, behind one asynchronous interface. `sqlite.ts` implements it; every
 * implementation passes `store-conformance.ts`.
 *
 * All writing is one call: `commit` makes a list of changes durable in one transaction, or none of them. The
 * core groups what arrives while a commit is under way into the next one, so the cost of a sync is shared.
 *
 * Durable truth about a job's range: everything before `cursor` belongs to a segment. A segment with a row of
 * its own is open: covered are its `covered` ranges (already folded into the job's tally) and the ranges of
 * its journal rows (not folded yet). A segment without a row is covered whole. So a job of 2^60 numbers costs
 * one row, plus what is under way.
 *
 * Numbers that may pass 2^63 are bigints here and text in the database.
 */
import type { AuditAction, Role } from '../../protocol/access.ts';
import type { JobState, Placement, Priority, Throughput } from '../../protocol/http.ts';
import type { WorkerKind } from '../../protocol/messages.ts';
import type { Range } from '../../protocol/range.ts';

export interface StoredJobError {
  readonly code: string;
  readonly message: string;
}

/** A job as it was submitted. Times are milliseconds since 1970. */
export interface JobRecord {
  readonly id: string;
  /** Order of submission, unique; what FIFO means. */
  readonly seq: number;
  readonly type: string;
  readonly workloadVersion: number;
  /** `Workload.encodeParameters`. */
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly name: string | null;
  readonly priority: Priority;
  readonly gpuPreferred: boolean;
  readonly placement: Placement;
  readonly range: Range;
  readonly createdAt: number;
  /** `Idempotency-Key` of the submit, and the digest of its canonical body. Keys of two users never meet. */
  readonly idempotency: { readonly key: string; readonly digest: string } | null;
  /** Whose key submitted it; null: nobody's, submitted without a key. */
  readonly userId: string | null;
  /** How long its submitter expects it to run; it fails as timed out after a multiple of that. Null: no limit. */
  readonly expectedSeconds: number | null;
  /** How often one batch of it may fail before the job does. */
  readonly maxAttempts: number;
}

/** What changes about a job as a whole. */
export interface JobProgress {
  readonly state: JobState;
  readonly startedAt: number | null;
  readonly updatedAt: number;
  readonly finishedAt: number | null;
  readonly error: StoredJobError | null;
  /** How long it ran until `runningSince`; time in which it was paused or waited for its first batch is not in it. */
  readonly ranMs: number;
  /** Since when it runs without a break; null while it doesn't. */
  readonly runningSince: number | null;
}

export interface StoredJob {
  readonly record: JobRecord;
  readonly progress: JobProgress;
  /** Everything from here to the end of the range was never claimed. */
  readonly cursor: bigint;
  /** Units in the tally. */
  readonly done: bigint;
  /** The covered ranges of a job that ended before it was covered; null otherwise. */
  readonly covered: readonly Range[] | null;
}

/** `Workload.encode` of the fold of all that is folded, as JSON text, and the map's figures (jobs/figures.ts). */
export interface StoredTally {
  readonly tally: string | null;
  readonly figures: Uint8Array | null;
}

export interface StoredSegment {
  readonly range: Range;
  readonly covered: readonly Range[];
}

/** One accepted batch that is not folded yet. */
export interface StoredResult {
  readonly seq: number;
  readonly jobId: string;
  readonly range: Range;
  /** `Workload.encode` of the aggregate, as JSON text. */
  readonly aggregate: string;
  readonly digest: string;
  readonly nodeId: string;
}

export interface ActiveJob {
  readonly job: StoredJob;
  readonly tally: StoredTally;
  readonly segments: readonly StoredSegment[];
  readonly results: readonly StoredResult[];
}

export type ClusterEvent = Throughput['events'][number]['event'];

export type Change =
  | { readonly kind: 'job_added'; readonly record: JobRecord }
  | { readonly kind: 'job_changed'; readonly jobId: string; readonly progress: JobProgress }
  /** Moves the cursor to the end of the segment. */
  | { readonly kind: 'segment_claimed'; readonly jobId: string; readonly range: Range }
  | { readonly kind: 'result_accepted'; readonly result: StoredResult }
  /** The same range with another aggregate, after a recomputation. */
  | { readonly kind: 'result_replaced'; readonly result: StoredResult }
  | {
      readonly kind: 'results_folded';
      readonly jobId: string;
      readonly done: bigint;
      readonly tally: string | null;
      readonly figures: Uint8Array | null;
      readonly results: readonly number[];
      /** Open segments whose covered ranges changed; null: covered whole, its row goes. */
      readonly segments: readonly { readonly start: bigint; readonly covered: readonly Range[] | null }[];
    }
  /** The job ended early: its segments go, their covered ranges are kept with the job. */
  | { readonly kind: 'job_closed'; readonly jobId: string; readonly covered: readonly Range[] }
  /** Writes, but changes nothing: tells whether the store can be written again. */
  | { readonly kind: 'probe' }
  | {
      readonly kind: 'computed';
      /** Minutes since 1970. */
      readonly minute: number;
      readonly type: string;
      /** Of the workload; empty: it has none. */
      readonly variant: string;
      readonly workerKind: WorkerKind;
      readonly units: number;
    }
  | {
      readonly kind: 'event';
      readonly at: number;
      readonly event: ClusterEvent;
      readonly nodeId: string | null;
    }
  /** Jobs that are over since before this time go, with all that is kept of them; `limit` at most. */
  | { readonly kind: 'jobs_pruned'; readonly finishedBefore: number; readonly limit: number }
  | { readonly kind: 'key_added'; readonly key: StoredKey }
  | { readonly kind: 'key_revoked'; readonly keyId: string; readonly at: number }
  | { readonly kind: 'key_used'; readonly keyId: string; readonly at: number }
  | { readonly kind: 'audited'; readonly entry: AuditEntry };

/** An API key. The key itself is known to its holder alone; times are milliseconds since 1970. */
export interface StoredKey {
  readonly id: string;
  readonly user: string;
  readonly role: Role;
  /** SHA-256 of the secret part, which has 256 random bits: nothing slower is needed against guessing. */
  readonly hash: Uint8Array;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  /** To the minute. */
  readonly lastUsedAt: number | null;
}

/** One line of the audit log: who did what to which job, node or key, from where, when, with what outcome. */
export interface AuditEntry {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly user: string | null;
  readonly keyId: string | null;
  readonly role: Role | null;
  readonly address: string | null;
  readonly action: AuditAction;
  /** The job, node or key; null where there is none (yet). */
  readonly target: string | null;
  /** `done`, or the code of the error. */
  readonly outcome: string;
}

export interface StoredAuditEntry extends AuditEntry {
  readonly seq: number;
}

export interface AuditPage {
  readonly user?: string | undefined;
  readonly target?: string | undefined;
  readonly action?: AuditAction | undefined;
  /** Only entries before this number: pages go back in time. */
  readonly before?: number | undefined;
  readonly limit: number;
}

export interface JobPage {
  readonly state?: JobState | undefined;
  readonly type?: string | undefined;
  readonly userId?: string | undefined;
  /** Only jobs older than this one, in the order (createdAt, id) descending. */
  readonly before?: { readonly createdAt: number; readonly id: string } | undefined;
  readonly limit: number;
}

/** How many units were computed in one bucket of time. */
export interface ComputedBucket {
  readonly bucket: number;
  readonly type: string;
  readonly variant: string;
  readonly workerKind: string;
  readonly units: number;
}

/** How many jobs, by type and state. */
export interface JobCount {
  readonly type: string;
  readonly state: JobState;
  readonly jobs: number;
}

export interface Committed {
  /** Of aggregates and tallies. */
  readonly bytes: number;
  /** What `jobs_pruned` took away. */
  readonly pruned: readonly JobCount[];
}

/** Bounds of what is kept about the past. */
export const KEPT_EVENTS = 10_000;
export const KEPT_MINUTES = 31 * 24 * 60;

export interface Store {
  /** The fence of this opening: higher than that of every opening before it. */
  readonly epoch: number;
  /** Signs lease tokens; made at the first opening, the same afterwards. 32 bytes. */
  readonly tokenKey: Uint8Array;
  /** True if this store held jobs before. */
  readonly existed: boolean;

  /**
   * Makes all changes durable in one transaction, or none.
   * @throws ClusterError store_unavailable (disk full, folder gone): nothing was written, try again later
   * @throws StoreFenced if another coordinator opened the store since: stop
   */
  commit(changes: readonly Change[]): Promise<Committed>;

  /** Every job that is not over, or over with results that are not folded; in order of submission. */
  loadActive(): Promise<readonly ActiveJob[]>;
  /** How many jobs there are, by type and state. */
  countJobs(): Promise<readonly JobCount[]>;
  /** The first number above every `JobRecord.seq` and `StoredResult.seq`. */
  nextSequence(): Promise<{ readonly job: number; readonly result: number }>;

  findJob(jobId: string): Promise<StoredJob | undefined>;
  findTally(jobId: string): Promise<StoredTally>;
  findByIdempotencyKey(
    userId: string | null,
    key: string,
  ): Promise<{ readonly jobId: string; readonly digest: string } | undefined>;
  /** Newest first. */
  listJobs(page: JobPage): Promise<readonly StoredJob[]>;

  /** Units by bucket of `minutes` minutes; bucket 0 starts at minute `from`. */
  computed(from: number, minutes: number, buckets: number): Promise<readonly ComputedBucket[]>;
  /** The latest events since `from` (milliseconds), oldest first. */
  events(
    from: number,
    limit: number,
  ): Promise<
    readonly { readonly at: number; readonly event: ClusterEvent; readonly nodeId: string | null }[]
  >;

  /** Every key, revoked and expired ones too. */
  loadKeys(): Promise<readonly StoredKey[]>;
  /** Newest first. */
  listAudit(page: AuditPage): Promise<readonly StoredAuditEntry[]>;

  close(): Promise<void>;
}

/** Another coordinator owns the store now; nothing of ours may be written any more. */
export class StoreFenced extends Error {
  constructor() {
    super('another coordinator has taken over this store; this one must stop');
    this.name = 'StoreFenced';
  }
}
