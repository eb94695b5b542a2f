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

const LIMB_BITS: u64 = 44;
const LIMB_MASK: u64 = (1 << 44) - 1;
/** Narrow values from here on outgrow 64 bits in a jump: 2^44 · 3^12 < 2^64. */
export const NARROW_END: u64 = 1 << 56;
/** High limb from which on double values (2^99) and triple values (2^119) outgrow theirs. */
const DOUBLE_END: i64 = 1 << 55;
const TRIPLE_END: i64 = 1 << 31;

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

// @ts-ignore: decorator
@inline
export function addNarrow(v: u64, n: u64): void {
  const at = <usize>active << 3;
  store<u64>(V0 + at, v);
  store<u64>(N0 + at, n);
  active++;
}

// @ts-ignore: decorator
@inline
export function addWide(v0: u64, v1: u64, v2: u64, nLo: u64): void {
  const at = <usize>active << 3;
  store<u64>(V0 + at, v0);
  store<u64>(V1 + at, v1);
  store<u64>(V2 + at, v2);
  store<u64>(N0 + at, nLo & LIMB_MASK);
  active++;
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
  while (active > few) {
    if (ascending) setLimits(load<u64>(N0));
    active = passNarrow(active, narrowLimit);
  }
}

function passNarrow(count: u32, limit: u64): u32 {
  let stay: usize = 0;
  const end = <usize>count << 3;
  for (let at: usize = 0; at < end; at += 8) {
    const v = load<u64>(V0 + at);
    const n = load<u64>(N0 + at);
    if (v > limit) {
      if (settledNarrow(v, n)) continue;
    }
    const jump = load<u64>(JUMPS + (<usize>(v & 4095) << 3));
    const next = (v >> 12) * (jump & 0xffffffff) + (jump >> 32);
    store<u64>(V0 + stay, next);
    store<u64>(N0 + stay, n);
    stay += <usize>u64(next >= n) << 3;
  }
  return <u32>(stay >> 3);
}

function settledNarrow(v: u64, n: u64): bool {
  if (v < NARROW_END) return glide.decidedByDoubt(0, n, 0, v);
  glide.finish(0, n, 0, v);
  return true;
}

export function advanceDouble(toTheEnd: bool): void {
  const few: u32 = toTheEnd ? 0 : LOW;
  while (active > few) {
    if (ascending) setLimits(lowWord(load<u64>(N0)));
    active = passDouble(active, min<i64>(highLimit, DOUBLE_END - 1), n1);
  }
}

function passDouble(count: u32, limit: i64, high: u64): u32 {
  let stay: usize = 0;
  const end = <usize>count << 3;
  for (let at: usize = 0; at < end; at += 8) {
    const v0 = load<u64>(V0 + at);
    const v1 = load<u64>(V1 + at);
    const n = load<u64>(N0 + at);
    if (<i64>v1 > limit) {
      if (settledWide(v0, v1, 0, n, <i64>v1 >= DOUBLE_END)) continue;
    }
    const jump = load<u64>(JUMPS + (<usize>(v0 & 4095) << 3));
    const m = jump & 0xffffffff;
    const p0 = ((v0 >> 12) | ((v1 & 4095) << 32)) * m + (jump >> 32);
    const next0 = p0 & LIMB_MASK;
    const next1 = (v1 >> 12) * m + (p0 >> LIMB_BITS);
    store<u64>(V0 + stay, next0);
    store<u64>(V1 + stay, next1);
    store<u64>(N0 + stay, n);
    // next − n, as far as its sign goes: no limb reaches 2^63.
    const difference = <i64>(next1 - high) + (<i64>(next0 - n) >> 63);
    stay += <usize>u64(difference >= 0) << 3;
  }
  return <u32>(stay >> 3);
}

export function advanceTriple(toTheEnd: bool): void {
  const few: u32 = toTheEnd ? 0 : LOW;
  while (active > few) {
    if (ascending) setLimits(lowWord(load<u64>(N0)));
    active = passTriple(active, highLimit >> 44, n1, n2);
  }
}

/** `limit` is of the highest limb: rounded down, so a limb that equals it counts as above. */
function passTriple(count: u32, limit: i64, middle: u64, high: u64): u32 {
  let stay: usize = 0;
  const end = <usize>count << 3;
  for (let at: usize = 0; at < end; at += 8) {
    const v0 = load<u64>(V0 + at);
    const v1 = load<u64>(V1 + at);
    const v2 = load<u64>(V2 + at);
    const n = load<u64>(N0 + at);
    if (<i64>v2 >= min<i64>(limit, TRIPLE_END)) {
      if (settledWide(v0, v1, v2, n, <i64>v2 >= TRIPLE_END)) continue;
    }
    const jump = load<u64>(JUMPS + (<usize>(v0 & 4095) << 3));
    const m = jump & 0xffffffff;
    const p0 = ((v0 >> 12) | ((v1 & 4095) << 32)) * m + (jump >> 32);
    const p1 = ((v1 >> 12) | ((v2 & 4095) << 32)) * m + (p0 >> LIMB_BITS);
    const next0 = p0 & LIMB_MASK;
    const next1 = p1 & LIMB_MASK;
    const next2 = (v2 >> 12) * m + (p1 >> LIMB_BITS);
    store<u64>(V0 + stay, next0);
    store<u64>(V1 + stay, next1);
    store<u64>(V2 + stay, next2);
    store<u64>(N0 + stay, n);
    const below = <i64>(next1 - middle) + (<i64>(next0 - n) >> 63);
    const difference = <i64>(next2 - high) + (below >> 63);
    stay += <usize>u64(difference >= 0) << 3;
  }
  return <u32>(stay >> 3);
}

function settledWide(v0: u64, v1: u64, v2: u64, n0: u64, outgrown: bool): bool {
  const vLo = v0 | (v1 << LIMB_BITS);
  const vHi = (v1 >> 20) + (v2 << 24);
  if (!outgrown) return glide.decidedByDoubt(highWord(), lowWord(n0), vHi, vLo);
  glide.finish(highWord(), lowWord(n0), vHi, vLo);
  return true;
}
