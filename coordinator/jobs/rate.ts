/** Units per second over a sliding window, in fixed memory. */

export class SlidingRate {
  readonly #slotMs: number;
  readonly #sums: Float64Array;
  /** Which slot of time each sum belongs to. */
  readonly #slots: Float64Array;
  #firstAt: number | undefined;

  constructor(windowMs: number, slots = 15) {
    this.#slotMs = windowMs / slots;
    this.#sums = new Float64Array(slots);
    this.#slots = new Float64Array(slots).fill(-1);
  }

  /** @param sinceMs when the work on these units began, if it is the first that is added */
  add(nowMs: number, units: number, sinceMs = nowMs): void {
    this.#firstAt ??= sinceMs;
    const slot = Math.floor(nowMs / this.#slotMs);
    const index = slot % this.#sums.length;
    if (this.#slots[index] !== slot) {
      this.#slots[index] = slot;
      this.#sums[index] = 0;
    }
    this.#sums[index] = (this.#sums[index] ?? 0) + units;
  }

  /** Undefined while nothing was added within the window. */
  perSecond(nowMs: number): number | undefined {
    if (this.#firstAt === undefined) return undefined;
    const newest = Math.floor(nowMs / this.#slotMs);
    const oldest = newest - this.#sums.length + 1;
    let sum = 0;
    let found = false;
    for (const [index, slot] of this.#slots.entries()) {
      if (slot < oldest || slot > newest) continue;
      sum += this.#sums[index] ?? 0;
      found = true;
    }
    if (!found) return undefined;
    // The newest slot is not over yet, and the first units may be younger than the window.
    const windowMs = nowMs - Math.max(oldest * this.#slotMs, this.#firstAt);
    return sum / (Math.max(windowMs, this.#slotMs) / 1000);
  }
}
