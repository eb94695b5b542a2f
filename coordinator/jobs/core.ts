/** What the parts of the core share. Built in create-cluster.ts. */
import type { FairQueue } from '../scheduler/fair-queue.ts';
import type { Committer } from './committer.ts';
import type { ClusterDependencies } from './dependencies.ts';
import type { Elsewhere } from './elsewhere.ts';
import type { Job } from './job.ts';
import type { JobRules } from './job-rules.ts';
import type { NodeTable } from './nodes.ts';
import type { RecentBatches } from './recent-batches.ts';
import type { ThroughputMeter } from './throughput.ts';
import type { TokenSigner } from './token.ts';
import type { Watchers } from './watchers.ts';

export interface Limits {
  readonly targetMs: number;
  readonly heartbeatMs: number;
  readonly silentAfterMs: number;
  readonly maxWorkers: number;
}

export interface Core {
  readonly dependencies: ClusterDependencies;
  readonly limits: Limits;
  readonly rules: JobRules;
  readonly committer: Committer;
  readonly nodes: NodeTable;
  readonly queue: FairQueue<Job>;
  readonly signer: TokenSigner;
  readonly throughput: ThroughputMeter;
  readonly batches: RecentBatches;
  readonly watchers: Watchers;
  /** ALONE until the core is put together. */
  elsewhere: Elsewhere;
  /** Whether the store can be written, as far as is known. */
  readonly storeAvailable: boolean;
  /** Time of the start, milliseconds since 1970. */
  readonly startedAt: number;
  now(): number;
}
