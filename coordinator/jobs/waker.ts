/** Tells idle workers that there is work, the best suited first, and not more of them than need be. */
import { isGpuKind } from '../../protocol/messages.ts';
import { isFeasible, isFit, score } from '../scheduler/placement.ts';
import type { WorkerFacts } from '../scheduler/placement.ts';
import type { Core } from './core.ts';
import type { Job } from './job.ts';
import type { Node } from './nodes.ts';

/** A worker that was woken wakes others by taking a lease (`wakeMore`), so the first call need not wake all. */
const WOKEN_AT_ONCE = 64;
const WOKEN_BY_GRANT = 2;
/** Of idle workers that are alike, looked at per call. The others ask by themselves before long. */
const LOOKED_AT = 2 * WOKEN_AT_ONCE;

/** Idle workers that every job finds equally good that does not ask for one by its name. */
interface Kind {
  readonly facts: WorkerFacts;
  readonly nodes: Set<Node>;
}

export class Waker {
  readonly #core: Core;
  /**
   * Workers that asked and got nothing, by their kind: a job is compared with each kind once, so that a grant costs the
   * same with ten idle workers and with ten thousand (of which it looked at 2,000 before: 0.7 of 1.2 ms of a round trip).
   */
  readonly #idle = new Map<string, Kind>();
  /** Where each idle worker is. */
  readonly #kinds = new Map<Node, string>();
  readonly #keys = new WeakMap<WorkerFacts, string>();

  constructor(core: Core) {
    this.#core = core;
  }

  get hasIdle(): boolean {
    return this.#kinds.size > 0;
  }

  /** The worker asked for a lease and got none. */
  rest(node: Node): void {
    this.forget(node);
    const key = this.#keys.get(node.facts) ?? kindOf(node.facts);
    this.#keys.set(node.facts, key);
    const kind = this.#idle.get(key) ?? { facts: node.facts, nodes: new Set<Node>() };
    this.#idle.set(key, kind);
    kind.nodes.add(node);
    this.#kinds.set(node, key);
  }

  forget(node: Node): void {
    const key = this.#kinds.get(node);
    if (key === undefined) return;
    this.#kinds.delete(node);
    const kind = this.#idle.get(key);
    kind?.nodes.delete(node);
    if (kind?.nodes.size === 0) this.#idle.delete(key);
  }

  wake(job: Job, most = WOKEN_AT_ONCE): void {
    if (!this.hasIdle || !job.ready) return;
    for (const node of this.candidates(job, most)) {
      this.forget(node);
      node.link?.notifyWork();
    }
  }

  /** A lease of the job was granted; if there is more of it, others may want some too. */
  wakeMore(job: Job): void {
    this.wake(job, WOKEN_BY_GRANT);
  }

  /** Idle workers for the job, at most so many, the best suited first. */
  candidates(job: Job, most: number): readonly Node[] {
    const now = this.#core.now();
    const isWilling = (node: Node): boolean =>
      node.takesWork && node.barredUntil <= now && !node.avoids(job.id, now);
    const gpu = hasFeasibleGpu(this.#core, job);
    const { node_id: name } = job.demand.placement;
    if (name !== undefined) {
      const node = this.#core.nodes.get(name);
      const isIdle = node !== undefined && this.#kinds.has(node);
      return isIdle && isWilling(node) && suits(job, node.facts, gpu) ? [node] : [];
    }
    const fit = [...this.#idle.values()].filter(({ facts }) => suits(job, facts, gpu));
    fit.sort((a, b) => score(job.demand, b.facts) - score(job.demand, a.facts));
    const found: Node[] = [];
    for (const { nodes } of fit) {
      let looked = 0;
      for (const node of nodes) {
        looked += 1;
        if (looked > LOOKED_AT || found.length === most) break;
        if (isWilling(node)) found.push(node);
      }
    }
    return found;
  }
}

function suits(job: Job, facts: WorkerFacts, gpu: boolean): boolean {
  return isFeasible(job.demand, facts) && isFit(job.demand, facts, gpu);
}

function kindOf({ kind, gpuMemoryMb, tags, workloads, priority }: WorkerFacts): string {
  return JSON.stringify([kind, gpuMemoryMb, [...tags].toSorted(), [...workloads].toSorted(), priority]);
}

/** Whether a GPU worker that could take the job is connected. */
export function hasFeasibleGpu(core: Core, job: Pick<Job, 'demand'>): boolean {
  if (!job.demand.gpuPreferred) return false;
  for (const node of core.nodes.gpus) {
    if (node.takesWork && node.barredUntil <= core.now() && isFeasible(job.demand, node.facts)) return true;
  }
  return core.elsewhere.facts.some((facts) => isGpuKind(facts.kind) && isFeasible(job.demand, facts));
}
