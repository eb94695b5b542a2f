/** What the core is made of and what it is told. */
import type { Kernels, Workload } from '../../protocol/workload.ts';
import type { Observer, Runtime } from '../cluster.ts';
import type { ExpectedWorkers } from '../expected-workers.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/store.ts';
import type { JobRules } from './job-rules.ts';
import type { Recompute } from '../verify/truth.ts';

export interface ClusterConfig {
  /** Version of this software, as told to workers and in status. */
  readonly softwareVersion: string;
  readonly expectedWorkers: ExpectedWorkers;
  /** How long a batch should take (10 s). */
  readonly targetMs?: number | undefined;
  /** How often workers report (10 s). */
  readonly heartbeatMs?: number | undefined;
  /** A worker that was not heard of for so long loses its leases (30 s). */
  readonly silentAfterMs?: number | undefined;
  /** What is not said is as in DEFAULT_JOB_RULES. */
  readonly rules?: Partial<JobRules> | undefined;
  /** Connected workers (20,000). */
  readonly maxWorkers?: number | undefined;
}

export interface ClusterDependencies {
  /** Closed by `Cluster.close`. */
  readonly store: Store;
  readonly workloads: ReadonlyMap<string, Workload>;
  readonly runtime: Runtime;
  readonly observer: Observer;
  /** Closed by `Cluster.close`. */
  readonly recompute: Recompute;
  readonly kernelHashes: (kernels: Kernels) => { readonly gpu: string; readonly cpu: string };
  readonly log: Log;
  readonly config: ClusterConfig;
  /**
   * Resolves when everything that has already arrived was handed to the core; what arrives until then shares
   * the next commit. By default one turn of the event loop.
   */
  readonly turn?: (() => Promise<void>) | undefined;
  /** Secure random bytes; by default the system's. */
  readonly randomBytes?: ((length: number) => Uint8Array) | undefined;
}
