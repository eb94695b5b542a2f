/**
 * What the coordinator keeps, behind one asynchronous interface. `sqlite.ts` and `postgres/` implement it;
 * both pass `store-conformance.ts`.
 *
 * All writing is one call: `commit` makes a list of changes durable in one transaction, or none of them. The
 * core groups what arrives while a commit is under way into the next one, so the cost of a sync is shared.
 *
 * Durable truth about a job's range: everything before `cursor` belongs to a segment. A segment with a row of
 * its own is open, or stayed open when its job ended early: covered are its `covered` ranges (already folded into
 * the tally of a share) and the ranges of its journal rows (not folded yet). A segment without a row is covered
 * whole. So a job of 2^60 numbers costs one row, plus what is under way.
 *
 * Where several coordinators share the store, each segment, each journal row and each share has one owner, and
 * only its owner changes it. A share is what one coordinator has folded of a job: aggregates are monoids, so the
 * job's result is the fold of its shares and of what is in the journal, whoever owns them. The row of the job
 * itself is everybody's: whoever changes it says which revision it has seen (`Condition`).
 *
 * Numbers that may pass 2^63 are bigints here, and text or numeric in the database.
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
  /** Order of submission; what FIFO means. Two coordinators may give the same number at the same moment. */
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
  /** Units in the tallies of its shares. */
  readonly done: bigint;
  /** Raised with each change of state and each claim. */
  readonly revision: number;
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

/** What one coordinator has folded of a job. */
export interface StoredShare extends StoredTally {
  /** Units in the tally. */
  readonly done: bigint;
}

/** One accepted batch that is not folded yet. A job has one at most that starts at a given number. */
export interface StoredResult {
  readonly jobId: string;
  readonly range: Range;
  /** `Workload.encode` of the aggregate, as JSON text. */
  readonly aggregate: string;
  readonly digest: string;
  readonly nodeId: string;
}

/** What this coordinator owns of a job. */
export interface OwnParts {
  /** What it folded itself. */
  readonly share: StoredShare;
  /** What it took over, by origin: not in `share` yet (`results_folded.absorbed`). Always empty in the embedded store. */
  readonly adopted: ReadonlyMap<number, StoredShare>;
  readonly segments: readonly StoredSegment[];
  readonly results: readonly StoredResult[];
}

export interface ActiveJob extends OwnParts {
  readonly job: StoredJob;
}

/** Everything that is stored of a job, whoever owns it, as of one moment. */
export interface JobSnapshot {
  readonly job: StoredJob;
  readonly shares: readonly StoredShare[];
  readonly segments: readonly StoredSegment[];
  readonly results: readonly StoredResult[];
}

export type ClusterEvent = Throughput['events'][number]['event'];

/** What must still be so for changes to be made, since another coordinator may have been faster. */
export type Condition =
  /** The job's row is as it was seen; it is locked, and its revision is one higher afterwards. */
  | { readonly of: 'revision'; readonly jobId: string; readonly revision: number }
  /** No job has this user's idempotency key. */
  | { readonly of: 'unused_key'; readonly userId: string | null; readonly key: string };

/** A segment that was split, and who owns the piece from now on; the owner of a split is the only one who may. */
export interface SegmentPiece extends StoredSegment {
  /** Epoch of the coordinator; null: the one that splits. */
  readonly owner: number | null;
}

export type Change =
  /** All of `changes` if the condition holds, else none of them (`Committed.refused`); what else is committed stays. */
  | { readonly kind: 'conditional'; readonly condition: Condition; readonly changes: readonly Change[] }
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
      /** This coordinator's share from now on. */
      readonly share: StoredShare;
      /** Starts of the results that are in it now. */
      readonly results: readonly bigint[];
      /** Origins of adopted shares that are in it now. */
      readonly absorbed: readonly number[];
      /** Open segments whose covered ranges changed; null: covered whole, its row goes. */
      readonly segments: readonly { readonly start: bigint; readonly covered: readonly Range[] | null }[];
    }
  /** The segment that starts there becomes these pieces, which cover it. */
  | {
      readonly kind: 'segment_split';
      readonly jobId: string;
      readonly start: bigint;
      readonly pieces: readonly SegmentPiece[];
    }
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
  /** Changes nothing if there is a key with its id: of coordinators that take in the same one together the first counts. */
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
  /** The conditional changes whose condition did not hold. */
  readonly refused: ReadonlySet<Change>;
}

/** Bounds of what is kept about the past. */
export const KEPT_EVENTS = 10_000;
export const KEPT_MINUTES = 31 * 24 * 60;

export interface Store {
  /** The fence of this opening: higher than that of every opening before it. Names this coordinator among its replicas. */
  readonly epoch: number;
  /** Signs lease tokens; made at the first opening, the same afterwards. 32 bytes. */
  readonly tokenKey: Uint8Array;
  /** True if this store was opened before. */
  readonly existed: boolean;
  /** The way to the other coordinators on this store; null: it has one owner at a time. */
  readonly replicas: ReplicaChannel | null;

  /**
   * Makes all changes durable in one transaction, or none, but for conditional ones. One call at a time.
   * @throws ClusterError store_unavailable (disk full, folder gone): nothing was written, try again later
   * @throws StoreFenced if another coordinator opened the store since: stop
   */
  commit(changes: readonly Change[]): Promise<Committed>;

  /**
   * Every job that is not over, or over while something of it is not folded, with what this coordinator owns of it;
   * in order of submission.
   */
  loadActive(): Promise<readonly ActiveJob[]>;
  /** How many jobs there are, by type and state. */
  countJobs(): Promise<readonly JobCount[]>;
  /** The first number above every `JobRecord.seq`. */
  nextJobSeq(): Promise<number>;

  findJob(jobId: string): Promise<StoredJob | undefined>;
  findSnapshot(jobId: string): Promise<JobSnapshot | undefined>;
  /** Units that are durably counted, in shares and in the journal, by job. Jobs that are not there are left out. */
  progress(jobIds: readonly string[]): Promise<ReadonlyMap<string, bigint>>;
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

  /** Lets go of everything that this coordinator owns: another one may take it over at once. */
  close(): Promise<void>;
}

/** Told to every coordinator on the store, the one that caused it too, once it is durable. */
export type Ring =
  /** The job was added, or its row changed. */
  | { readonly kind: 'job'; readonly jobId: string }
  /** A piece of one of the job's segments belongs to this coordinator now. */
  | { readonly kind: 'given'; readonly jobId: string }
  | { readonly kind: 'keys' }
  | { readonly kind: 'pruned' }
  | { readonly kind: 'mail'; readonly from: number; readonly body: string }
  /** Rings may have been missed: look at everything anew. */
  | { readonly kind: 'resync' };

/** Another coordinator, as it was at its latest beat. */
export interface Replica {
  readonly epoch: number;
  /** What it said of itself. */
  readonly summary: string;
}

/** What connects the coordinators that share a store. The store holds the truth; this only rings the bell. */
export interface ReplicaChannel {
  /** From now on; the first ring is a `resync`. Listeners don't throw. */
  listen(listener: (ring: Ring) => void): void;
  /**
   * Tells the others that this one lives, and learns who does. Call it every second: who misses several beats that
   * another one could have seen loses all it owns to the first that notices, and is fenced out.
   * @param summary at most MAX_SUMMARY_BYTES
   * @returns the others that live; the jobs of which something was taken over (read it by `ownParts`), from others that were closed or
   * that are lost; how many were found lost
   * @throws ClusterError store_unavailable; StoreFenced
   */
  beat(summary: string): Promise<{
    readonly others: readonly Replica[];
    readonly adopted: readonly string[];
    readonly lost: number;
  }>;
  /** Soft: what is sent to one that dies, or in a crash of the database, is lost. @throws ClusterError store_unavailable */
  send(to: number | 'all', body: string): Promise<void>;
  /** What this coordinator owns of a job. */
  ownParts(jobId: string): Promise<OwnParts>;
  /** The owner of the open segment that the range lies in; undefined: there is none. */
  ownerOf(jobId: string, range: Range): Promise<number | undefined>;
}

export const MAX_SUMMARY_BYTES = 256 * 1024;
/** Of one `send`. */
export const MAX_MAIL_BYTES = 8 * 1024 * 1024;

/** Another coordinator owns the store now; nothing of ours may be written any more. */
export class StoreFenced extends Error {
  constructor() {
    super('another coordinator has taken over this store; this one must stop');
    this.name = 'StoreFenced';
  }
}
