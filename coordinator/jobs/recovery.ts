/**
 * After a restart, or when another coordinator's work was taken over, workers still compute batches of before, and
 * their tokens are good. Holes of segments from before are therefore left alone at first; new work comes from beyond
 * the cursor. That ends when nobody that is connected holds such a batch (after the time that workers take to come
 * back), or after a while in any case.
 */
import type { Core } from './core.ts';
import type { Job } from './job.ts';
import { isOver } from './transitions.ts';
import type { Waker } from './waker.ts';

const COMING_BACK_MS = 5000;
const LONGEST_HOLD_MS = 20_000;
const STILL_COMING_MS = 2000;

export class Recovery {
  readonly #core: Core;
  readonly #waker: Waker;
  #held: readonly Job[] = [];
  /** Of the latest take-over: one more makes all wait for its workers too. */
  #since = 0;

  constructor(core: Core, waker: Waker) {
    this.#core = core;
    this.#waker = waker;
  }

  hold(jobs: readonly Job[]): void {
    const more = jobs.filter((job) => !isOver(job.state) && job.segments.length > 0);
    if (more.length === 0) return;
    this.#since = this.#core.now();
    this.#held = [...new Set([...this.#held, ...more])];
    for (const job of more) {
      job.holdsRecovered = true;
      this.#core.queue.refresh(job);
    }
  }

  sweep(): void {
    if (this.#held.length === 0) return;
    const elapsedMs = this.#core.now() - this.#since;
    if (elapsedMs < COMING_BACK_MS) return;
    if (elapsedMs < LONGEST_HOLD_MS && (this.#isUnderWay() || this.#areComingBack())) return;
    const held = this.#held;
    this.#held = [];
    for (const job of held) {
      job.holdsRecovered = false;
      this.#core.queue.refresh(job);
      this.#waker.wake(job);
    }
  }

  /** Thousands take longer to come back: as long as some do, more may. */
  #areComingBack(): boolean {
    return this.#core.now() - this.#core.nodes.joinedAt < STILL_COMING_MS;
  }

  #isUnderWay(): boolean {
    for (const node of this.#core.nodes.all) {
      if (node.link !== undefined && !node.silent && node.earlierLeases.size > 0) return true;
    }
    return false;
  }
}
