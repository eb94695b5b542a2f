/**
 * How many units one call of a kernel should take, so that it lasts about `target_ms`: long enough to hide
 * the cost of the call, short enough to stop soon, to share a GPU with a desktop, and to stay away from
 * drivers' watchdogs. Numbers differ in cost along the range, so it follows the measured time.
 *
 * A call has a cost of its own, 1 ms on hardware and 7 ms on a rasteriser on a busy CPU. Where that is most of the
 * target, calls last twice as long as it rather than compute next to nothing: taken for the units' time, it shrank
 * calls to single numbers, and a hundredth of the rate was left.
 */
export interface PacingOptions {
  readonly target_ms: number;
  /** A call that lasted longer shrinks the next ones at once. */
  readonly limit_ms: number;
  readonly start_units: number;
  /** Upper limit, from the operator or the kernel. */
  readonly max_units?: number;
}

/** Most growth from one call to the next: the first calls are so short that their time is mostly overhead. */
const GROWTH = 4;
/** Most shrinking from one call to the next: a call may have been late because the whole machine was. */
const SHRINK = 4;
/** Lengths that differ by less tell nothing of the call's own cost. */
const TELLING_RATIO = 2;
/** Weight of one comparison. */
const FIXED_WEIGHT = 0.25;
/** A call's time is its units' for such a part at least, whatever was found before. */
const LEAST_OF_UNITS = 0.1;
const SHORTEST_TOLD_MS = 15;
/** Of the limit: so long is waited by a timer at most. */
const LONGEST_SLEPT = 10;

export class Pacing {
  readonly #full_target_ms: number;
  #target_ms: number;
  #limit_ms: number;
  readonly #max_units: number;
  #units: number;
  #scale = 1;
  #ms_per_unit = 0;
  /** Of a call, whatever its length. */
  #fixed_ms = 0;
  #before: { readonly units: number; readonly ms: number } | undefined;

  constructor(options: PacingOptions) {
    this.#full_target_ms = options.target_ms;
    this.#target_ms = options.target_ms;
    this.#limit_ms = options.limit_ms;
    this.#max_units = Math.max(1, options.max_units ?? Number.MAX_SAFE_INTEGER);
    this.#units = Math.max(1, Math.min(options.start_units, this.#max_units));
  }

  /** Units for the next call, a whole number ≥ 1. */
  get units(): bigint {
    return BigInt(Math.floor(this.#units));
  }

  /**
   * How long a call of `units` will take; 0 while that is not known well enough to sleep through it. Never much more
   * than calls should last: after a laptop's sleep in the middle of one the next would be slept through as long.
   */
  expected_ms(units: bigint): number {
    return Math.min(Number(units) * this.#ms_per_unit, this.#limit_ms * LONGEST_SLEPT);
  }

  /**
   * A call computed `units` in `elapsed_ms`.
   * @param exact false if it may have been over long before, because its end was slept through
   */
  record(units: bigint, elapsed_ms: number, exact = true): void {
    const taken = Number(units);
    const measured = elapsed_ms / taken;
    const full = taken * 2 >= this.#units;
    if (exact) {
      // The time of a short call is mostly that of calling. A known answer of 2000 units took 17 ms, and had the 65536
      // after it slept through for 480 ms, which with halving took 3.6 s of a job of a minute.
      this.#ms_per_unit = full && elapsed_ms >= SHORTEST_TOLD_MS ? measured : 0;
      const late = elapsed_ms > this.#limit_ms + this.#fixed_ms;
      // A late one would be compared with what the machine did meanwhile.
      if (!late) this.#learnFixed(taken, elapsed_ms);
      const fitting = this.#fitting(taken, elapsed_ms);
      if (late) {
        this.#set(Math.min(this.#units, Math.max(fitting * 0.8, taken / SHRINK)));
      }
      // A small call (the end of a batch) says little about a full one.
      else if (full) this.#set(Math.min(fitting, this.#units * GROWTH));
    } else {
      // Known is only that it was faster. Found on a driver that seemed to need 40 ms for anything, because
      // each call was slept through as long as the one before. Nor is one beyond the limit too long, when it was slept
      // through: taken for that, one late call of a single unit kept a GPU at a unit in three seconds for good.
      // So the next one is slept through half as long; after one past the limit none is.
      const late = elapsed_ms > this.#limit_ms;
      this.#ms_per_unit = late ? 0 : measured / 2;
      if (full && !late) this.#set(this.#units * 2);
    }
  }

  /** How long calls should last from now on. @param scale of what `PacingOptions` said */
  retarget(scale: number): void {
    if (scale === this.#scale) return;
    const change = scale / this.#scale;
    this.#scale = scale;
    this.#target_ms *= change;
    this.#limit_ms *= change;
    this.#set(this.#units * change);
  }

  /** After a lost device. */
  halve(): void {
    this.#set(this.#units / 2);
  }

  /** Two calls of different lengths tell what both cost beside their units. */
  #learnFixed(units: number, ms: number): void {
    const { units: other, ms: other_ms } = this.#before ?? { units, ms };
    this.#before = { units, ms };
    if (Math.max(units, other) < Math.min(units, other) * TELLING_RATIO) return;
    const per_unit = Math.max(0, (ms - other_ms) / (units - other));
    const fixed = Math.max(0, Math.min(ms, other_ms, ms - per_unit * units));
    this.#fixed_ms += (fixed - this.#fixed_ms) * FIXED_WEIGHT;
  }

  #fitting(units: number, ms: number): number {
    const own_ms = Math.max(ms - this.#fixed_ms, ms * LEAST_OF_UNITS, 0.01);
    const least_ms = Math.min(this.#fixed_ms, this.#full_target_ms);
    return (units / own_ms) * Math.max(this.#target_ms - this.#fixed_ms, least_ms);
  }

  #set(units: number): void {
    this.#units = Math.max(1, Math.min(units, this.#max_units));
  }
}
