/**
 * The sieve of mode verify: what is known of the 234,485 residues mod 2^24 that survive it (workloads.md).
 *
 * **Deeper levels.** A block is 2^24 numbers, h·2^24 + r; in a group of 64 blocks h mod 64 is known, so that the
 * next six steps are, too. `deeper` has a bit for each h mod 64: 0 where some level from 25 to 30 has 3^c < 2^k.
 * Then U^k(n) < n: U^k(n) = n·3^c/2^k + e, where 3^c/2^k < 0.963 (k = 27, c = 17 comes closest) and e < 1.5^19, so
 * n ≥ 2^26 loses more than 2·10^6. Such an n is a candidate, so its glide peak counts; but with at most 18 odd
 * values in 30 steps it is below 2^13·n, and can be passed over as soon as a smaller number is known to climb that
 * high. Candidates that only join another's path at these levels are kept: their glides go on.
 */
import * as walk from './walk.ts';

export const SIEVE_BITS: u64 = 24;
/** Where `deeper` looks. */
const DEEPER_BITS: u64 = 30;
/** A number that `deeper` passes over stays below n << this: 3·1.5^18·1.5 < 2^13. */
export const PASSED_GROWTH: u64 = 13;

export let survivors: u32 = 0;
/** Ascending, a word each. */
export let residues: usize = 0;
/** Per residue: U^24(r) (40 bits), c (5 bits), growth (5 bits), r mod 9 (4 bits). */
export let entries: usize = 0;
/** Per residue, 64 bits. */
export let deeper: usize = 0;
/** 3^c for c ≤ 24. */
export const POWERS: usize = memory.data(25 * 8, 8);

/** Room for the residues. */
export function allocate(count: u32): u32 {
  survivors = count;
  residues = heap.alloc(<usize>count << 2);
  entries = heap.alloc(<usize>count << 3);
  deeper = heap.alloc(<usize>count << 3);
  return <u32>residues;
}

// @ts-ignore: decorator
@inline
export function residue(i: u32): u64 {
  return <u64>load<u32>(residues + (<usize>i << 2));
}
// @ts-ignore: decorator
@inline
export function entryValue(word: u64): u64 {
  return word & 0xffffffffff;
}
// @ts-ignore: decorator
@inline
export function entryOdd(word: u64): u64 {
  return (word >> 40) & 31;
}
// @ts-ignore: decorator
@inline
export function entryGrowth(word: u64): u64 {
  return (word >> 45) & 31;
}
// @ts-ignore: decorator
@inline
export function entryClass(word: u64): u32 {
  return <u32>(word >> 50);
}
// @ts-ignore: decorator
@inline
export function power3(c: u64): u64 {
  return load<u64>(POWERS + (<usize>c << 3));
}

export function prepare(): void {
  for (let c: u64 = 0; c < 25; c++) store<u64>(POWERS + (<usize>c << 3), walk.power3(c));
  for (let i: u32 = 0; i < survivors; i += 64) prepareSome(i, min(i + 64, survivors));
}

/** In short calls: V8 replaces its baseline code by optimised code only between calls. */
function prepareSome(from: u32, to: u32): void {
  for (let i = from; i < to; i++) {
    const r = residue(i);
    walk.steps(r, SIEVE_BITS);
    const word = walk.stepsValue | (walk.stepsOdd << 40) | (walk.stepsGrowth << 45) | ((r % 9) << 50);
    store<u64>(entries + (<usize>i << 3), word);
    const bits = alive(walk.stepsValue, power3(walk.stepsOdd), SIEVE_BITS);
    store<u64>(deeper + (<usize>i << 3), bits);
  }
}

/**
 * The values of h mod 2^(30 − k) that survive, of the numbers h·2^k + r with U^k = h·factor + value, one bit each:
 * h = 2h' + b goes on as h'·2^(k+1) + (b·2^k + r).
 */
function alive(value: u64, factor: u64, k: u64): u64 {
  if (factor < <u64>1 << k) return 0;
  if (k == DEEPER_BITS) return 1;
  const even = child(value, factor, k);
  const odd = child(value + factor, factor, k);
  return spread(even) | (spread(odd) << 1);
}

// @ts-ignore: decorator
@inline
function child(value: u64, factor: u64, k: u64): u64 {
  return (value & 1) != 0 ? alive((3 * value + 1) >> 1, 3 * factor, k + 1) : alive(value >> 1, factor, k + 1);
}

/** Bit i of a word of 32 bits goes to bit 2i. */
// @ts-ignore: decorator
@inline
function spread(bits: u64): u64 {
  let x = bits;
  x = (x | (x << 16)) & 0x0000ffff0000ffff;
  x = (x | (x << 8)) & 0x00ff00ff00ff00ff;
  x = (x | (x << 4)) & 0x0f0f0f0f0f0f0f0f;
  x = (x | (x << 2)) & 0x3333333333333333;
  return (x | (x << 1)) & 0x5555555555555555;
}

/** Index of the first residue that is not below `value`. */
export function lowerBound(value: u64): u32 {
  let low: u32 = 0;
  let high = survivors;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (residue(middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** n mod 9 of a candidate is one of 0, 1, 3, 6, 7. */
const CANDIDATE_CLASSES: u32 = 0b011001011;

/** Bit j: a residue ≡ m mod 9 is a candidate in block h + j, where h mod 9 is given: n ≡ h + j + r mod 9. */
export function classBits(h9: u32, m: u32): u64 {
  let bits: u64 = 0;
  for (let j: u32 = 0; j < 64; j++) bits |= (<u64>((CANDIDATE_CLASSES >> ((h9 + j + m) % 9)) & 1)) << j;
  return bits;
}
