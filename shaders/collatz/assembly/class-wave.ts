/**
 * Walks of one value per residue class to below 2^19, up to 1024 at a time, which share a weight. It only counts:
 * what may hold a record is noticed (`noticed`) and looked at again one by one.
 *
 * **Nothing is carried but the value.** All values of a wave have taken the same number of steps j of U, since every
 * pass jumps all of them by 12. After j steps from n with c odd values on the way a value is n·3^c/2^j times a
 * little more than 1, and for another c it is 3 times as large: so j and the position of the highest bit tell c.
 * `oddBefore` holds it by j + that position (class-block.ts proves the bounds). This leaves in the loop a table
 * look-up, a multiplication and the two stores that split those that stay from those that end, without a branch
 * that depends on the data.
 *
 * **Widths.** A value below 2^56 is one word and jumps in one. A larger one is a1·2^44 + a0: as a jump multiplies by
 * m ≤ 3^12 < 2^19.03 and adds d < m, (a0 >> 12 with 12 bits of a1 above)·m + d stays below 2^64, and so does
 * (a1 >> 12)·m + carry for a1 < 2^56: two multiplications, and no carry flag, for values below 2^100. It is narrow
 * again once below 2^48: so far below 2^56 that few climb out again. What passes its limit, by width or because it
 * might hold a peak, leaves the wave and is walked by itself in 128 bits.
 */
import * as delayTail from './delay-tail.ts';
import * as u128 from './uint128.ts';
import * as singleWave from './single-wave.ts';
import * as walk from './walk.ts';

export const CAPACITY: u32 = 1024;
const LIMB_BITS: u64 = 44;
const LIMB_MASK: u64 = (1 << 44) - 1;
const WIDE_TOP: u64 = 1 << 56;
/** A value is narrow again when its upper limb is below this: 2^48 >> 44. */
const NARROW_AGAIN: u64 = 16;
/** Where a part starts narrow. */
export const STARTS_NARROW: u64 = 1 << 49;

/** Per residue mod 2^12: 3^c in the low word, d in the high one. */
const JUMPS: usize = memory.data(4096 * 8, 64);
const NARROW: usize = memory.data(1024 * 8, 64);
const ENDS: usize = memory.data(1024 * 4, 64);
/** Pairs (a0, a1). */
const WIDE: usize = memory.data(1024 * 16, 64);
/** Values that left: low and high word, and the steps of U so far. */
const LEFT: usize = memory.data(1024 * 24, 64);
let narrowEnd: usize = NARROW;
let wideEnd: usize = WIDE;
let endsEnd: usize = ENDS;
let leftEnd: usize = LEFT;
let steps: u32 = 0;

/** By steps of U and highest bit, how many were odd; room for 12·350 + 20 steps and 128 bits. */
const ODD_BEFORE: usize = memory.data(4608 * 2, 64);
export const ODD_BEFORE_LENGTH: u32 = 4608;
/** By odd values on the whole path, how many numbers of the block (u32). */
const HISTOGRAM: usize = memory.data(4096 * 4, 64);
export const HISTOGRAM_LENGTH: u32 = 4096;

let narrowLimit: u64 = 0;
let wideLimit: u64 = 0;
let oddLimit: u32 = 0;
/** Set when a wave may hold a record, or a number to hand back. */
export let noticed: bool = false;

export function prepare(): void {
  for (let r: u64 = 0; r < 4096; r++) {
    const entry = walk.jump(r);
    store<u64>(JUMPS + (<usize>r << 3), walk.jumpFactor(entry) | (walk.jumpOffset(entry) << 32));
  }
}

/** A number with more odd values on its path may be a record of delays. */
export function begin(mostOdd: u32): void {
  memory.fill(HISTOGRAM, 0, 4096 * 4);
  oddLimit = mostOdd;
  // A jump from v ≤ best >> 9 holds no new peak.
  narrowLimit = walk.narrowLimit;
  u128.shiftRight(walk.thresholdHi, walk.thresholdLo, LIMB_BITS);
  wideLimit = u128.hi != 0 || u128.lo > WIDE_TOP ? WIDE_TOP : u128.lo;
}

export function setOddBefore(position: u32, odd: u32): void {
  store<u16>(ODD_BEFORE + (<usize>position << 1), <u16>odd);
}

export function counted(odd: u32): u32 {
  return load<u32>(HISTOGRAM + (<usize>odd << 2));
}

/** A wave whose values have taken k steps. */
export function open(k: u32): void {
  narrowEnd = NARROW;
  wideEnd = WIDE;
  endsEnd = ENDS;
  leftEnd = LEFT;
  steps = k;
  noticed = false;
}

/** Adds `count` classes of one c: the values base + d, all below 2^56. d: u32 from address `from` on. */
export function addNarrow(from: usize, count: u32, base: u64): void {
  const limit = narrowLimit;
  const stop = from + (<usize>count << 2);
  let to = narrowEnd;
  let ends = endsEnd;
  for (; from < stop; from += 4) {
    const v = base + <u64>load<u32>(from);
    if (v > limit) {
      leave(v, 0);
      continue;
    }
    const entry = load<u64>(JUMPS + (<usize>(v & 4095) << 3));
    const x = (v >> 12) * (entry & 0xffffffff) + (entry >> 32);
    store<u64>(to, x);
    store<u32>(ends, <u32>x);
    const ended = usize(x < <u64>delayTail.TAIL);
    to += (ended ^ 1) << 3;
    ends += ended << 2;
  }
  narrowEnd = to;
  endsEnd = ends;
}

/** The same where base is below the tail's end: what starts there is counted at once, as a jump might pass 1. */
export function addLow(from: usize, count: u32, base: u64, odd: u32, weight: u32): void {
  const stop = from + (<usize>count << 2);
  for (; from < stop; from += 4) {
    const v = base + <u64>load<u32>(from);
    if (v >= <u64>delayTail.TAIL) addNarrow(from, 1, base);
    else add(odd + load<u8>(delayTail.ODD + <usize>v), weight);
  }
}

/** The same for values from 2^48 to below 2^128. */
export function addWide(from: usize, count: u32, baseHi: u64, baseLo: u64): void {
  const limit = wideLimit;
  const stop = from + (<usize>count << 2);
  const base0 = baseLo & LIMB_MASK;
  const base1 = (baseLo >> LIMB_BITS) | (baseHi << (64 - LIMB_BITS));
  // What lies above 2^108 has lost bits in base1; none of it stays in the wave.
  const above = baseHi >> LIMB_BITS != 0 ? u64.MAX_VALUE : base1;
  let wide = wideEnd;
  let narrow = narrowEnd;
  for (; from < stop; from += 4) {
    const sum = base0 + <u64>load<u32>(from);
    const a1 = base1 + (sum >> LIMB_BITS);
    const a0 = sum & LIMB_MASK;
    if (max(a1, above) >= limit) {
      const low = baseLo + <u64>load<u32>(from);
      leave(low, baseHi + u64(low < baseLo));
      continue;
    }
    const entry = load<u64>(JUMPS + (<usize>(a0 & 4095) << 3));
    const m = entry & 0xffffffff;
    const p0 = ((a0 >> 12) | ((a1 & 4095) << 32)) * m + (entry >> 32);
    const p1 = (a1 >> 12) * m + (p0 >> LIMB_BITS);
    const x0 = p0 & LIMB_MASK;
    store<u64>(wide, x0);
    store<u64>(wide, p1, 8);
    store<u64>(narrow, x0 | (p1 << LIMB_BITS));
    const isNarrow = usize(p1 < NARROW_AGAIN);
    wide += (isNarrow ^ 1) << 4;
    narrow += isNarrow << 3;
  }
  wideEnd = wide;
  narrowEnd = narrow;
}

/** Walks and counts all that was added. */
export function finish(weight: u32): void {
  steps += 12;
  countEnds(weight);
  for (let pass: u32 = 1; pass < walk.MAX_JUMPS; pass++) {
    if (narrowEnd == NARROW && wideEnd == WIDE) break;
    if (narrowEnd != NARROW) narrowPass();
    if (wideEnd != WIDE) widePass();
    steps += 12;
    if (endsEnd != ENDS) countEnds(weight);
  }
  // Walks too long to finish: a delay of 4096 or more.
  if (narrowEnd != NARROW || wideEnd != WIDE) noticed = true;
  for (let from = LEFT; from < leftEnd; from += 24) {
    walkLeft(load<u64>(from, 8), load<u64>(from), load<u32>(from, 16), weight);
  }
}

function narrowPass(): void {
  const limit = narrowLimit;
  const stop = narrowEnd;
  let to = NARROW;
  let ends = endsEnd;
  for (let from = NARROW; from < stop; from += 8) {
    const v = load<u64>(from);
    if (v > limit) {
      leave(v, 0);
      continue;
    }
    const entry = load<u64>(JUMPS + (<usize>(v & 4095) << 3));
    const x = (v >> 12) * (entry & 0xffffffff) + (entry >> 32);
    store<u64>(to, x);
    store<u32>(ends, <u32>x);
    const ended = usize(x < <u64>delayTail.TAIL);
    to += (ended ^ 1) << 3;
    ends += ended << 2;
  }
  narrowEnd = to;
  endsEnd = ends;
}

/** After the narrow pass: what becomes narrow here has been jumped. */
function widePass(): void {
  const limit = wideLimit;
  const stop = wideEnd;
  let wide = WIDE;
  let narrow = narrowEnd;
  for (let from = WIDE; from < stop; from += 16) {
    const a0 = load<u64>(from);
    const a1 = load<u64>(from, 8);
    if (a1 >= limit) {
      leave(a0 | (a1 << LIMB_BITS), a1 >> (64 - LIMB_BITS));
      continue;
    }
    const entry = load<u64>(JUMPS + (<usize>(a0 & 4095) << 3));
    const m = entry & 0xffffffff;
    const p0 = ((a0 >> 12) | ((a1 & 4095) << 32)) * m + (entry >> 32);
    const p1 = (a1 >> 12) * m + (p0 >> LIMB_BITS);
    const x0 = p0 & LIMB_MASK;
    store<u64>(wide, x0);
    store<u64>(wide, p1, 8);
    store<u64>(narrow, x0 | (p1 << LIMB_BITS));
    const isNarrow = usize(p1 < NARROW_AGAIN);
    wide += (isNarrow ^ 1) << 4;
    narrow += isNarrow << 3;
  }
  wideEnd = wide;
  narrowEnd = narrow;
}

function leave(vLo: u64, vHi: u64): void {
  store<u64>(leftEnd, vLo);
  store<u64>(leftEnd, vHi, 8);
  store<u32>(leftEnd, steps, 16);
  leftEnd += 24;
}

function countEnds(weight: u32): void {
  const limit = oddLimit;
  const stop = endsEnd;
  const table = ODD_BEFORE + (<usize>(steps + 31) << 1);
  for (let from = ENDS; from < stop; from += 4) {
    const v = load<u32>(from);
    const odd = <u32>load<u16>(table - (<usize>clz<u32>(v) << 1)) + <u32>load<u8>(delayTail.ODD + <usize>v);
    if (odd > limit) noticed = true;
    const bin = HISTOGRAM + (<usize>odd << 2);
    store<u32>(bin, load<u32>(bin) + weight);
  }
  endsEnd = ENDS;
}

function add(odd: u32, weight: u32): void {
  if (odd > oddLimit) noticed = true;
  const bin = HISTOGRAM + (<usize>odd << 2);
  store<u32>(bin, load<u32>(bin) + weight);
}

/** One that left: jumps in 128 bits, which is slow but rare. */
function walkLeft(vHi: u64, vLo: u64, taken: u32, weight: u32): void {
  const highest = vHi != 0 ? 127 - <u32>clz(vHi) : 63 - <u32>clz(vLo);
  let odd = <u32>load<u16>(ODD_BEFORE + (<usize>(taken + highest) << 1));
  for (let jumps: u32 = 0; vHi != 0 || vLo >= <u64>delayTail.TAIL; jumps++) {
    if (vHi >= singleWave.CEILING || jumps == walk.MAX_JUMPS) {
      noticed = true;
      return;
    }
    const entry = walk.jump(vLo);
    if (!noticed && u128.greater(vHi, vLo, walk.thresholdHi, walk.thresholdLo)) {
      if (walk.mayExceed(vHi, vLo, walk.jumpGrowth(entry))) noticed = true;
    }
    u128.shiftRight(vHi, vLo, walk.JUMP_BITS);
    u128.multiplyAdd(u128.hi, u128.lo, walk.jumpFactor(entry), walk.jumpOffset(entry));
    vHi = u128.hi;
    vLo = u128.lo;
    odd += walk.jumpSteps(entry) - <u32>walk.JUMP_BITS;
  }
  add(odd + load<u8>(delayTail.ODD + <usize>vLo), weight);
}
