/** What somebody who looks after the cluster should know now, the worst first, each with what to do. */
import type { ClusterStatus, JobStatus, NodeStatus } from '../../../protocol/http.ts';
import { duration } from '../format/duration.ts';
import { grouped } from '../format/figures.ts';
import { jobTitle } from './job-text.ts';
import { lateLeases } from './late-leases.ts';
import { numberName } from './number-name.ts';

export type NoticeAction =
  | { readonly kind: 'job'; readonly jobId: string }
  | { readonly kind: 'device'; readonly nodeId: string }
  | { readonly kind: 'add' };

export interface Notice {
  /** Of its cause: the same trouble keeps its place. */
  readonly id: string;
  readonly level: 'broken' | 'warning' | 'note';
  readonly title: string;
  readonly detail: string;
  readonly action: NoticeAction | undefined;
}

export interface Known {
  readonly cluster: ClusterStatus;
  readonly nodes: readonly NodeStatus[];
  readonly jobs: readonly JobStatus[];
}

const FAILED_FOR_MS = 24 * 3600 * 1000;
/** In line, or all workers are busy: nothing is missing. */
const QUEUED = /^(behind |a free worker$)/;

export function needsALook({ cluster, nodes, jobs }: Known): readonly Notice[] {
  const now = Date.parse(cluster.now);
  const job = (id: string) => jobs.find(({ job_id }) => job_id === id);
  return [
    ...ofCoordinator(cluster),
    ...failed(jobs, now),
    ...lateLeases(nodes, now).map(({ node, lease, late_ms }): Notice => ({
      id: `late ${lease.lease_id}`,
      level: 'warning',
      title: `Lease late by ${duration(late_ms / 1000)}`,
      detail: `${node.node_id}, ${nameOf(job(lease.job_id), lease.job_id)}, from ${numberName(BigInt(lease.start))}`,
      action: { kind: 'job', jobId: lease.job_id },
    })),
    ...nodes
      .filter(({ state }) => state === 'silent')
      .map((node): Notice => ({
        id: `silent ${node.node_id}`,
        level: 'warning',
        title: `${node.node_id} is silent`,
        detail: `last heard ${duration((now - Date.parse(node.last_heartbeat)) / 1000)} ago; its batches go back by themselves`,
        action: { kind: 'device', nodeId: node.node_id },
      })),
    ...nodes
      .filter(({ errors, state }) => errors > 0 && state !== 'offline')
      .map((node): Notice => ({
        id: `errors ${node.node_id}`,
        level: 'warning',
        title: `${node.node_id}: ${grouped(node.errors)} ${node.errors === 1 ? 'error' : 'errors'}`,
        detail: `beside ${grouped(node.batches_done)} batches done`,
        action: { kind: 'device', nodeId: node.node_id },
      })),
    ...waiting(cluster, job),
    ...missing(cluster),
  ];
}

function ofCoordinator({ store, draining }: ClusterStatus): readonly Notice[] {
  const notices: Notice[] = [];
  if (store === 'unavailable') {
    notices.push({
      id: 'store',
      level: 'broken',
      title: 'The store can’t be written',
      detail: 'Results wait and are not lost. Look at the disk of DATA_DIR: is it full?',
      action: undefined,
    });
  }
  if (draining) {
    notices.push({
      id: 'draining',
      level: 'note',
      title: 'The coordinator is stopping',
      detail: 'It hands out no more work. Workers come back when it runs again.',
      action: undefined,
    });
  }
  return notices;
}

function failed(jobs: readonly JobStatus[], now: number): readonly Notice[] {
  return jobs
    .filter(
      ({ status, finished_at }) =>
        status === 'failed' && (finished_at === null || now - Date.parse(finished_at) < FAILED_FOR_MS),
    )
    .map((job) => ({
      id: `failed ${job.job_id}`,
      level: 'broken' as const,
      title: `${nameOf(job, job.job_id)} failed`,
      detail: job.error?.message ?? '',
      action: { kind: 'job' as const, jobId: job.job_id },
    }));
}

function waiting({ waiting }: ClusterStatus, job: (id: string) => JobStatus | undefined): readonly Notice[] {
  return waiting
    .filter(({ waiting_for }) => !QUEUED.test(waiting_for))
    .map(({ job_id, waiting_for }) => ({
      id: `waiting ${job_id}`,
      level: 'warning' as const,
      title: `${nameOf(job(job_id), job_id)} waits`,
      detail: `for ${waiting_for}`,
      action: waiting_for.startsWith('a worker: none')
        ? { kind: 'add' as const }
        : { kind: 'job' as const, jobId: job_id },
    }));
}

function missing({ workers: { expected, connected } }: ClusterStatus): readonly Notice[] {
  if (expected === null || connected >= expected) return [];
  return [
    {
      id: 'missing',
      level: 'warning',
      title: `${grouped(expected - connected)} of ${grouped(expected)} expected workers are missing`,
      detail: 'as many are expected by CLUSTER_SIZE',
      action: { kind: 'add' },
    },
  ];
}

function nameOf(job: JobStatus | undefined, jobId: string): string {
  if (job === undefined) return `Job ${jobId}`;
  return job.name ?? jobTitle(job);
}
