/**
 * Rates by whoever is counted: the generic cell rate algorithm (ITU-T I.371), one number for each caller. A library
 * was weighed: those that keep their counts in memory set a timer for each caller, or grow with every new address;
 * this one has a bound.
 */
export interface Rate {
  readonly perSecond: number;
  /** What may come at once after a rest. */
  readonly burst: number;
}

const MAX_CALLERS = 50_000;
/** Room that is made at once: who comes from a new address every time must not cost a walk over all each time. */
const KEPT_CALLERS = 45_000;

export class RateLimiter {
  readonly #interval_ms: number;
  readonly #tolerance_ms: number;
  readonly #now: () => number;
  /** When each caller's bucket will be full again. In the order of their last request. */
  readonly #fullAt = new Map<string, number>();

  /** @param now milliseconds, never going back */
  constructor({ perSecond, burst }: Rate, now: () => number = () => performance.now()) {
    this.#interval_ms = 1000 / perSecond;
    this.#tolerance_ms = this.#interval_ms * (Math.max(burst, 1) - 1);
    this.#now = now;
  }

  /** Callers that are remembered: at most 50,000, and none that is long at rest. */
  get size(): number {
    return this.#fullAt.size;
  }

  /** Takes one. @returns 0, or the milliseconds until one would be granted; then nothing is taken */
  take(caller: string): number {
    const now = this.#now();
    const fullAt = Math.max(this.#fullAt.get(caller) ?? 0, now);
    const wait = fullAt - now - this.#tolerance_ms;
    if (wait > 0) return wait;
    this.#fullAt.delete(caller);
    this.#fullAt.set(caller, fullAt + this.#interval_ms);
    if (this.#fullAt.size > MAX_CALLERS) this.#forget(now);
    return 0;
  }

  /** Those at rest; if these are too few, whoever asked longest ago. */
  #forget(now: number): void {
    for (const [caller, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(caller);
    for (const caller of this.#fullAt.keys()) {
      if (this.#fullAt.size <= KEPT_CALLERS) return;
      this.#fullAt.delete(caller);
    }
  }
}
