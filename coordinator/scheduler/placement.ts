/**
 * Which worker may compute which job: feasible → fit → score. Pure functions of what a job asks for and what a
 * worker said of itself.
 */
import type { Placement } from '../../protocol/http.ts';
import { isGpuKind } from '../../protocol/messages.ts';
import type { Hello, WorkerKind } from '../../protocol/messages.ts';

/** What a job asks of a worker. Jobs with the same demand share a group in the queue. */
export interface Demand {
  readonly type: string;
  readonly workloadVersion: number;
  readonly gpuPreferred: boolean;
  readonly placement: Placement;
}

export interface WorkerFacts {
  readonly nodeId: string;
  /** The operator's own worker, not a stranger's: only these can be asked for by name. */
  readonly own: boolean;
  readonly kind: WorkerKind;
  /** Null: unknown, satisfies no minimum. */
  readonly gpuMemoryMb: number | null;
  readonly tags: ReadonlySet<string>;
  /** `type@version` */
  readonly workloads: ReadonlySet<string>;
  readonly priority: number;
}

/**
 * What a stranger says of its tags and of a priority above the usual counts for nothing: either would draw the work
 * of others to it.
 */
export function workerFacts(hello: Hello, own: boolean): WorkerFacts {
  return {
    nodeId: hello.node_id,
    own,
    kind: hello.kind,
    gpuMemoryMb: hello.device.gpu_memory_mb,
    tags: shared(own ? hello.tags : []),
    workloads: shared(hello.workloads.map(({ type, version }) => `${type}@${version}`)),
    priority: own ? hello.priority : Math.min(0, hello.priority),
  };
}

/** Workers say the same by thousands; a set of its own for each would be 0.2 KB of its 20. Strangers may say anything. */
const MAX_SHARED = 256;
const sets = new Map<string, ReadonlySet<string>>();

function shared(names: readonly string[]): ReadonlySet<string> {
  const key = JSON.stringify(names);
  const known = sets.get(key);
  if (known !== undefined) return known;
  const set = new Set(names);
  if (sets.size < MAX_SHARED) sets.set(key, set);
  return set;
}

/** Equal for jobs that the same workers can take. */
export function demandKey({ type, workloadVersion, gpuPreferred, placement }: Demand): string {
  const { node_id: node, require_gpu: gpu, min_gpu_memory_mb: memory, tags } = placement;
  const sorted = [...new Set(tags ?? [])].toSorted();
  return JSON.stringify([type, workloadVersion, gpuPreferred, node, gpu === true, memory, sorted]);
}

/** What a worker must have, in the order in which a lack is told. */
export const REQUIREMENTS = ['workload', 'node', 'gpu', 'gpu_memory', 'tags'] as const;
export type Requirement = (typeof REQUIREMENTS)[number];

/** Whether the worker has this one thing that the job needs. */
export function meets(requirement: Requirement, demand: Demand, worker: WorkerFacts): boolean {
  const { node_id: node, require_gpu: gpu, min_gpu_memory_mb: memory, tags } = demand.placement;
  switch (requirement) {
    case 'workload':
      return worker.workloads.has(`${demand.type}@${demand.workloadVersion}`);
    case 'node':
      return node === undefined || (worker.own && node === worker.nodeId);
    case 'gpu':
      return gpu !== true || isGpuKind(worker.kind);
    case 'gpu_memory':
      return memory === undefined || (worker.gpuMemoryMb !== null && worker.gpuMemoryMb >= memory);
    case 'tags':
      return tags === undefined || tags.every((tag) => worker.tags.has(tag));
  }
}

/** Hard: nothing may run where this is false. */
export function isFeasible(demand: Demand, worker: WorkerFacts): boolean {
  return REQUIREMENTS.every((requirement) => meets(requirement, demand, worker));
}

/**
 * Soft: among feasible workers, who should take it now. A job that prefers GPUs is left to them as long as one
 * that is feasible is connected.
 */
export function isFit(demand: Demand, worker: WorkerFacts, feasibleGpuConnected: boolean): boolean {
  return !demand.gpuPreferred || isGpuKind(worker.kind) || !feasibleGpuConnected;
}

/**
 * Higher is woken first when work arrives for idle workers: by the priority that the worker's operator gave
 * it, then a GPU for a job that prefers one, then those that little else fits (a CPU before a GPU, where the
 * job does not care).
 */
export function score(demand: Demand, worker: WorkerFacts): number {
  const wantsGpu = demand.gpuPreferred || demand.placement.require_gpu === true;
  return worker.priority * 2 + (isGpuKind(worker.kind) === wantsGpu ? 1 : 0);
}

/**
 * What no connected worker has, in words; null if one is feasible. Requirements are added one by one in their
 * order, and the first that leaves nobody is named.
 */
export function lacking(demand: Demand, workers: Iterable<WorkerFacts>): string | null {
  let left = [...workers];
  if (left.length === 0) return 'a worker: none is connected';
  const { node_id: node, min_gpu_memory_mb: memory, tags } = demand.placement;
  const words: Record<Requirement, string> = {
    workload: `a worker that knows ${demand.type} version ${demand.workloadVersion}: the connected ones don't, update them`,
    node: `the worker ${node ?? ''}: no worker of the operator’s own that is connected has this name`,
    gpu: 'a GPU worker: none is connected that could take it',
    gpu_memory: `a GPU with at least ${memory ?? 0} MB of known memory: no connected worker has it`,
    tags: `a worker with the tags ${(tags ?? []).join(', ')}: no connected worker has them all`,
  };
  for (const requirement of REQUIREMENTS) {
    left = left.filter((worker) => meets(requirement, demand, worker));
    if (left.length === 0) return words[requirement];
  }
  return null;
}
