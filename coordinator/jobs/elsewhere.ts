/**
 * What the core needs of the other coordinators that share its store. `replicas/` implements it; a coordinator with a
 * store of its own is ALONE.
 */
import type { Release, Submission, SubmissionReply } from '../../protocol/messages.ts';
import type { Range } from '../../protocol/range.ts';
import type { ClusterStatus, JobCoverage, NodeStatus } from '../../protocol/http.ts';
import type { WorkerFacts } from '../scheduler/placement.ts';
import type { Job } from './job.ts';
import type { Node } from './nodes.ts';

export interface Elsewhere {
  /** Whether there are, or may be, other coordinators. */
  readonly shared: boolean;
  /** Whether the store, and with it the others, was heard of a second ago. */
  readonly reachable: boolean;
  /** Of workers that take work and are connected elsewhere; equal ones once. */
  readonly facts: readonly WorkerFacts[];
  /** Of all others, as of a second ago. */
  readonly workers: Pick<ClusterStatus['workers'], 'connected' | 'by_kind' | 'by_state'>;
  readonly throughput: ClusterStatus['throughput'];
  /** Looks for a job that another coordinator may have added a moment ago. @throws ClusterError store_unavailable */
  learn(jobId: string): Promise<void>;
  /** Leases that are out, and units per second. */
  outOf(jobId: string): { readonly leases: number; readonly rate: number };
  /**
   * Has the owner of the range settle a result. Undefined: nobody owns it but perhaps this coordinator, which has
   * looked for what the store says that it owns.
   * @throws ClusterError what the owner says; not_ready: it does not answer
   */
  settle(
    sender: Node,
    submission: Submission,
    jobId: string,
    range: Range,
  ): Promise<SubmissionReply['status'] | undefined>;
  /** Tells the coordinator with this epoch, which granted the lease. Nobody waits for it. */
  release(sender: Node, release: Release, epoch: number): void;
  /** A worker has connected here: it is gone elsewhere. */
  arrived(node: Node): void;
  /** Workers that are connected elsewhere, or were lately. */
  nodes(limit: number | null): Promise<{ readonly nodes: readonly NodeStatus[]; readonly total: number }>;
  node(nodeId: string): Promise<NodeStatus | undefined>;
  leases(jobId: string): Promise<JobCoverage['leased']>;
  /** Somebody looks at batches: those of the others are fetched. */
  watchBatches(): void;
  /** Whether every number of the job is durably counted, by whomever. */
  isCovered(job: Job): Promise<boolean>;
}

const NOBODY = { connected: 0, by_kind: {}, by_state: {} } as const;
const NOTHING_OUT = { leases: 0, rate: 0 } as const;

export const ALONE: Elsewhere = {
  shared: false,
  reachable: true,
  facts: [],
  workers: NOBODY,
  throughput: [],
  learn: () => Promise.resolve(),
  outOf: () => NOTHING_OUT,
  settle: () => Promise.resolve(undefined),
  release: () => undefined,
  arrived: () => undefined,
  nodes: () => Promise.resolve({ nodes: [], total: 0 }),
  node: () => Promise.resolve(undefined),
  leases: () => Promise.resolve([]),
  watchBatches: () => undefined,
  isCovered: (job) => Promise.resolve(job.done === job.total),
};
