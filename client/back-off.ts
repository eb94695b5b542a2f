/** Waiting times between attempts: doubled at each failure, with jitter so that workers don't come back in step. */
import type { Runtime } from './runtime.ts';

export interface BackOffOptions {
  readonly first_ms: number;
  readonly longest_ms: number;
}

export class BackOff {
  readonly #runtime: Runtime;
  readonly #options: BackOffOptions;
  #failures = 0;

  constructor(runtime: Runtime, options: BackOffOptions) {
    this.#runtime = runtime;
    this.#options = options;
  }

  get failures(): number {
    return this.#failures;
  }

  /** How long to wait after one more failure: between half and all of first_ms · 2^failures. */
  next_ms(): number {
    const { first_ms, longest_ms } = this.#options;
    const full = Math.min(longest_ms, first_ms * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    return full * (0.5 + this.#runtime.random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
