/** The moving clock of a run: what can be said at a time, and how time goes on. Times in ticks. */
import type { Run } from './simulation.ts';

/** At 1×, a whole run takes this long, however many ticks it has. */
export const RUN_SECONDS = 20;
/** The window of the rate, as a share of the whole run. */
const RATE_WINDOW = 1 / 20;

export interface Moment {
  readonly active: number;
  readonly begun: number;
  readonly ended: number;
  /** The deepest level of what has begun. */
  readonly deepest: number;
  /** Threads that ended per thousand ticks, of late. */
  readonly rate: number;
}

export function momentAt(run: Run, time: number): Moment {
  const begun = countUpTo(run.begins, time);
  const ended = countUpTo(run.ends, time);
  const window = Math.min(time, Math.max(1, run.makespan * RATE_WINDOW));
  const lately = ended - countUpTo(run.ends, time - window);
  return {
    active: begun - ended,
    begun,
    ended,
    deepest: run.deepestSoFar[begun - 1] ?? 0,
    rate: window === 0 ? 0 : (1000 * lately) / window,
  };
}

/** Where the clock stands after some real time; it stops at the end. */
export function advance(time: number, elapsedMs: number, speed: number, makespan: number): number {
  return Math.min(makespan, time + (elapsedMs / 1000 / RUN_SECONDS) * speed * makespan);
}

/** How many of these ascending values are at most `limit`. */
export function countUpTo(values: Float64Array, limit: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? Infinity) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
