/**
 * The path of a number of any size to 1. Kept are the height (log10) and the parity of every step, and every 128th
 * value: a path of 2,000 digits has some 48,000 steps, and all its values would be 24 MB.
 */
import type { Sliced } from './slices.ts';

const CHECKPOINT = 128;
const YIELD_EVERY = 64;
/** Below this, a double holds the number's size; above, sizes are added up and set right at every checkpoint. */
const DOUBLE_BITS = 1000;
const LOG10_2 = Math.log10(2);
const LOG2_3 = Math.log2(3);

export interface Trajectory {
  readonly start: bigint;
  /** The delay: how many times the map is applied until 1. */
  readonly steps: number;
  readonly oddSteps: number;
  readonly peak: bigint;
  readonly peakStep: number;
  /** log10 of the value after step i, for i = 0 … steps. */
  readonly heights: Float64Array;
  /** 1 where the value after step i is odd. */
  readonly odd: Uint8Array;
  /** Every 128th value. */
  readonly checkpoints: readonly bigint[];
}

/** Walks from `start` ≥ 1 to 1. */
export function* walk(start: bigint): Sliced<Trajectory> {
  const heights: number[] = [];
  const odd: number[] = [];
  const checkpoints: bigint[] = [];
  let value = start;
  let bits = log2(value);
  let peak = value;
  let peakStep = 0;
  let oddSteps = 0;
  for (let step = 0; ; step++) {
    const isOdd = (value & 1n) === 1n;
    if (step % CHECKPOINT === 0) {
      checkpoints.push(value);
      bits = log2(value);
    } else if (bits < DOUBLE_BITS) bits = Math.log2(Number(value));
    heights.push(bits * LOG10_2);
    odd.push(isOdd ? 1 : 0);
    if (value === 1n) break;
    if (isOdd) {
      value = 3n * value + 1n;
      bits += LOG2_3;
      oddSteps += 1;
      if (value > peak) {
        peak = value;
        peakStep = step + 1;
      }
    } else {
      value >>= 1n;
      bits -= 1;
    }
    if (step % YIELD_EVERY === 0) yield step;
  }
  return {
    start,
    steps: heights.length - 1,
    oddSteps,
    peak,
    peakStep,
    heights: Float64Array.from(heights),
    odd: Uint8Array.from(odd),
    checkpoints,
  };
}

/** The values after the steps from `from` on, at most `count` of them. */
export function valuesFrom(path: Trajectory, from: number, count: number): bigint[] {
  const nearest = Math.floor(from / CHECKPOINT);
  let value = path.checkpoints[nearest];
  if (value === undefined || from > path.steps) return [];
  for (let step = nearest * CHECKPOINT; step < from; step++) value = next(value);
  const values: bigint[] = [];
  for (let step = from; step < from + count && step <= path.steps; step++) {
    values.push(value);
    value = next(value);
  }
  return values;
}

/** The map itself. */
export function next(value: bigint): bigint {
  return (value & 1n) === 1n ? 3n * value + 1n : value >> 1n;
}

/** To 1e-12 or better, for a number of any size. */
export function log2(value: bigint): number {
  const hex = value.toString(16);
  if (hex.length * 4 < DOUBLE_BITS) return Math.log2(Number(value));
  return Math.log2(Number.parseInt(hex.slice(0, 13), 16)) + 4 * (hex.length - 13);
}
