/**
 * What both kernels share: the jump table of 12 steps of the shortcut map U, the running maximum of peaks
 * with its threshold, and the plain walk that decides exactly.
 *
 * **Jump.** n = h·2^12 + r  →  U^12(n) = h·3^c + d, with c odd values on the way: 12 + c steps of T.
 *
 * **Exact peaks, almost free.** Inside a jump from v ≥ 2^12 no value of T exceeds 1.5·(3^(i+1)/2^j)·v, where
 * j is the step and i the odd values before it: the "+1"s add less than half of 2^12 to v. `growth(r)` is
 * that bound in bits, at most 9. A jump that starts at v ≤ best >> 9 can't hold a new maximum, and one with
 * v ≤ best >> growth(r) neither; the first test is one compare in the loop and almost never fires. What
 * passes both is walked again step by step, and that walk alone decides.
 *
 * **Width.** A jump from v < 2^119 stays below 2^128, one from v < 2^56 in 64 bits. A number that climbs
 * higher is handed back to be computed with big integers.
 */
import * as u128 from './uint128.ts';

export const JUMP_BITS: u64 = 12;
export const JUMP_MASK: u64 = 4095;
export const GROWTH_BITS: u64 = 9;
/** Jumps from below this stay in one u64: 2^44 · 3^12 < 2^64. */
export const NARROW: u64 = 1 << 56;
/** High word from which on a jump may pass 2^128. */
export const TOO_WIDE: u64 = 1 << 55;
/** A walk this long is handed back (a delay of 4096 or more, or a failure): 350 jumps are ≥ 4200 steps. */
export const MAX_JUMPS: u32 = 350;

/** Per residue: 3^c (20 bits), d (20 bits), steps of T 12 + c (5 bits), growth (4 bits). */
export const JUMPS: usize = memory.data(4096 * 8);

export const RECORD_CAPACITY: u32 = 1 << 14;
/** Peak records: offset and peak, 2 + 4 words each. */
export const PEAK_RECORDS: usize = memory.data(<i32>RECORD_CAPACITY * 24);
/**
 * Offsets of the numbers that the host must compute, 2 words each. The list grows: just below a power of two
 * n = 2^k − j follows the path of −j for a long time, and those end in cycles that climb for ever.
 */
export let handedBackList: usize = 0;
export let handedBack: u32 = 0;
let handedBackCapacity: u32 = 0;

export let peakRecords: u32 = 0;
export let bestHi: u64 = 0;
export let bestLo: u64 = 0;
/** best >> GROWTH_BITS. */
export let thresholdHi: u64 = 0;
export let thresholdLo: u64 = 0;
/** Where the 64-bit loop leaves its fast path: the threshold, or the end of 64-bit jumps. */
export let narrowLimit: u64 = 0;

// @ts-ignore: decorator
@inline
export function jump(v: u64): u64 {
  return load<u64>(JUMPS + (<usize>(v & JUMP_MASK) << 3));
}
// @ts-ignore: decorator
@inline
export function jumpFactor(entry: u64): u64 {
  return entry & 0xfffff;
}
// @ts-ignore: decorator
@inline
export function jumpOffset(entry: u64): u64 {
  return (entry >> 20) & 0xfffff;
}
// @ts-ignore: decorator
@inline
export function jumpSteps(entry: u64): u32 {
  return <u32>(entry >> 40) & 31;
}
// @ts-ignore: decorator
@inline
export function jumpGrowth(entry: u64): u64 {
  return entry >> 45;
}

/** Results of `steps`. */
export let stepsValue: u64 = 0;
export let stepsOdd: u64 = 0;
export let stepsGrowth: u64 = 0;

/** `count` steps of U from r < 2^count: the value, how many were odd, and the growth bound in bits. */
export function steps(r: u64, count: u64): void {
  let x = r;
  let odd: u64 = 0;
  let growth: u64 = 0;
  // 1.5 · 3^(odd + 1) / 2^j as a fraction: 3^(odd + 2) / 2^(j + 1).
  let numerator: u64 = 9;
  for (let j: u64 = 0; j < count; j++) {
    if ((x & 1) != 0) {
      while (((<u64>1) << (growth + j + 1)) < numerator) growth++;
      x = (3 * x + 1) >> 1;
      numerator *= 3;
      odd++;
    } else {
      x >>= 1;
    }
  }
  stepsValue = x;
  stepsOdd = odd;
  stepsGrowth = growth;
}

export function power3(exponent: u64): u64 {
  let power: u64 = 1;
  for (let i: u64 = 0; i < exponent; i++) power *= 3;
  return power;
}

export function prepareJumps(): void {
  for (let r: u64 = 0; r < 4096; r++) {
    steps(r, JUMP_BITS);
    const entry = power3(stepsOdd) | (stepsValue << 20) | ((JUMP_BITS + stepsOdd) << 40) | (stepsGrowth << 45);
    store<u64>(JUMPS + (<usize>r << 3), entry);
  }
}

export function resetPeaks(): void {
  peakRecords = 0;
  handedBack = 0;
  setBest(0, 0);
}

function setBest(peakHi: u64, peakLo: u64): void {
  bestHi = peakHi;
  bestLo = peakLo;
  u128.shiftRight(peakHi, peakLo, GROWTH_BITS);
  thresholdHi = u128.hi;
  thresholdLo = u128.lo;
  narrowLimit = thresholdHi != 0 || thresholdLo >= NARROW ? NARROW - 1 : thresholdLo;
}

/** May a jump (of the given growth) from v exceed the best peak? */
export function mayExceed(vHi: u64, vLo: u64, growth: u64): bool {
  u128.shiftRight(bestHi, bestLo, growth);
  return u128.greater(vHi, vLo, u128.hi, u128.lo);
}

export function handBack(offset: u64): void {
  if (handedBack == handedBackCapacity) {
    const grown = handedBackCapacity == 0 ? 1024 : handedBackCapacity * 2;
    const list = heap.alloc(<usize>grown << 3);
    memory.copy(list, handedBackList, <usize>handedBack << 3);
    handedBackList = list;
    handedBackCapacity = grown;
  }
  store<u64>(handedBackList + (<usize>handedBack << 3), offset);
  handedBack++;
}

/**
 * Walks n step by step until its value is below (belowHi, belowLo), and records its peak if it is a new
 * maximum. Returns false if it climbs too high to decide here.
 */
export function decidePeak(nHi: u64, nLo: u64, belowHi: u64, belowLo: u64, offset: u64): bool {
  let peakHi = nHi;
  let peakLo = nLo;
  u128.stripZeros(nHi, nLo);
  let xHi = u128.hi;
  let xLo = u128.lo;
  let odd: u32 = 0;
  while (!u128.greater(belowHi, belowLo, xHi, xLo)) {
    if (xHi >> 62 != 0 || odd++ > MAX_JUMPS * 12) return false;
    u128.multiplyAdd(xHi, xLo, 3, 1);
    if (u128.greater(u128.hi, u128.lo, peakHi, peakLo)) {
      peakHi = u128.hi;
      peakLo = u128.lo;
    }
    u128.stripZeros(u128.hi, u128.lo);
    xHi = u128.hi;
    xLo = u128.lo;
  }
  if (u128.greater(peakHi, peakLo, bestHi, bestLo)) recordPeak(offset, peakHi, peakLo);
  return true;
}

export function recordPeak(offset: u64, peakHi: u64, peakLo: u64): void {
  if (peakRecords == RECORD_CAPACITY) unreachable();
  const record = PEAK_RECORDS + <usize>peakRecords * 24;
  store<u64>(record, offset);
  store<u64>(record, peakLo, 8);
  store<u64>(record, peakHi, 16);
  peakRecords++;
  setBest(peakHi, peakLo);
}
