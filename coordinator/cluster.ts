/**
 * The core of the coordinator as its surroundings see it: HTTP (api/), sockets (gateway/) and metrics call
 * this and nothing else. `jobs/` implements it over the store; time, randomness and recomputation are
 * injected, so that tests/simulation can run it under a virtual clock.
 */
import type {
  Hello,
  HeartbeatReply,
  Heartbeat,
  LeaseReply,
  LeaseRequest,
  Release,
  Revoke,
  Submission,
  SubmissionReply,
  WorkerKind,
} from '../protocol/messages.ts';
import type {
  ClusterStatus,
  JobCoverage,
  JobList,
  JobListQuery,
  JobResults,
  JobState,
  JobStatus,
  NodeStatus,
  SubmitBody,
  SubmitReply,
  Throughput,
} from '../protocol/http.ts';
import type { Role } from '../protocol/access.ts';
import type { AuditPage, Change, StoredAuditEntry, StoredKey } from './store/store.ts';
import type { HandBack, HandBackReply } from '../protocol/hand-back.ts';
import type { FinishedBatch } from '../protocol/live.ts';

/** What surrounds the core. Timers may fire late, never early. */
export interface Runtime {
  /** Milliseconds since 1970. */
  now(): number;
  setTimer(ms: number, fire: () => void): () => void;
  /** 0 ≤ x < 1. For jitter and sampling, never for secrets. */
  random(): number;
}

/** The way back to one connected worker. None of these may throw. */
export interface WorkerLink {
  notifyWork(): void;
  revoke(body: Revoke): void;
  drain(reconnectAfterMs: number): void;
  /** Closes the connection; `reason` is told to the worker where the transport can. */
  close(reason: string): void;
  /** The peer's address as the operator may see it; null if unknown. */
  readonly address: string | null;
}

/** On whose behalf something is done: what the audit log says of it, and whose the job is. */
export interface Actor {
  readonly user: string | null;
  readonly role: Role | null;
  readonly keyId: string | null;
  readonly address: string | null;
}

export type AccessChange = Extract<Change, { kind: 'key_added' | 'key_revoked' | 'key_used' | 'audited' }>;

/** Keys and the audit log, kept by the store that the core owns. */
export interface AccessRecords {
  /** Every key, revoked and expired ones too. */
  loadKeys(): Promise<readonly StoredKey[]>;
  listAudit(page: AuditPage): Promise<readonly StoredAuditEntry[]>;
  /** Resolves once the changes are durable. @throws ClusterError store_unavailable, not_ready */
  write(changes: readonly AccessChange[]): Promise<void>;
  /** Becomes durable with the next commit; nobody waits for it. */
  note(change: AccessChange): void;
}

/** One connected worker. All methods reject with ClusterError only. */
export interface WorkerSession {
  readonly nodeId: string;
  /** Leases of `hello.leases` that are not worth finishing. */
  readonly revoked: readonly string[];
  lease(request: LeaseRequest): Promise<LeaseReply>;
  /** Resolves after the result is durable. */
  submit(submission: Submission): Promise<SubmissionReply>;
  release(release: Release): Promise<void>;
  heartbeat(heartbeat: Heartbeat): HeartbeatReply;
  /** The connection is gone. Its leases stay until they fall silent, so that it can come back. */
  disconnected(): void;
}

/** Emitted when something that a watcher of the job could see has changed. Cheap; carries no data. */
export type JobListener = (jobId: string) => void;

export interface Cluster {
  /**
   * Resolves once the job is durable, and with it a line of the audit log. The same key of the same user with the
   * same body gives the same job.
   */
  submit(
    body: SubmitBody,
    options: { readonly by: Actor; readonly idempotencyKey?: string | undefined },
  ): Promise<SubmitReply>;
  /**
   * The reads reject with ClusterError `not_found`. They reflect what is durable, and memory for leases.
   * They are asynchronous because finished jobs live in the store alone, which may be on another machine.
   */
  status(jobId: string): Promise<JobStatus>;
  results(jobId: string): Promise<JobResults>;
  coverage(jobId: string): Promise<JobCoverage>;
  list(query: JobListQuery): Promise<JobList>;
  /** Durable together with a line of the audit log. Whether `by` may do so is for the caller to check. */
  cancel(jobId: string, by: Actor): Promise<JobStatus>;
  pause(jobId: string, by: Actor): Promise<JobStatus>;
  resume(jobId: string, by: Actor): Promise<JobStatus>;
  /** Whose the job is; null: nobody's. @throws ClusterError not_found */
  owner(jobId: string): Promise<string | null>;

  /**
   * @param own it is the operator's own worker. What a stranger says of its tags and priority counts for nothing,
   *   and it can't take the node_id of an own one
   * @throws ClusterError protocol_mismatch, node_id_in_use, limit_reached, not_ready
   */
  connect(hello: Hello, link: WorkerLink, own: boolean): WorkerSession;
  /**
   * Settles what a worker hands back that has gone, connected or not: each lease by itself, like a submission or a
   * release of that worker. Resolves after all is durable; rejects never for what one lease is refused for.
   */
  handBack(body: HandBack): Promise<HandBackReply>;
  /** Workers that are, or were lately, connected to this coordinator. */
  nodes(): NodeStatus[];
  /** @throws ClusterError not_found */
  node(nodeId: string): NodeStatus;

  /** The `limit` workers that were heard of last, in the order of `nodes`. */
  recentNodes(limit: number): { readonly nodes: readonly NodeStatus[]; readonly total: number };

  /** Those of the whole cluster, whichever of its coordinators they are connected to. */
  allNodes(limit?: number): Promise<{ readonly nodes: readonly NodeStatus[]; readonly total: number }>;
  /** Rejects with ClusterError not_found. */
  findNode(nodeId: string): Promise<NodeStatus>;

  overview(): ClusterStatus;
  /**
   * The newest `limit` batches of the last minute that became durable after the batch numbered `after` (0: all).
   * `last` is the number of the newest.
   */
  batches(
    after: number,
    limit: number,
  ): { readonly now: string; readonly batches: readonly FinishedBatch[]; readonly last: number };
  throughput(windowSeconds: number): Promise<Throughput>;

  /** Returns the unsubscribe function. */
  watch(listener: JobListener): () => void;

  /** Null while ready, else the reason. */
  notReady(): string | null;
  /** Refuses new leases and jobs, tells workers to come back later, commits what has arrived, closes the store. */
  close(): Promise<void>;
}

/** What the core tells the metrics, as it happens. Implemented in metrics/. */
export interface Observer {
  jobChanged(type: string, from: JobState | null, to: JobState): void;
  leaseGranted(type: string, kind: WorkerKind): void;
  /** outcome: accepted, duplicate, or the error code. units are those newly counted. */
  submissionSettled(event: {
    type: string;
    kind: WorkerKind;
    /** It came from the operator's own worker. */
    own: boolean;
    outcome: string;
    units: bigint;
    computeMs: number;
  }): void;
  leaseEnded(type: string, how: 'submitted' | 'released' | 'expired' | 'revoked'): void;
  /** A result for a range of another coordinator was sent on to it. outcome: accepted, duplicate, or the error code */
  resultForwarded(outcome: string): void;
  /** Of so many jobs something was taken over that another coordinator has left. */
  tookOver(jobs: number): void;
  /** So many other coordinators gave no sign any more: they died, or were cut off from the store. */
  coordinatorsLost(count: number): void;
  /** Two answers to one range met and differed: whose was right after recomputation. */
  answersDiffered(type: string, wrong: 'first' | 'second' | 'both'): void;
  committed(event: { results: number; bytes: number; seconds: number }): void;
}

/** Gauges that metrics read at scrape time. */
export interface ClusterGauges {
  jobs(): ReadonlyMap<string, ReadonlyMap<JobState, number>>;
  workers(): ReadonlyMap<string, number>;
  /** Those that are connected, by kind and whose they are: every pair, also where there is none. */
  connected(): readonly ConnectedWorkers[];
  leases(): number;
  /** Jobs that wait for a first lease, and results that wait for their commit. */
  queueDepth(): { jobs: number; results: number };
  /** Whether the store can be written. */
  storeAvailable(): boolean;
  /** Coordinators that live, this one counted. */
  replicas(): number;
}

export interface ConnectedWorkers {
  readonly kind: WorkerKind;
  /** The operator's own; else volunteers. */
  readonly own: boolean;
  readonly workers: number;
  /** Their busy shares, as their heartbeats say, added up: 2 workers at 60 % are 1.2. */
  readonly busy: number;
}
