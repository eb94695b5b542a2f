/** The time of one simulated process: it can be killed, and it can be stopped for a while and go on. */
import type { Runtime } from '../../client/runtime.ts';
import type { VirtualClock } from './clock.ts';

export class ProcessTime implements Runtime {
  readonly #clock: VirtualClock;
  readonly #random: () => number;
  readonly #timers = new Set<() => void>();
  #alive = true;
  #frozen_until = 0;

  constructor(clock: VirtualClock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** A killed process does nothing any more: whoever calls back into it asks first. */
  get alive(): boolean {
    return this.#alive;
  }

  now(): number {
    return this.#clock.now();
  }

  random(): number {
    return this.#random();
  }

  setTimer(ms: number, fire: () => void): () => void {
    if (!this.#alive) return () => undefined;
    let cancelTimer: () => void = () => undefined;
    const cancel = (): void => {
      this.#timers.delete(cancel);
      cancelTimer();
    };
    const schedule = (delay_ms: number): void => {
      cancelTimer = this.#clock.setTimer(delay_ms, () => {
        const frozen_ms = this.#frozen_until - this.#clock.now();
        if (frozen_ms > 0) {
          schedule(frozen_ms);
          return;
        }
        this.#timers.delete(cancel);
        fire();
      });
    };
    this.#timers.add(cancel);
    schedule(ms);
    return cancel;
  }

  /** As SIGSTOP, and SIGCONT after `ms`: timers and messages wait. */
  freeze(ms: number): void {
    this.#frozen_until = Math.max(this.#frozen_until, this.#clock.now() + ms);
  }

  /** As SIGKILL. */
  kill(): void {
    this.#alive = false;
    for (const cancel of [...this.#timers]) cancel();
  }
}
