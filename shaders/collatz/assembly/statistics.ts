/**
 * collatz, mode statistics, on a CPU: delay histogram and both record lists of a range, in order.
 *
 * Output words: number of delay records, peak records and numbers handed back; 4096 bins of 2 words; then
 * the delay records (offset: 2 words, delay), the peak records (offset: 2 words, peak: 4 words) and the
 * offsets handed back (2 words each). Numbers handed back are in nothing else.
 *
 * Million numbers per second of CPU time, best of 12, on a 2-core machine shared with other work: 67 from 1,
 * 34 at 3·10^9, 20 at 2^40, 15 at 2^53, 7.5 at 2^68, 3.6 below 2^96.
 */
import * as u128 from './uint128.ts';
import * as walk from './walk.ts';

/** Below this a table answers. */
const TAIL: u64 = 1 << 16;
/** No path from below TAIL climbs higher (60975 reaches 593279152). */
const TAIL_PEAK_BOUND: u64 = 1 << 30;
const TAIL_DELAYS: usize = memory.data(65536 * 2);
const TAIL_PEAKS: usize = memory.data(65536 * 4);

const BINS: u32 = 4096;
const HISTOGRAM: usize = memory.data(4096 * 8);
const DELAY_RECORDS: usize = memory.data(4096 * 12);
const HEADER_WORDS: usize = 3;
const PARAMETERS: usize = memory.data(1024);

let delayRecords: u32 = 0;
let maxDelay: i32 = -1;
let outputAddress: usize = 0;
let outputCapacity: usize = 0;

export function parameters(words: u32): u32 {
  if (words > 256) unreachable();
  return <u32>PARAMETERS;
}

export function prepare(): void {
  walk.prepareJumps();
  store<u32>(TAIL_PEAKS + 4, 1);
  for (let n: u32 = 2; n < <u32>TAIL; n++) {
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

export function run(start0: u64, start1: u64, length: u64): u32 {
  memory.fill(HISTOGRAM, 0, 4096 * 8);
  delayRecords = 0;
  maxDelay = -1;
  walk.resetPeaks();
  let offset: u64 = 0;
  if (start1 == 0 && start0 < TAIL) {
    const small = min(length, TAIL - start0);
    for (; offset < small; offset++) readTail(start0 + offset, offset);
  }
  // In groups, each a few calls: V8 replaces its baseline code by optimised code only between calls.
  while (offset < length) {
    const size = min<u64>(length - offset, GROUP);
    const nLo = start0 + offset;
    group(start1 + u64(nLo < start0), nLo, offset, <u32>size);
    offset += size;
  }
  return write();
}

function readTail(n: u64, offset: u64): void {
  count(offset, load<u16>(TAIL_DELAYS + (<usize>n << 1)));
  const peak = <u64>load<u32>(TAIL_PEAKS + (<usize>n << 2));
  if (u128.greater(0, peak, walk.bestHi, walk.bestLo)) walk.recordPeak(offset, 0, peak);
}

/**
 * A group advances as a wave: every pass jumps all numbers that are still above the tail once, without a
 * branch that depends on the data, and packs those that stay to the left. One number after the other was
 * tried: it waits for each multiplication and mispredicts each end, and made 20.6 instead of 28.3 M/s at
 * 3·10^9 and 5.5 instead of 7.5 at 2^68 (best of 40, alternating, on a 2-core machine in use, where the same
 * loops in C made 24 and 31).
 */
const GROUP: u32 = 512;
const INDEX_MASK: u32 = 511;
const DELAY_SHIFT: u32 = 9;
const DELAY_MASK: u32 = 0xffff;
/** Flags beside index (9 bits) and delay (16 bits). */
const DOUBTFUL: u32 = 1 << 30;
const GIVEN: u32 = 1 << 31;
const LOW: usize = memory.data(512 * 8);
const HIGH: usize = memory.data(512 * 8);
const STATE: usize = memory.data(512 * 4);
/** By index, what a number had when it left the wave. */
const END_VALUE: usize = memory.data(512 * 8);
const END_STATE: usize = memory.data(512 * 4);

/** n + 511 may pass 2^64: each number is made from its own low word. */
function group(nHi: u64, nLo: u64, offset: u64, size: u32): void {
  if (nHi != 0 || nLo >= walk.NARROW - GROUP) {
    for (let i: u32 = 0; i < size; i++) {
      const low = nLo + i;
      store<u64>(LOW + (<usize>i << 3), low);
      store<u64>(HIGH + (<usize>i << 3), nHi + u64(low < nLo));
      store<u32>(STATE + (<usize>i << 2), i);
    }
    let active = size;
    for (let pass: u32 = 0; active != 0; pass++) active = wideWave(active, pass);
    memory.copy(LOW, END_VALUE, <usize>size << 3);
    memory.copy(STATE, END_STATE, <usize>size << 2);
  } else {
    for (let i: u32 = 0; i < size; i++) {
      store<u64>(LOW + (<usize>i << 3), nLo + i);
      store<u32>(STATE + (<usize>i << 2), i);
    }
  }
  let active = size;
  for (let pass: u32 = 0; active != 0; pass++) active = narrowWave(active, pass);
  for (let i: u32 = 0; i < size; i++) finish(nHi, nLo, i, offset + i);
}

/** One jump for each of the first `active` values, all in [TAIL, NARROW); returns how many stay. */
function narrowWave(active: u32, pass: u32): u32 {
  const limit = walk.narrowLimit;
  let stay: usize = 0;
  for (let i: usize = 0; i < <usize>active; i++) {
    let v = load<u64>(LOW + (i << 3));
    let state = load<u32>(STATE + (i << 2));
    if (v > limit) {
      if (v >= walk.NARROW) {
        v = wide(v);
        state = v == 0 ? state | GIVEN : (state + (wideSteps << DELAY_SHIFT)) | wideFlags;
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
    store<u64>(LOW + (stay << 3), v);
    store<u32>(STATE + (stay << 2), state);
    stay += usize(v >= TAIL);
  }
  if (pass < walk.MAX_JUMPS) return <u32>stay;
  giveAll(<u32>stay);
  return 0;
}

/** The same for values of up to 128 bits, until they are narrow. Their first pass may find them narrow. */
function wideWave(active: u32, pass: u32): u32 {
  let stay: usize = 0;
  for (let i: usize = 0; i < <usize>active; i++) {
    let vHi = load<u64>(HIGH + (i << 3));
    let vLo = load<u64>(LOW + (i << 3));
    let state = load<u32>(STATE + (i << 2));
    const entry = walk.jump(vLo);
    if (vHi > walk.thresholdHi || (vHi == walk.thresholdHi && vLo > walk.thresholdLo) || vHi >= walk.TOO_WIDE) {
      if (vHi >= walk.TOO_WIDE) {
        state |= GIVEN;
        vHi = 0;
        vLo = TAIL;
      } else if (walk.mayExceed(vHi, vLo, walk.jumpGrowth(entry))) {
        state |= DOUBTFUL;
      }
    }
    u128.shiftRight(vHi, vLo, walk.JUMP_BITS);
    u128.multiplyAdd(u128.hi, u128.lo, walk.jumpFactor(entry), walk.jumpOffset(entry));
    state += walk.jumpSteps(entry) << DELAY_SHIFT;
    const index = <usize>(state & INDEX_MASK);
    store<u64>(END_VALUE + (index << 3), u128.lo);
    store<u32>(END_STATE + (index << 2), state);
    store<u64>(HIGH + (stay << 3), u128.hi);
    store<u64>(LOW + (stay << 3), u128.lo);
    store<u32>(STATE + (stay << 2), state);
    stay += usize(u128.hi != 0 || u128.lo >= walk.NARROW);
  }
  if (pass < walk.MAX_JUMPS) return <u32>stay;
  giveAll(<u32>stay);
  return 0;
}

/** These walks are too long to finish here: a delay of 4096 or more. */
function giveAll(active: u32): void {
  for (let i: usize = 0; i < <usize>active; i++) {
    const state = load<u32>(STATE + (i << 2)) | GIVEN;
    const index = <usize>(state & INDEX_MASK);
    store<u64>(END_VALUE + (index << 3), TAIL);
    store<u32>(END_STATE + (index << 2), state);
  }
}

let wideSteps: u32 = 0;
let wideFlags: u32 = 0;

/** A value that left the narrow wave upwards: jumps until it is back. 0 if it must be handed back. */
function wide(v: u64): u64 {
  let vHi: u64 = 0;
  let vLo = v;
  wideSteps = 0;
  wideFlags = 0;
  while (vHi != 0 || vLo >= walk.NARROW) {
    if (vHi >= walk.TOO_WIDE || wideSteps >= BINS) return 0;
    const entry = walk.jump(vLo);
    if (u128.greater(vHi, vLo, walk.thresholdHi, walk.thresholdLo)) {
      if (walk.mayExceed(vHi, vLo, walk.jumpGrowth(entry))) wideFlags = DOUBTFUL;
    }
    u128.shiftRight(vHi, vLo, walk.JUMP_BITS);
    u128.multiplyAdd(u128.hi, u128.lo, walk.jumpFactor(entry), walk.jumpOffset(entry));
    vHi = u128.hi;
    vLo = u128.lo;
    wideSteps += walk.jumpSteps(entry);
  }
  return vLo;
}

/** In the order of n: the records depend on it. */
function finish(firstHi: u64, firstLo: u64, i: u32, offset: u64): void {
  const v = load<u64>(END_VALUE + (<usize>i << 3));
  const state = load<u32>(END_STATE + (<usize>i << 2));
  if ((state & GIVEN) != 0) {
    walk.handBack(offset);
    return;
  }
  const delay = ((state >> DELAY_SHIFT) & DELAY_MASK) + load<u16>(TAIL_DELAYS + (<usize>v << 1));
  if (delay >= BINS) {
    walk.handBack(offset);
    return;
  }
  let doubtful = (state & DOUBTFUL) != 0;
  if (walk.bestHi == 0 && walk.bestLo < TAIL_PEAK_BOUND) {
    doubtful = doubtful || load<u32>(TAIL_PEAKS + (<usize>v << 2)) > <u32>walk.bestLo;
  }
  if (doubtful) {
    const nLo = firstLo + i;
    if (!walk.decidePeak(firstHi + u64(nLo < firstLo), nLo, 0, 2, offset)) {
      walk.handBack(offset);
      return;
    }
  }
  count(offset, delay);
}

function count(offset: u64, delay: u32): void {
  const bin = HISTOGRAM + (<usize>delay << 3);
  store<u64>(bin, load<u64>(bin) + 1);
  if (<i32>delay > maxDelay) recordDelay(offset, delay);
}

/** Delays rise strictly and stay below 4096, so there is always room. */
function recordDelay(offset: u64, delay: u32): void {
  const record = DELAY_RECORDS + <usize>delayRecords * 12;
  store<u64>(record, offset);
  store<u32>(record, delay, 8);
  delayRecords++;
  maxDelay = <i32>delay;
}

function write(): u32 {
  const delayBytes = <usize>delayRecords * 12;
  const peakBytes = <usize>walk.peakRecords * 24;
  const backBytes = <usize>walk.handedBack * 8;
  const bytes = HEADER_WORDS * 4 + 4096 * 8 + delayBytes + peakBytes + backBytes;
  if (bytes > outputCapacity) {
    outputCapacity = bytes * 2;
    outputAddress = heap.alloc(outputCapacity);
  }
  let at = outputAddress;
  store<u32>(at, delayRecords);
  store<u32>(at, walk.peakRecords, 4);
  store<u32>(at, walk.handedBack, 8);
  at += HEADER_WORDS * 4;
  memory.copy(at, HISTOGRAM, 4096 * 8);
  at += 4096 * 8;
  memory.copy(at, DELAY_RECORDS, delayBytes);
  at += delayBytes;
  memory.copy(at, walk.PEAK_RECORDS, peakBytes);
  at += peakBytes;
  memory.copy(at, walk.handedBackList, backBytes);
  return <u32>(bytes >> 2);
}

export function output(): u32 {
  return <u32>outputAddress;
}
