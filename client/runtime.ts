/**
 * Time and chance, injected everywhere in the worker loop and the engines, so that tests run the real loop
 * under a virtual clock.
 */
export interface Runtime {
  /** Milliseconds, monotonic as far as the host can; only differences are used. */
  now(): number;
  /** Timers may fire late, never early. @returns cancels it */
  setTimer(ms: number, fire: () => void): () => void;
  /** 0 ≤ x < 1. For jitter, never for secrets. */
  random(): number;
}

/** Resolves after `ms`. */
export function sleep(runtime: Runtime, ms: number): Promise<void> {
  return new Promise((resolve) => void runtime.setTimer(ms, resolve));
}

/** An event without data. What is awaited is the next `fire` after the call of `wait`. */
export class Signal {
  #waiting: (() => void)[] = [];

  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  fire(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
