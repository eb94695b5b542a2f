/**
 * Exact walks of one number, fast enough to recompute every record that a stranger claims. Three widths:
 *  - below 2^46, jumps of 10 steps in doubles (jump-tables.ts), which stay below 2^53;
 *  - below 2^112, step by step in four limbs of 28 bits, all in 32-bit integers;
 *  - above, big integers.
 * A path of 500 steps from 2^40 takes about 1 µs on the first, 3 µs on the second and 50 µs on the third.
 */
import { KernelFault } from '../../protocol/workload.ts';
import { TAIL, walkTables } from './jump-tables.ts';

/** Steps of T after which a walk is given up. The longest known delay is far below 10,000. */
const MAX_STEPS = 1 << 20;
/** Jumps from below this, and the peaks in them, stay below 2^53. */
const DOUBLES_END = 2 ** 46;
/** Where a walk in limbs changes over: below the end, so that the next climb does not change back at once. */
const DOUBLES_AGAIN = 1n << 41n;
const LIMB_BITS = 28;
const LIMB = (1 << LIMB_BITS) - 1;
const LIMB_BIG = BigInt(LIMB);
const LIMBS_END = 1n << BigInt(4 * LIMB_BITS);

export interface Walk {
  readonly delay: number;
  readonly peak: bigint;
}

/** A walk that has come to `value`; delay and peak so far. */
interface Reached extends Walk {
  readonly value: bigint;
}

/**
 * Delay and peak of n ≥ 1.
 * @throws KernelFault if n does not reach 1 within 2^20 steps: a counterexample, or a bug
 */
export function walkToOne(n: bigint): Walk {
  let value = n;
  let delay = 0;
  let peak = n;
  while (value !== 1n) {
    const reached =
      value < DOUBLES_END ? walkDoubles(Number(value), MAX_STEPS - delay) : walkBelow(value, DOUBLES_AGAIN);
    delay += reached?.delay ?? MAX_STEPS;
    if (reached === undefined || delay >= MAX_STEPS) {
      throw new KernelFault(`${n} does not reach 1 within ${MAX_STEPS} steps`);
    }
    value = reached.value;
    if (reached.peak > peak) peak = reached.peak;
  }
  return { delay, peak };
}

/** The glide peak of n ≥ 2: the largest value before the first value below n; undefined if n is not settled. */
export function glidePeak(n: bigint): bigint | undefined {
  return walkBelow(n, n)?.peak;
}

/** From v < 2^46 to 1, or to a value from 2^46 on. */
function walkDoubles(start: number, most: number): Reached | undefined {
  const { factors, offsets, steps, slopes, constants, tailDelays, tailPeaks } = walkTables();
  let v = start;
  let delay = 0;
  let peak = 0;
  while (v >= TAIL) {
    if (v >= DOUBLES_END) return { delay, peak: BigInt(peak), value: BigInt(v) };
    if (delay > most) return undefined;
    const h = Math.floor(v / 1024);
    const r = v - h * 1024;
    const reached = h * (slopes[r] ?? 0) + (constants[r] ?? 0);
    if (reached > peak) peak = reached;
    v = h * (factors[r] ?? 0) + (offsets[r] ?? 0);
    delay += steps[r] ?? 0;
  }
  return {
    delay: delay + (tailDelays[v] ?? 0),
    peak: BigInt(Math.max(peak, tailPeaks[v] ?? 0)),
    value: 1n,
  };
}

/**
 * Walks until a value is below `bound`. Runs of halvings are taken at once, so it ends at the end of a run:
 * delay and value fit together, and the peak is that before the first value below the bound, as no value
 * inside a run of halvings is a new maximum.
 */
function walkBelow(n: bigint, bound: bigint): Reached | undefined {
  return n < LIMBS_END ? walkLimbs(n, bound) : walkBig(n, bound);
}

function limbOf(value: bigint, index: number): number {
  // `| 0` tells the compiler that all of the loop is in 32-bit integers: twice as fast.
  return Number((value >> BigInt(index * LIMB_BITS)) & LIMB_BIG) | 0;
}

function walkLimbs(n: bigint, bound: bigint): Reached | undefined {
  const bound0 = limbOf(bound, 0);
  const bound1 = limbOf(bound, 1);
  const bound2 = limbOf(bound, 2);
  const bound3 = limbOf(bound, 3);
  let x0 = limbOf(n, 0);
  let x1 = limbOf(n, 1);
  let x2 = limbOf(n, 2);
  let x3 = limbOf(n, 3);
  let peak0 = x0;
  let peak1 = x1;
  let peak2 = x2;
  let peak3 = x3;
  let delay = 0;
  for (;;) {
    if (
      x3 !== bound3 ? x3 < bound3 : x2 !== bound2 ? x2 < bound2 : x1 !== bound1 ? x1 < bound1 : x0 < bound0
    ) {
      return { delay, peak: join(peak0, peak1, peak2, peak3), value: join(x0, x1, x2, x3) };
    }
    if ((x0 & 1) === 1) {
      if (delay > MAX_STEPS) return undefined;
      x0 = 3 * x0 + 1;
      x1 = 3 * x1 + (x0 >>> LIMB_BITS);
      x2 = 3 * x2 + (x1 >>> LIMB_BITS);
      x3 = 3 * x3 + (x2 >>> LIMB_BITS);
      x0 &= LIMB;
      x1 &= LIMB;
      x2 &= LIMB;
      if (x3 > LIMB) return walkBig(n, bound);
      delay++;
      if (
        x3 > peak3 ||
        (x3 === peak3 && (x2 > peak2 || (x2 === peak2 && (x1 > peak1 || (x1 === peak1 && x0 > peak0)))))
      ) {
        peak0 = x0;
        peak1 = x1;
        peak2 = x2;
        peak3 = x3;
      }
    }
    if (x0 === 0) {
      x0 = x1;
      x1 = x2;
      x2 = x3;
      x3 = 0;
      delay += LIMB_BITS;
    } else {
      const zeros = 31 - Math.clz32(x0 & -x0);
      const up = LIMB_BITS - zeros;
      x0 = (x0 >>> zeros) | ((x1 << up) & LIMB);
      x1 = (x1 >>> zeros) | ((x2 << up) & LIMB);
      x2 = (x2 >>> zeros) | ((x3 << up) & LIMB);
      x3 >>>= zeros;
      delay += zeros;
    }
  }
}

function join(x0: number, x1: number, x2: number, x3: number): bigint {
  const low = BigInt(x0) | (BigInt(x1) << 28n);
  return x2 === 0 && x3 === 0 ? low : low | (BigInt(x2) << 56n) | (BigInt(x3) << 84n);
}

function walkBig(n: bigint, bound: bigint): Reached | undefined {
  let value = n;
  let peak = n;
  let delay = 0;
  while (value >= bound) {
    if (delay++ > MAX_STEPS) return undefined;
    if ((value & 1n) === 0n) {
      value >>= 1n;
    } else {
      value = 3n * value + 1n;
      if (value > peak) peak = value;
    }
  }
  return { delay, peak, value };
}
