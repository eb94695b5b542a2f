/**
 * How long the pieces of computing may be so that the page stays smooth: frames that come late shorten them at
 * once, a while without lets them grow back.
 */

/** Factors for the length of a piece. */
export const PIECE_SCALES = [1, 0.5, 0.25] as const;

/** A frame is late when it comes after more than so many usual intervals. */
const LATE_INTERVALS = 2;
/** Timers are not exact. */
const TOLERANCE_MS = 2;
/** So many late frames within `WINDOW_MS` shorten the pieces; a single one has other causes. */
const LATE_FRAMES = 3;
const WINDOW_MS = 1000;
const GROW_AFTER_MS = 10_000;
/** A page that was hidden, or a laptop that slept: no late frame. */
const LONGEST_MS = 1000;
/** Displays show 24 to 500 frames a second. */
const SHORTEST_MS = 2;
const USUAL_MS = 1000 / 60;

export class FramePace {
  #step = 0;
  #last_ms: number | undefined;
  #usual_ms = USUAL_MS;
  #late_ms: number[] = [];
  #changed_ms = 0;

  get scale(): number {
    return PIECE_SCALES[this.#step] ?? 1;
  }

  /** A frame is drawn. @param at_ms as requestAnimationFrame tells it @returns whether `scale` changed */
  frame(at_ms: number): boolean {
    const last_ms = this.#last_ms;
    this.#last_ms = at_ms;
    if (last_ms === undefined) {
      this.#changed_ms = at_ms;
      return false;
    }
    const interval_ms = at_ms - last_ms;
    if (interval_ms > LONGEST_MS || interval_ms < SHORTEST_MS) return false;
    this.#late_ms = this.#late_ms.filter((late) => at_ms - late < WINDOW_MS);
    if (interval_ms > this.#usual_ms * LATE_INTERVALS + TOLERANCE_MS) this.#late_ms.push(at_ms);
    // Late ones change little what is usual: a display changes its rate for good, or not.
    this.#usual_ms += (interval_ms - this.#usual_ms) * (interval_ms < this.#usual_ms ? 0.1 : 0.005);
    if (this.#late_ms.length >= LATE_FRAMES && this.#step < PIECE_SCALES.length - 1) {
      return this.#set(this.#step + 1, at_ms);
    }
    if (this.#late_ms.length > 0) this.#changed_ms = at_ms;
    if (this.#step > 0 && at_ms - this.#changed_ms > GROW_AFTER_MS) return this.#set(this.#step - 1, at_ms);
    return false;
  }

  /** Frames pause: the next interval tells nothing. */
  interrupt(): void {
    this.#last_ms = undefined;
    this.#late_ms = [];
  }

  #set(step: number, at_ms: number): true {
    this.#step = step;
    this.#changed_ms = at_ms;
    this.#late_ms = [];
    return true;
  }
}
