/**
 * The waves of mode verify: hundreds of candidates advance together, and every pass jumps each of them by 12 steps,
 * without a branch that depends on the data, and packs to the left those that are still at or above their n. It hides
 * the latency of the multiplications and the branches that can't be predicted: one candidate after the other, as
 * until now, made a third of it. Packing keeps the order.
 *
 * Three widths. **Narrow**: v in 64 bits. **Double** and **triple**: limbs of 44 bits, the highest one longer, since
 * then a limb times 3^12 and the carry fit in 64 bits: two and three multiplications a jump, where pairs of
 * 64-bit words need three and WebAssembly has no high product. All n of a wave have the same limbs but the lowest.
 *
 * A value is looked at (glide.ts) if it is above `limit`: it may then hold a record, or outgrow its wave.
 */
import * as glide from './glide.ts';
import * as u128 from './uint128.ts';
import * as walk from './walk.ts';

/** Candidates that a wave takes at most. */
export const CAPACITY: u32 = 640;
/** A wave that is filled up at so many has room for those of one more residue. */
export const FULL: u32 = 576;
/** Passes go on until so few are left, unless it is the end. */
const LOW: u32 = 320;

/** No glide is known to need half as many jumps: what stays longer is decided step by step, or handed back. */
const MAX_PASSES: u32 = 400;

const LIMB_BITS: u64 = 44;
const LIMB_MASK: u64 = (1 << 44) - 1;
/** Narrow values from here on outgrow 64 bits in a jump: 2^44 · 3^12 < 2^64. */
export const NARROW_END: u64 = 1 << 56;
/** High limb from which on double values (2^99) and triple values (2^112) outgrow theirs. */
const DOUBLE_END: i64 = 1 << 55;
const TRIPLE_END: i64 = 1 << 24;

const V0: usize = memory.data(640 * 8, 16);
const V1: usize = memory.data(640 * 8, 16);
const V2: usize = memory.data(640 * 8, 16);
const N0: usize = memory.data(640 * 8, 16);
/** Per residue mod 2^12: 3^c, and d in the high half. */
const JUMPS: usize = memory.data(4096 * 8, 16);

export let active: u32 = 0;
/** The limbs that all n of the wave share. */
let n1: u64 = 0;
let n2: u64 = 0;
/** A wave of candidates in ascending order: what its lowest has to exceed grows while it goes on. */
let ascending: bool = false;
let narrowLimit: u64 = 0;
let highLimit: i64 = 0;

export function prepare(): void {
  for (let r: u64 = 0; r < 4096; r++) {
    const entry = walk.jump(r);
    store<u64>(JUMPS + (<usize>r << 3), walk.jumpFactor(entry) | (walk.jumpOffset(entry) << 32));
  }
}

/** Begins a wave of candidates n whose bits from 44 on are those of (nHi, nLo). */
export function begin(nHi: u64, nLo: u64, inOrder: bool): void {
  n1 = ((nLo >> LIMB_BITS) | (nHi << 20)) & LIMB_MASK;
  n2 = nHi >> 24;
  ascending = inOrder;
}

/** Puts a candidate in at place `at`; `setActive` when all are in, since a global costs a store each time. */
// @ts-ignore: decorator
@inline
export function putNarrow(at: u32, v: u64, n: u64): void {
  store<u64>(<usize>at << 3, v, V0);
  store<u64>(<usize>at << 3, n, N0);
}

// @ts-ignore: decorator
@inline
export function putWide(at: u32, v0: u64, v1: u64, v2: u64, nLo: u64): void {
  store<u64>(<usize>at << 3, v0, V0);
  store<u64>(<usize>at << 3, v1, V1);
  store<u64>(<usize>at << 3, v2, V2);
  store<u64>(<usize>at << 3, nLo & LIMB_MASK, N0);
}

export function setActive(count: u32): void {
  active = count;
}

/** Low word of the n with this lowest limb. */
// @ts-ignore: decorator
@inline
function lowWord(n0: u64): u64 {
  return n0 | (n1 << LIMB_BITS);
}

// @ts-ignore: decorator
@inline
function highWord(): u64 {
  return (n1 >> 20) | (n2 << 24);
}

/** Values up to the limits can't hold a record of any n from the one with this low word on. */
export function setLimits(lo: u64): void {
  glide.known(lo);
  u128.shiftRight(u128.hi, u128.lo, glide.GROWTH_BITS);
  const hi = u128.hi;
  const low = u128.lo;
  narrowLimit = hi != 0 || low >= NARROW_END ? NARROW_END - 1 : low;
  // One limb is compared: a value with the limit's limb may be above the limit, so the limb below is the last.
  u128.shiftRight(hi, low, LIMB_BITS);
  highLimit = u128.hi != 0 ? i64.MAX_VALUE : <i64>u128.lo - 1;
}

/** Passes until few are left; all are settled if `toTheEnd`. */
export function advanceNarrow(toTheEnd: bool): void {
  const few: u32 = toTheEnd ? 0 : LOW;
  for (let passes: u32 = 0; active > few; passes++) {
    if (passes == MAX_PASSES) return decideAll(true);
    if (ascending) setLimits(load<u64>(N0));
    const end = <usize>active << 3;
    let at = jumpNarrow(0, 0, end, narrowLimit);
    while (at < end) {
      const v = load<u64>(at, V0);
      const n = load<u64>(at, N0);
      if (v >= NARROW_END) glide.finish(0, n, 0, v);
      else if (!glide.decidedByDoubt(0, n, 0, v)) stayed = jumpedNarrow(v, n, stayed);
      at = jumpNarrow(at + 8, stayed, end, narrowLimit);
    }
    active = <u32>(stayed >> 3);
  }
}

/**
 * Where a pass stands: bytes of the values that stay. A pass is left and taken up again at each value above the
 * limit: with a call in the loop V8 keeps nothing in registers, and it was a tenth slower.
 */
let stayed: usize = 0;

/** Jumps the values from `at` to `end`, or to the first above the limit; returns where it is. */
function jumpNarrow(from: usize, kept: usize, end: usize, limit: u64): usize {
  let at = from;
  let stay = kept;
  for (; at < end; at += 8) {
    const v = load<u64>(at, V0);
    if (v > limit) break;
    stay = jumpedNarrow(v, load<u64>(at, N0), stay);
  }
  stayed = stay;
  return at;
}

// @ts-ignore: decorator
@inline
function jumpedNarrow(v: u64, n: u64, stay: usize): usize {
  const jump = load<u64>(<usize>(v & 4095) << 3, JUMPS);
  const next = (v >> 12) * (jump & 0xffffffff) + (jump >> 32);
  store<u64>(stay, next, V0);
  store<u64>(stay, n, N0);
  return stay + (<usize>u64(next >= n) << 3);
}

function decideAll(narrow: bool): void {
  for (let at: usize = 0; at < <usize>active << 3; at += 8) {
    const n0 = load<u64>(at, N0);
    if (narrow) glide.decide(0, n0);
    else glide.decide(highWord(), lowWord(n0));
  }
  active = 0;
}

export function advanceDouble(toTheEnd: bool): void {
  const few: u32 = toTheEnd ? 0 : LOW;
  for (let passes: u32 = 0; active > few; passes++) {
    if (passes == MAX_PASSES) return decideAll(false);
    if (ascending) setLimits(lowWord(load<u64>(N0)));
    const limit = min<i64>(highLimit, DOUBLE_END - 1);
    const end = <usize>active << 3;
    let at = jumpDouble(0, 0, end, limit, n1);
    while (at < end) {
      const v0 = load<u64>(at, V0);
      const v1 = load<u64>(at, V1);
      const n = load<u64>(at, N0);
      if (!settledWide(v0, v1, 0, n, <i64>v1 >= DOUBLE_END)) stayed = jumpedDouble(v0, v1, n, stayed, n1);
      at = jumpDouble(at + 8, stayed, end, limit, n1);
    }
    active = <u32>(stayed >> 3);
  }
}

function jumpDouble(from: usize, kept: usize, end: usize, limit: i64, high: u64): usize {
  let at = from;
  let stay = kept;
  for (; at < end; at += 8) {
    const v1 = load<u64>(at, V1);
    if (<i64>v1 > limit) break;
    stay = jumpedDouble(load<u64>(at, V0), v1, load<u64>(at, N0), stay, high);
  }
  stayed = stay;
  return at;
}

// @ts-ignore: decorator
@inline
function jumpedDouble(v0: u64, v1: u64, n: u64, stay: usize, high: u64): usize {
  const jump = load<u64>(<usize>(v0 & 4095) << 3, JUMPS);
  const m = jump & 0xffffffff;
  const p0 = ((v0 >> 12) | ((v1 & 4095) << 32)) * m + (jump >> 32);
  const next0 = p0 & LIMB_MASK;
  const next1 = (v1 >> 12) * m + (p0 >> LIMB_BITS);
  store<u64>(stay, next0, V0);
  store<u64>(stay, next1, V1);
  store<u64>(stay, n, N0);
  // The limb that all n share decides: n ≥ 2^49, so few values have it and are below n. Such a one stays, which
  // does no harm: it goes on falling, or what it climbs to is looked at.
  return stay + (<usize>u64(next1 >= high) << 3);
}

export function advanceTriple(toTheEnd: bool): void {
  const few: u32 = toTheEnd ? 0 : LOW;
  for (let passes: u32 = 0; active > few; passes++) {
    if (passes == MAX_PASSES) return decideAll(false);
    if (ascending) setLimits(lowWord(load<u64>(N0)));
    const limit = min<i64>(highLimit >> 44, TRIPLE_END);
    const upper = upperPart(n1, n2);
    const end = <usize>active << 3;
    let at = jumpTriple(0, 0, end, limit, upper);
    while (at < end) {
      const v0 = load<u64>(at, V0);
      const v1 = load<u64>(at, V1);
      const v2 = load<u64>(at, V2);
      const n = load<u64>(at, N0);
      if (!settledWide(v0, v1, v2, n, <i64>v2 >= TRIPLE_END)) {
        stayed = jumpedTriple(v0, v1, v2, n, stayed, upper);
      }
      at = jumpTriple(at + 8, stayed, end, limit, upper);
    }
    active = <u32>(stayed >> 3);
  }
}

/** The bits from 56 on, of values below 2^120, as jumps from below 2^112 are. What n ≥ 2^80 have in common of them tells almost all apart. */
// @ts-ignore: decorator
@inline
function upperPart(v1: u64, v2: u64): u64 {
  return (v2 << 32) | (v1 >> 12);
}

/** `limit` is of the highest limb: rounded down, so a limb that equals it counts as above. */
function jumpTriple(from: usize, kept: usize, end: usize, limit: i64, upper: u64): usize {
  let at = from;
  let stay = kept;
  for (; at < end; at += 8) {
    const v2 = load<u64>(at, V2);
    if (<i64>v2 >= limit) break;
    stay = jumpedTriple(load<u64>(at, V0), load<u64>(at, V1), v2, load<u64>(at, N0), stay, upper);
  }
  stayed = stay;
  return at;
}

// @ts-ignore: decorator
@inline
function jumpedTriple(v0: u64, v1: u64, v2: u64, n: u64, stay: usize, upper: u64): usize {
  const jump = load<u64>(<usize>(v0 & 4095) << 3, JUMPS);
  const m = jump & 0xffffffff;
  const p0 = ((v0 >> 12) | ((v1 & 4095) << 32)) * m + (jump >> 32);
  const p1 = ((v1 >> 12) | ((v2 & 4095) << 32)) * m + (p0 >> LIMB_BITS);
  const next0 = p0 & LIMB_MASK;
  const next1 = p1 & LIMB_MASK;
  const next2 = (v2 >> 12) * m + (p1 >> LIMB_BITS);
  store<u64>(stay, next0, V0);
  store<u64>(stay, next1, V1);
  store<u64>(stay, next2, V2);
  store<u64>(stay, n, N0);
  return stay + (<usize>u64(upperPart(next1, next2) >= upper) << 3);
}

function settledWide(v0: u64, v1: u64, v2: u64, n0: u64, outgrown: bool): bool {
  const vLo = v0 | (v1 << LIMB_BITS);
  const vHi = (v1 >> 20) + (v2 << 24);
  if (!outgrown) return glide.decidedByDoubt(highWord(), lowWord(n0), vHi, vLo);
  glide.finish(highWord(), lowWord(n0), vHi, vLo);
  return true;
}
