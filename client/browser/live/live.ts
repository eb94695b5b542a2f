/**
 * The page's live data: one stream, reconnecting, as signals. A value stays when the connection is lost;
 * `connection` says that it is old, and whoever shows it greys it out.
 */
import type { ReadonlySignal } from '@preact/signals';
import type {
  ClusterStatus,
  JobCoverage,
  JobResults,
  JobStatus,
  NodeStatus,
} from '../../../protocol/http.ts';
import type { FinishedBatch, Topic } from '../../../protocol/live.ts';

export type Connection =
  /** The first answer has not come yet. */
  | 'connecting'
  | 'live'
  /** Lost, trying again: what is shown is old. */
  | 'lost'
  /** The browser says that there is no network. */
  | 'offline'
  /** The coordinator shows its figures only to those with a key; it is not asked again before there is one. */
  | 'key_needed';

export interface Live {
  readonly connection: ReadonlySignal<Connection>;
  /** When the coordinator was last heard, milliseconds since 1970 by this device's clock; undefined: never yet. */
  readonly heardAt: ReadonlySignal<number | undefined>;
  /**
   * How far this device's clock is ahead of the coordinator's. The times of `batches` are by this device's clock
   * already, all others by the coordinator's.
   */
  readonly clockAhead_ms: ReadonlySignal<number>;
  /** Of the coordinator, as it changes; another one than at the page's start: reload. */
  readonly outdated: ReadonlySignal<boolean>;
  /** Undefined: not known yet. */
  readonly cluster: ReadonlySignal<ClusterStatus | undefined>;
  readonly jobs: ReadonlySignal<readonly JobStatus[] | undefined>;
  readonly nodes: ReadonlySignal<
    { readonly nodes: readonly NodeStatus[]; readonly total: number } | undefined
  >;
  /** Those of the last minute, oldest first. */
  readonly batches: ReadonlySignal<readonly FinishedBatch[]>;
  /** The watched job's. */
  readonly progress: ReadonlySignal<JobStatus | undefined>;
  readonly result: ReadonlySignal<JobResults | undefined>;
  readonly coverage: ReadonlySignal<JobCoverage | undefined>;
  /** Watches this job too, or none; its signals are undefined until its events come. */
  watch(jobId: string | undefined): void;
}

export type OpenLive = (topics: readonly Topic[]) => Live;
