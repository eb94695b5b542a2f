/**
 * The running records of glide peaks, whatever the order in which candidates are looked at: a list of steps,
 * ascending in n and in peak. The peak of the last step at or below n is what n has to exceed; a step that is put
 * in removes those behind it that it reaches. What is left at the end are the records in the order of n.
 *
 * The list is short: of N candidates in random order about ln N are on it.
 */
import * as u128 from './uint128.ts';

/** Offset of n in the range (2 words), peak (4 words). Ascending peaks of up to 2^128 are far fewer. */
const CAPACITY: u32 = 1 << 14;
const STEP_BYTES: usize = 24;
const STEPS: usize = memory.data(16384 * 24, 8);

/** Steps on the list. */
export let length: u32 = 0;

export function reset(): void {
  length = 0;
}

// @ts-ignore: decorator
@inline
function offsetAt(index: u32): u64 {
  return load<u64>(STEPS + <usize>index * STEP_BYTES);
}

/** How many steps are at or below `offset`: most looks are beyond the last ones. */
function countUpTo(offset: u64): u32 {
  let count = length;
  while (count > 0 && offsetAt(count - 1) > offset) count--;
  return count;
}

/** What a peak at `offset` has to exceed, in u128.hi and u128.lo; 0 if nothing is known at or below it. */
export function known(offset: u64): void {
  const count = countUpTo(offset);
  if (count == 0) {
    u128.set(0, 0);
    return;
  }
  const step = STEPS + <usize>(count - 1) * STEP_BYTES;
  u128.set(load<u64>(step, 16), load<u64>(step, 8));
}

/** Puts a peak in, if it exceeds what is known at its offset. */
export function put(offset: u64, peakHi: u64, peakLo: u64): void {
  const at = countUpTo(offset);
  const place = STEPS + <usize>at * STEP_BYTES;
  if (at > 0 && !u128.greater(peakHi, peakLo, load<u64>(place - 8), load<u64>(place - 16))) return;
  let reached = at;
  while (reached < length) {
    const step = STEPS + <usize>reached * STEP_BYTES;
    if (u128.greater(load<u64>(step, 16), load<u64>(step, 8), peakHi, peakLo)) break;
    reached++;
  }
  if (reached == at && length == CAPACITY) unreachable();
  memory.copy(place + STEP_BYTES, STEPS + <usize>reached * STEP_BYTES, <usize>(length - reached) * STEP_BYTES);
  store<u64>(place, offset);
  store<u64>(place, peakLo, 8);
  store<u64>(place, peakHi, 16);
  length = length - reached + at + 1;
}

/** Writes the records (6 words each); returns how many bytes. */
export function write(address: usize): usize {
  const bytes = <usize>length * STEP_BYTES;
  memory.copy(address, STEPS, bytes);
  return bytes;
}
