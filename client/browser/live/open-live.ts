/** The EventSource behind the page's signals. */
import { signal } from '@preact/signals';
import type {
  ClusterStatus,
  JobCoverage,
  JobResults,
  JobStatus,
  NodeStatus,
} from '../../../protocol/http.ts';
import type { FinishedBatch, Topic } from '../../../protocol/live.ts';
import type { Connection, Live } from './live.ts';

export function openLive(_topics: readonly Topic[]): Live {
  return {
    connection: signal<Connection>('connecting'),
    outdated: signal(false),
    cluster: signal<ClusterStatus | undefined>(undefined),
    jobs: signal<readonly JobStatus[] | undefined>(undefined),
    nodes: signal<{ readonly nodes: readonly NodeStatus[]; readonly total: number } | undefined>(undefined),
    batches: signal<readonly FinishedBatch[]>([]),
    progress: signal<JobStatus | undefined>(undefined),
    result: signal<JobResults | undefined>(undefined),
    coverage: signal<JobCoverage | undefined>(undefined),
    watch: () => undefined,
  };
}
