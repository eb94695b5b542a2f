/**
 * Yardstick: `collatz` verify as a textbook has it: no sieve, every number walked until its first value below itself.
 * Only what is to be a maximum is asked whether it is a candidate, so that the maximum is the one of workloads.md.
 *
 * Row: numbers settled (2 words); largest glide peak of a candidate (4 words, 0: none), its offset; walks that passed
 * 2^126. The ABI is `CpuKernel` in protocol/workload.ts.
 */
import { OVERFLOWED, ROW_WORDS, peakHigh, peakLow, row, walk } from './wide';

export function parameters(length: u32): u32 {
  return <u32>row;
}

export function prepare(): void {}

export function output(): u32 {
  return <u32>row;
}

export function run(start0: u64, start1: u64, length: u64): u32 {
  let settled: u64 = 0;
  let mostHigh: u64 = 0;
  let mostLow: u64 = 0;
  let mostAt: u64 = 0;
  let overflows: u32 = 0;
  for (let offset: u64 = 0; offset < length; offset++) {
    const low = start0 + offset;
    const high = start1 + <u64>(low < start0);
    // 1 has nothing below it and is settled.
    const one = high == 0 && low == 1;
    if (walk(high, low, high, one ? 2 : low) == OVERFLOWED) {
      overflows++;
      continue;
    }
    settled++;
    if ((peakHigh > mostHigh || (peakHigh == mostHigh && peakLow > mostLow)) && isCandidate(high, low)) {
      mostHigh = peakHigh;
      mostLow = peakLow;
      mostAt = offset;
    }
  }
  store<u64>(row, settled);
  store<u64>(row, mostLow, 8);
  store<u64>(row, mostHigh, 16);
  store<u32>(row, <u32>mostAt, 24);
  store<u32>(row, overflows, 28);
  return ROW_WORDS;
}

/** By the definition of workloads.md, word for word. */
function isCandidate(high: u64, low: u64): bool {
  if (high == 0 && low < 1 << 26) return (low & 3) == 3;
  // 2^64 mod 9 = 7.
  const nine = (low % 9 + 7 * (high % 9)) % 9;
  if (nine == 2 || nine == 4 || nine == 5 || nine == 8) return false;
  let three: u64 = 0;
  for (let k: u64 = 1; k <= 24; k++) {
    const r = low & ((1 << k) - 1);
    const odd = oddSteps(r, k);
    three = 1;
    for (let i: u64 = 0; i < odd; i++) three *= 3;
    if (three <= 1 << k) return false;
    const value = reached;
    if (oddSteps(r - 1, k) == odd && reached == value) return false;
  }
  return true;
}

/** Where `oddSteps` ended. */
let reached: u64 = 0;

/** How many of the first k values of the shortcut map from x are odd. */
function oddSteps(x: u64, k: u64): u64 {
  let value = x;
  let odd: u64 = 0;
  for (let step: u64 = 0; step < k; step++) {
    odd += value & 1;
    value = (value & 1) == 0 ? value >> 1 : (3 * value + 1) >> 1;
  }
  reached = value;
  return odd;
}
