/**
 * Walks of up to 512 values to below 2^16, each with its own index, delay and flags: what is not walked by whole
 * classes, and what must be known one by one.
 *
 * It is a wave: every pass jumps all values that are still above the tail once, without a branch that depends on
 * the data, and packs those that stay to the left. One number after the other waits for each multiplication and
 * mispredicts each end: 20.6 instead of 28.3 M/s at 3·10^9, 5.5 instead of 7.5 at 2^68.
 */
import * as u128 from './uint128.ts';
import * as walk from './walk.ts';

export const CAPACITY: u32 = 512;
/** Below this a table answers. */
export const TAIL: u64 = 1 << 16;
/** No path from below TAIL climbs higher (60975 reaches 593279152). */
export const TAIL_PEAK_BOUND: u64 = 1 << 30;
const TAIL_DELAYS: usize = memory.data(65536 * 2, 8);
const TAIL_PEAKS: usize = memory.data(65536 * 4, 8);

/**
 * High word from which on a value is handed back: within a jump from below 2^116 no value of T reaches 2^126, so
 * the walk that decides a peak (walk.decidePeak) never has to give up on what was not handed back here.
 */
export const CEILING: u64 = 1 << 52;
/** Delays from here on are handed back. */
export const DELAYS: u32 = 4096;

const INDEX_MASK: u32 = 511;
const DELAY_SHIFT: u32 = 9;
const DELAY_MASK: u32 = 0xffff;
/** Flags beside index (9 bits) and delay (16 bits). */
const DOUBTFUL: u32 = 1 << 30;
const GIVEN: u32 = 1 << 31;

/** Values in [TAIL, NARROW), and those that need two words. */
const NARROW: usize = memory.data(512 * 8, 8);
const NARROW_STATE: usize = memory.data(512 * 4, 8);
const LOW: usize = memory.data(512 * 8, 8);
const HIGH: usize = memory.data(512 * 8, 8);
const WIDE_STATE: usize = memory.data(512 * 4, 8);
let narrow: u32 = 0;
let wide: u32 = 0;
/** By index, what a value had when it left the wave. */
const END_VALUE: usize = memory.data(512 * 8, 8);
const END_STATE: usize = memory.data(512 * 4, 8);

export function prepare(): void {
  store<u32>(TAIL_PEAKS, 1, 4);
  for (let n: u32 = 2; n < <u32>TAIL; n += 4096) prepareTail(n, min(n + 4096, <u32>TAIL));
}

function prepareTail(from: u32, to: u32): void {
  for (let n = from; n < to; n++) {
    let x = n;
    let delay: u32 = 0;
    let peak = n;
    while (x >= n) {
      x = (x & 1) != 0 ? 3 * x + 1 : x >> 1;
      if (x > peak) peak = x;
      delay++;
    }
    const below = load<u32>(TAIL_PEAKS + (<usize>x << 2));
    store<u16>(TAIL_DELAYS + (<usize>n << 1), <u16>(delay + load<u16>(TAIL_DELAYS + (<usize>x << 1))));
    store<u32>(TAIL_PEAKS + (<usize>n << 2), below > peak ? below : peak);
  }
}

export function tailDelay(n: u64): u32 {
  return load<u16>(TAIL_DELAYS + (<usize>n << 1));
}

export function tailPeak(n: u64): u32 {
  return load<u32>(TAIL_PEAKS + (<usize>n << 2));
}

/** Adds a value ≥ 1, any below 2^128; `taken` steps of T have led to it. */
export function put(index: u32, vHi: u64, vLo: u64, taken: u32): void {
  const state = index | (taken << DELAY_SHIFT);
  if (vHi != 0 || vLo >= walk.NARROW) {
    store<u64>(LOW + (<usize>wide << 3), vLo);
    store<u64>(HIGH + (<usize>wide << 3), vHi);
    store<u32>(WIDE_STATE + (<usize>wide << 2), state);
    wide++;
  } else if (vLo >= TAIL) {
    store<u64>(NARROW + (<usize>narrow << 3), vLo);
    store<u32>(NARROW_STATE + (<usize>narrow << 2), state);
    narrow++;
  } else {
    store<u64>(END_VALUE + (<usize>index << 3), vLo);
    store<u32>(END_STATE + (<usize>index << 2), state);
  }
}

/** Walks all that was added. */
export function finish(): void {
  for (let pass: u32 = 0; wide != 0; pass++) wide = pass < walk.MAX_JUMPS ? wideWave(wide) : giveWide(wide);
  for (let pass: u32 = 0; narrow != 0; pass++)
    narrow = pass < walk.MAX_JUMPS ? narrowWave(narrow) : giveNarrow(narrow);
}

/** The delay of what was added under this index; valid unless `isGiven`. */
export function delayOf(index: u32): u32 {
  const state = load<u32>(END_STATE + (<usize>index << 2));
  return ((state >> DELAY_SHIFT) & DELAY_MASK) + tailDelay(load<u64>(END_VALUE + (<usize>index << 3)));
}

/** Climbs too high, or takes too long, for this kernel. */
export function isGiven(index: u32): bool {
  return (load<u32>(END_STATE + (<usize>index << 2)) & GIVEN) != 0 || delayOf(index) >= DELAYS;
}

/** May its peak exceed the best? */
export function isDoubtful(index: u32): bool {
  if ((load<u32>(END_STATE + (<usize>index << 2)) & DOUBTFUL) != 0) return true;
  if (walk.bestHi != 0 || walk.bestLo >= TAIL_PEAK_BOUND) return false;
  return tailPeak(load<u64>(END_VALUE + (<usize>index << 3))) > <u32>walk.bestLo;
}

/** One jump for each of the first `active` values; returns how many stay. */
function narrowWave(active: u32): u32 {
  const limit = walk.narrowLimit;
  let stay: usize = 0;
  for (let i: usize = 0; i < <usize>active; i++) {
    let v = load<u64>(NARROW + (i << 3));
    let state = load<u32>(NARROW_STATE + (i << 2));
    if (v > limit) {
      if (v >= walk.NARROW) {
        v = climb(v);
        state = v == 0 ? state | GIVEN : (state + (climbSteps << DELAY_SHIFT)) | climbFlags;
      } else if (walk.mayExceed(0, v, walk.jumpGrowth(walk.jump(v)))) {
        state |= DOUBTFUL;
      }
    }
    const entry = walk.jump(v);
    v = (v >> walk.JUMP_BITS) * walk.jumpFactor(entry) + walk.jumpOffset(entry);
    state += walk.jumpSteps(entry) << DELAY_SHIFT;
    const index = <usize>(state & INDEX_MASK);
    store<u64>(END_VALUE + (index << 3), v);
    store<u32>(END_STATE + (index << 2), state);
    store<u64>(NARROW + (stay << 3), v);
    store<u32>(NARROW_STATE + (stay << 2), state);
    stay += usize(v >= TAIL);
  }
  return <u32>stay;
}

/** The same for values of up to 128 bits, until they are narrow. */
function wideWave(active: u32): u32 {
  let stay: usize = 0;
  let left: usize = <usize>narrow;
  for (let i: usize = 0; i < <usize>active; i++) {
    let vHi = load<u64>(HIGH + (i << 3));
    let vLo = load<u64>(LOW + (i << 3));
    let state = load<u32>(WIDE_STATE + (i << 2));
    const entry = walk.jump(vLo);
    if (vHi >= CEILING) {
      const index = <usize>(state & INDEX_MASK);
      store<u64>(END_VALUE + (index << 3), 1);
      store<u32>(END_STATE + (index << 2), state | GIVEN);
      continue;
    }
    if (u128.greater(vHi, vLo, walk.thresholdHi, walk.thresholdLo)) {
      if (walk.mayExceed(vHi, vLo, walk.jumpGrowth(entry))) state |= DOUBTFUL;
    }
    u128.shiftRight(vHi, vLo, walk.JUMP_BITS);
    u128.multiplyAdd(u128.hi, u128.lo, walk.jumpFactor(entry), walk.jumpOffset(entry));
    state += walk.jumpSteps(entry) << DELAY_SHIFT;
    const isWide = usize(u128.hi != 0 || u128.lo >= walk.NARROW);
    store<u64>(NARROW + (left << 3), u128.lo);
    store<u32>(NARROW_STATE + (left << 2), state);
    left += 1 - isWide;
    store<u64>(HIGH + (stay << 3), u128.hi);
    store<u64>(LOW + (stay << 3), u128.lo);
    store<u32>(WIDE_STATE + (stay << 2), state);
    stay += isWide;
  }
  narrow = <u32>left;
  return <u32>stay;
}

/** These walks are too long to finish here: a delay of 4096 or more. */
function giveWide(active: u32): u32 {
  for (let i: usize = 0; i < <usize>active; i++) give(load<u32>(WIDE_STATE + (i << 2)));
  return 0;
}

function giveNarrow(active: u32): u32 {
  for (let i: usize = 0; i < <usize>active; i++) give(load<u32>(NARROW_STATE + (i << 2)));
  return 0;
}

function give(state: u32): void {
  const index = <usize>(state & INDEX_MASK);
  store<u64>(END_VALUE + (index << 3), 1);
  store<u32>(END_STATE + (index << 2), state | GIVEN);
}

let climbSteps: u32 = 0;
let climbFlags: u32 = 0;

/** A value that left the narrow wave upwards: jumps until it is back. 0 if it must be handed back. */
function climb(v: u64): u64 {
  let vHi: u64 = 0;
  let vLo = v;
  climbSteps = 0;
  climbFlags = 0;
  while (vHi != 0 || vLo >= walk.NARROW) {
    if (vHi >= CEILING || climbSteps >= DELAYS) return 0;
    const entry = walk.jump(vLo);
    if (u128.greater(vHi, vLo, walk.thresholdHi, walk.thresholdLo)) {
      if (walk.mayExceed(vHi, vLo, walk.jumpGrowth(entry))) climbFlags = DOUBTFUL;
    }
    u128.shiftRight(vHi, vLo, walk.JUMP_BITS);
    u128.multiplyAdd(u128.hi, u128.lo, walk.jumpFactor(entry), walk.jumpOffset(entry));
    vHi = u128.hi;
    vLo = u128.lo;
    climbSteps += walk.jumpSteps(entry);
  }
  return vLo;
}
