/**
 * Walks of one value per residue class to below 2^19, up to 1024 at a time, which share a weight. It only counts:
 * what may hold a record is noticed (`noticed`) and looked at again one by one.
 *
 * **Nothing is carried but the value.** All values of a wave have taken the same number of steps j of U, since every
 * pass jumps all of them by 12 twice. After j steps from n with c odd values on the way a value is n·3^c/2^j times a
 * little more than 1, and for another c it is 3 times as large: so j and the position of the highest bit tell c.
 * `ODD_BEFORE` holds it by j + that position (class-block.ts proves the bounds). This leaves in the loop a table
 * look-up, a multiplication and the two stores that split those that stay from those that end, without a branch
 * that depends on the data.
 *
 * **Two jumps a pass** halve loads, stores and tests. Half of the values jump once more than they need to: from
 * below 2^19 on, which is as good as long as a jump starts at 2^12 or more (12 halvings can't pass 1). The few others
 * end after their first jump.
 *
 * **Widths.** A value below 2^55 is one word and jumps in one. A larger one is a1·2^44 + a0: as a jump multiplies by
 * m ≤ 3^12 < 2^19.03 and adds d < m, (a0 >> 12 with 12 bits of a1 above)·m + d stays below 2^64, and so does
 * (a1 >> 12)·m + carry for a1 < 2^55: two multiplications, and no carry flag, for values below 2^99. It is narrow
 * again once below 2^51: so far below 2^55 that few climb out again. What passes the limit of two words, or might hold
 * a peak, leaves the wave and is walked by itself in 128 bits.
 *
 * Whether a value ended is its top bit after a subtraction (all are below 2^63), an instruction less than a
 * comparison takes.
 */
import * as delayTail from './delay-tail.ts';
import * as u128 from './uint128.ts';
import * as singleWave from './single-wave.ts';
import * as walk from './walk.ts';

export const CAPACITY: u32 = 1024;
const LIMB_BITS: u64 = 44;
const LIMB_MASK: u64 = (1 << 44) - 1;
/** End of one word; and of two, for the upper one: 2^43 · 3^12 < 2^63. */
const TOP: u64 = 1 << 55;
/** A value is narrow again when its upper word is below this: 2^51 >> 44. */
const NARROW_AGAIN: u64 = 128;
/** A jump from below this might pass 1. */
const JUMP_LEAST: u64 = 1 << 12;
/** As many as MAX_JUMPS: a delay of 4096 or more. */
const MOST_PASSES: u32 = 175;
/** Where a part starts narrow. */
export const STARTS_NARROW: u64 = 1 << 52;
/** High word of 2^107. */
export const HUGE_HIGH: u64 = 1 << 43;

/** Per residue mod 2^12: 3^c in the low word, d in the high one. */
const JUMPS: usize = memory.data(4096 * 8, 64);
/** Values that stay, and those that ended in the last pass (8 bytes each). */
const NARROW: usize = memory.data(1024 * 8, 64);
const ENDS: usize = memory.data(1024 * 8, 64);
/** Pairs (a0, a1). */
const WIDE: usize = memory.data(1024 * 16, 64);
/** Values that left: low and high word, and the steps of U so far. */
const LEFT: usize = memory.data(1024 * 24, 64);
/** Values too small for the second jump of the last pass (u32). */
const SHORT: usize = memory.data(1024 * 4, 64);
let narrowEnd: usize = NARROW;
let wideEnd: usize = WIDE;
let endsEnd: usize = ENDS;
let leftEnd: usize = LEFT;
let shortEnd: usize = SHORT;
let steps: u32 = 0;

/** By steps of U and highest bit, how many were odd; room for 12·350 + 20 steps and 128 bits. */
const ODD_BEFORE: usize = memory.data(4608 * 2, 64);
export const ODD_BEFORE_LENGTH: u32 = 4608;
/** By odd values on the whole path, how many numbers of the block (u32). */
const HISTOGRAM: usize = memory.data(4096 * 4, 64);

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
  narrowLimit = walk.thresholdHi != 0 || walk.thresholdLo >= TOP ? TOP - 1 : walk.thresholdLo;
  u128.shiftRight(walk.thresholdHi, walk.thresholdLo, LIMB_BITS);
  wideLimit = u128.hi != 0 || u128.lo > TOP ? TOP : u128.lo;
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
  shortEnd = SHORT;
  steps = k;
  noticed = false;
}

// @ts-ignore: decorator
@inline
function jump(v: u64): u64 {
  return load<u64>((<usize>v & 4095) << 3, JUMPS);
}

/** Adds `count` classes of one c: the values base + d, all from 2^19 to below 2^55. d: u32 from address `from` on. */
export function addNarrow(from: usize, count: u32, base: u64): void {
  const stop = from + (<usize>count << 2);
  let to = narrowEnd;
  for (; from < stop; from += 4) {
    store<u64>(to, base + <u64>load<u32>(from));
    to += 8;
  }
  narrowEnd = to;
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

/** The same for values from 2^48 to below 2^108. */
export function addWide(from: usize, count: u32, baseHi: u64, baseLo: u64): void {
  const stop = from + (<usize>count << 2);
  const base0 = baseLo & LIMB_MASK;
  const base1 = (baseLo >> LIMB_BITS) | (baseHi << (64 - LIMB_BITS));
  let to = wideEnd;
  for (; from < stop; from += 4) {
    const sum = base0 + <u64>load<u32>(from);
    store<u64>(to, sum & LIMB_MASK);
    store<u64>(to, base1 + (sum >> LIMB_BITS), 8);
    to += 16;
  }
  wideEnd = to;
}

/** The same for values from 2^108 on, which no wave takes. */
export function addHuge(from: usize, count: u32, baseHi: u64, baseLo: u64): void {
  const stop = from + (<usize>count << 2);
  for (; from < stop; from += 4) {
    const low = baseLo + <u64>load<u32>(from);
    leave(low, baseHi + u64(low < baseLo));
  }
}

/** Walks and counts all that was added. */
export function finish(weight: u32): void {
  for (let pass: u32 = 0; pass < MOST_PASSES; pass++) {
    if (narrowEnd == NARROW && wideEnd == WIDE) break;
    if (narrowEnd != NARROW) narrowPass();
    if (wideEnd != WIDE) widePass();
    if (shortEnd != SHORT) countShort(weight);
    steps += 24;
    if (endsEnd != ENDS) countEnds(weight);
  }
  // Walks too long to finish: a delay of 4096 or more.
  if (narrowEnd != NARROW || wideEnd != WIDE) noticed = true;
  for (let from = LEFT; from < leftEnd; from += 24) {
    walkLeft(load<u64>(from, 8), load<u64>(from), load<u32>(from, 16), weight);
  }
}

/** Two jumps for every narrow value. */
function narrowPass(): void {
  const limit = narrowLimit;
  const span = limit - JUMP_LEAST;
  const stop = narrowEnd;
  let to = NARROW;
  let ends = endsEnd;
  for (let from = NARROW; from < stop; from += 8) {
    const v = load<u64>(from);
    const first = jump(v);
    const y = (v >> 12) * (first & 0xffffffff) + (first >> 32);
    if (v > limit) {
      rise(v, y);
      continue;
    }
    // Below JUMP_LEAST or above limit.
    if (y - JUMP_LEAST > span) {
      if (y < JUMP_LEAST) endShort(<u32>y);
      else rise(v, y);
      continue;
    }
    const second = jump(y);
    const x = (y >> 12) * (second & 0xffffffff) + (second >> 32);
    store<u64>(to, x);
    store<u64>(ends, x);
    const ended = <usize>((x - <u64>delayTail.TAIL) >> 63) << 3;
    to = to + 8 - ended;
    ends += ended;
  }
  narrowEnd = to;
  endsEnd = ends;
}

/**
 * Two jumps for every wide value. After the narrow pass: what becomes narrow here has been jumped. The lower limb is
 * stored with the carry still above its 44 bits: a shift takes that off where it is needed.
 */
function widePass(): void {
  const limit = wideLimit;
  const stop = wideEnd;
  let to = WIDE;
  let narrow = narrowEnd;
  for (let from = WIDE; from < stop; from += 16) {
    const a0 = load<u64>(from);
    const a1 = load<u64>(from, 8);
    const first = jump(a0);
    const m1 = first & 0xffffffff;
    const y0 = (((a0 << 20) >> 32) | ((a1 & 4095) << 32)) * m1 + (first >> 32);
    const y1 = (a1 >> 12) * m1 + (y0 >> LIMB_BITS);
    if (max(a1, y1) >= limit) {
      leave((a0 & LIMB_MASK) | (a1 << LIMB_BITS), a1 >> (64 - LIMB_BITS));
      continue;
    }
    const second = jump(y0);
    const m2 = second & 0xffffffff;
    const x0 = (((y0 << 20) >> 32) | ((y1 & 4095) << 32)) * m2 + (second >> 32);
    const upper = (y1 >> 12) * m2;
    const x1 = upper + (x0 >> LIMB_BITS);
    store<u64>(to, x0);
    store<u64>(to, x1, 8);
    store<u64>(narrow, x0 + (upper << LIMB_BITS));
    const narrowed = <usize>((x1 - NARROW_AGAIN) >> 63) << 3;
    narrow += narrowed;
    to = to + 16 - (narrowed << 1);
  }
  wideEnd = to;
  narrowEnd = narrow;
}

/** In a narrow pass: too large for one word, or to be looked at. What joins the wide ones jumps in the same pass. */
function rise(v: u64, y: u64): void {
  if (u128.greater(0, max(v, y), walk.thresholdHi, walk.thresholdLo)) {
    leave(v, 0);
    return;
  }
  store<u64>(wideEnd, v & LIMB_MASK);
  store<u64>(wideEnd, v >> LIMB_BITS, 8);
  wideEnd += 16;
}

/** In a narrow pass: a second jump might pass 1. */
function endShort(y: u32): void {
  store<u32>(shortEnd, y);
  shortEnd += 4;
}

function leave(vLo: u64, vHi: u64): void {
  store<u64>(leftEnd, vLo);
  store<u64>(leftEnd, vHi, 8);
  store<u32>(leftEnd, steps, 16);
  leftEnd += 24;
}

function countShort(weight: u32): void {
  const table = ODD_BEFORE + (<usize>(steps + 12 + 31) << 1);
  for (let from = SHORT; from < shortEnd; from += 4) {
    const v = load<u32>(from);
    add(<u32>load<u16>(table - (<usize>clz<u32>(v) << 1)) + <u32>load<u8>(delayTail.ODD + <usize>v), weight);
  }
  shortEnd = SHORT;
}

function countEnds(weight: u32): void {
  const limit = oddLimit;
  const stop = endsEnd;
  const table = ODD_BEFORE + (<usize>(steps + 31) << 1);
  for (let from = ENDS; from < stop; from += 8) {
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
    if (u128.greater(vHi, vLo, walk.thresholdHi, walk.thresholdLo)) {
      if (walk.mayExceed(vHi, vLo, walk.jumpGrowth(entry))) lookAtJump(vHi, vLo);
    }
    u128.shiftRight(vHi, vLo, walk.JUMP_BITS);
    u128.multiplyAdd(u128.hi, u128.lo, walk.jumpFactor(entry), walk.jumpOffset(entry));
    vHi = u128.hi;
    vLo = u128.lo;
    odd += walk.jumpSteps(entry) - <u32>walk.JUMP_BITS;
  }
  add(odd + load<u8>(delayTail.ODD + <usize>vLo), weight);
}

/** The values of T in a jump. The bound on them alone would notice waves, and have them looked at, without need. */
function lookAtJump(vHi: u64, vLo: u64): void {
  for (let step: u64 = 0; step < walk.JUMP_BITS; step++) {
    if ((vLo & 1) != 0) {
      u128.multiplyAdd(vHi, vLo, 3, 1);
      vHi = u128.hi;
      vLo = u128.lo;
    }
    if (u128.greater(vHi, vLo, walk.bestHi, walk.bestLo)) noticed = true;
    vLo = (vLo >> 1) | (vHi << 63);
    vHi >>= 1;
  }
}
