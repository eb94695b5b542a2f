/**
 * How long a job would take if the cluster did nothing else. Known only while work like it is being done: verifying
 * is many times faster than statistics, so rates are those of the mode, and a root is as much work as its tree has threads.
 */
import type { ClusterStatus, JobStatus } from '../../../protocol/http.ts';
import { expectedThreads } from '../../../shaders/thread-sim/expected-threads.ts';
import type { SubmitRequest } from '../api/api.ts';

type Parameters = Readonly<Record<string, string | number>>;
/** Throughput is a mean over the last minute. */
const RECENT_MS = 60_000;

/**
 * @param jobs those that run or ran; undefined: not known, then nothing is
 * @param nowMs milliseconds since 1970
 * @returns seconds; undefined: not known
 */
export function estimateSeconds(
  order: SubmitRequest,
  cluster: ClusterStatus | undefined,
  jobs: readonly JobStatus[] | undefined,
  nowMs: number,
): number | undefined {
  if (cluster === undefined || jobs === undefined) return undefined;
  const { mode } = order.parameters;
  const unitsPerSecond = cluster.throughput
    .filter(({ type }) => type === order.type)
    .flatMap(({ variants }) => variants)
    .filter(({ variant }) => variant === (mode ?? null))
    .reduce((sum, { units_per_second }) => sum + units_per_second, 0);
  const measured = jobs.filter(
    (job) => job.type === order.type && job.parameters['mode'] === mode && wasRunning(job, nowMs),
  );
  if (unitsPerSecond <= 0 || measured.length === 0) return undefined;
  const weights = measured.map(({ type, parameters }) => weightOfUnit(type, parameters));
  const meanWeight = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  const work = unitsOf(order) * weightOfUnit(order.type, order.parameters);
  return work / (unitsPerSecond * meanWeight);
}

function wasRunning({ status, finished_at }: JobStatus, nowMs: number): boolean {
  return status === 'running' || (finished_at !== null && nowMs - Date.parse(finished_at) < RECENT_MS);
}

/** Numbers or roots. */
function unitsOf({ type, parameters }: SubmitRequest): number {
  if (type === 'thread') return Number(parameters['thread_count']);
  return Number(BigInt(parameters['end'] ?? 0) - BigInt(parameters['start'] ?? 0));
}

function weightOfUnit(type: string, p: Parameters): number {
  if (type !== 'thread') return 1;
  return expectedThreads({
    maxDepth: Number(p['max_depth']),
    maxChildren: Number(p['max_children']),
    spawnThreshold: Number(p['spawn_threshold']),
    maxThreads: Number(p['max_threads']),
  });
}
