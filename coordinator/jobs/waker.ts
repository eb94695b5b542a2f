/** Tells idle workers that there is work, the best suited first, and not more of them than need be. */
import { isGpuKind } from '../../protocol/messages.ts';
import { isFeasible, isFit, score } from '../scheduler/placement.ts';
import type { Core } from './core.ts';
import type { Job } from './job.ts';
import type { Node } from './nodes.ts';

/** A worker that was woken wakes others by taking a lease (`wakeMore`), so the first call need not wake all. */
const WOKEN_AT_ONCE = 64;
const WOKEN_BY_GRANT = 2;
/** Idle workers looked at per call. The others ask by themselves before long. */
const LOOKED_AT = 2000;

export class Waker {
  readonly #core: Core;
  /** Workers that asked and got nothing. */
  readonly #idle = new Set<Node>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Workers that wait for work. */
  get idle(): Iterable<Node> {
    return this.#idle;
  }

  /** The worker asked for a lease and got none. */
  rest(node: Node): void {
    this.#idle.add(node);
  }

  forget(node: Node): void {
    this.#idle.delete(node);
  }

  wake(job: Job, most = WOKEN_AT_ONCE): void {
    if (this.#idle.size === 0 || !job.ready) return;
    const now = this.#core.now();
    const gpu = hasFeasibleGpu(this.#core, job);
    const candidates: Node[] = [];
    let looked = 0;
    for (const node of this.#idle) {
      looked += 1;
      if (looked > LOOKED_AT) break;
      if (!node.takesWork || node.barredUntil > now || node.avoids(job.id, now)) continue;
      if (isFeasible(job.demand, node.facts) && isFit(job.demand, node.facts, gpu)) candidates.push(node);
    }
    if (candidates.length > most) {
      candidates.sort((a, b) => score(job.demand, b.facts) - score(job.demand, a.facts));
    }
    for (const node of candidates.slice(0, most)) {
      this.#idle.delete(node);
      node.link?.notifyWork();
    }
  }

  /** A lease of the job was granted; if there is more of it, others may want some too. */
  wakeMore(job: Job): void {
    this.wake(job, WOKEN_BY_GRANT);
  }
}

/** Whether a GPU worker that could take the job is connected. */
export function hasFeasibleGpu(core: Core, job: Pick<Job, 'demand'>): boolean {
  if (!job.demand.gpuPreferred) return false;
  for (const node of core.nodes.gpus) {
    if (node.takesWork && node.barredUntil <= core.now() && isFeasible(job.demand, node.facts)) return true;
  }
  return core.elsewhere.facts.some((facts) => isGpuKind(facts.kind) && isFeasible(job.demand, facts));
}
