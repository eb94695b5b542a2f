/**
 * Yardstick: `collatz` statistics as a textbook has it, every number walked to 1 by an odd step and then a shift by the
 * count of trailing zeros. Delays are summed, not sorted into a histogram, which the engines do besides.
 *
 * Row: sum of the delays (2 words); largest delay + 1, its offset; largest peak (4 words), its offset; walks that
 * passed 2^126. The ABI is `CpuKernel` in protocol/workload.ts.
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
  let sum: u64 = 0;
  let mostDelay: u32 = 0;
  let mostDelayAt: u64 = 0;
  let mostHigh: u64 = 0;
  let mostLow: u64 = 0;
  let mostPeakAt: u64 = 0;
  let overflows: u32 = 0;
  for (let offset: u64 = 0; offset < length; offset++) {
    const low = start0 + offset;
    const high = start1 + <u64>(low < start0);
    const delay = walk(high, low, 0, 2);
    if (delay == OVERFLOWED) {
      overflows++;
      continue;
    }
    sum += delay;
    if (delay + 1 > mostDelay) {
      mostDelay = delay + 1;
      mostDelayAt = offset;
    }
    if (peakHigh > mostHigh || (peakHigh == mostHigh && peakLow > mostLow)) {
      mostHigh = peakHigh;
      mostLow = peakLow;
      mostPeakAt = offset;
    }
  }
  store<u64>(row, sum);
  store<u32>(row, mostDelay, 8);
  store<u32>(row, <u32>mostDelayAt, 12);
  store<u64>(row, mostLow, 16);
  store<u64>(row, mostHigh, 24);
  store<u32>(row, <u32>mostPeakAt, 32);
  store<u32>(row, overflows, 36);
  return ROW_WORDS;
}
