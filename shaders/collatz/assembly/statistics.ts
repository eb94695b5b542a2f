/**
 * collatz, mode statistics, on a CPU: delay histogram and both record lists of a range, in order.
 *
 * Output words: number of delay records, peak records and numbers handed back; 4096 bins of 2 words; then
 * the delay records (offset: 2 words, delay), the peak records (offset: 2 words, peak: 4 words) and the
 * offsets handed back (2 words each). Numbers handed back are in nothing else.
 *
 * A range is cut at multiples of 2^12, 2^14, … 2^20 into the largest blocks that fit, each computed by its residue
 * classes (class-block.ts). At its ends, and until enough is known of its records, numbers are walked one by one.
 *
 * Million numbers per second of CPU time, 2^24 of them, best of 8 on a shared 2-core machine at a load of 8: 346 from 1,
 * 234 at 2^32, 186 at 2^40, 78 at 2^68, 43 at 2^95. One walk per number, in waves: 67, 34, 20, 7.5, 3.6.
 */
import * as classBlock from './class-block.ts';
import * as classWave from './class-wave.ts';
import * as delayCounts from './delay-counts.ts';
import * as delayTail from './delay-tail.ts';
import * as residueClasses from './residue-classes.ts';
import * as singleWave from './single-wave.ts';
import * as u128 from './uint128.ts';
import * as walk from './walk.ts';

const HEADER_WORDS: usize = 3;
const PARAMETERS: usize = memory.data(1024, 8);
/** Blocks begin at multiples of this. */
const SMALLEST_BLOCK: u64 = 1 << 12;

let outputAddress: usize = 0;
let outputCapacity: usize = 0;

export function parameters(words: u32): u32 {
  if (words > 256) unreachable();
  return <u32>PARAMETERS;
}

export function prepare(): void {
  walk.prepareJumps();
  singleWave.prepare();
  classWave.prepare();
  delayTail.prepare();
  residueClasses.prepare();
}

export function run(start0: u64, start1: u64, length: u64): u32 {
  delayCounts.reset();
  walk.resetPeaks();
  let offset: u64 = 0;
  if (start1 == 0 && start0 < singleWave.TAIL) {
    offset = min(length, singleWave.TAIL - start0);
    readTail(start0, offset);
  }
  while (offset < length) offset += advance(start0, start1, offset, length - offset);
  return write();
}

/** Computes the largest block that can begin there, or up to 512 numbers one by one; returns how many numbers. */
function advance(start0: u64, start1: u64, offset: u64, left: u64): u64 {
  const nLo = start0 + offset;
  const nHi = start1 + u64(nLo < start0);
  if ((nLo & (SMALLEST_BLOCK - 1)) == 0) {
    for (let level = residueClasses.LEVELS; level > 0; level--) {
      const bits = classBlock.fits(level - 1, nHi, nLo, left, offset);
      if (bits == 0) continue;
      classBlock.compute(level - 1, nHi, nLo, offset);
      return (<u64>1) << bits;
    }
  }
  const toBlock = SMALLEST_BLOCK - (nLo & (SMALLEST_BLOCK - 1));
  const size = min(min(left, toBlock), <u64>singleWave.CAPACITY);
  singles(nHi, nLo, offset, <u32>size);
  return size;
}

function readTail(first: u64, size: u64): void {
  for (let offset: u64 = 0; offset < size; offset++) {
    const n = first + offset;
    const delay = singleWave.tailDelay(n);
    delayCounts.count(delay, 1);
    delayCounts.offer(offset, delay);
    const peak = <u64>singleWave.tailPeak(n);
    if (u128.greater(0, peak, walk.bestHi, walk.bestLo)) walk.recordPeak(offset, 0, peak);
  }
}

/** In the order of n: the records depend on it. n + size may pass 2^64. */
function singles(nHi: u64, nLo: u64, offset: u64, size: u32): void {
  for (let i: u32 = 0; i < size; i++) {
    const low = nLo + i;
    singleWave.put(i, nHi + u64(low < nLo), low, 0);
  }
  singleWave.finish();
  for (let i: u32 = 0; i < size; i++) {
    if (singleWave.isGiven(i)) {
      walk.handBack(offset + i);
      continue;
    }
    const delay = singleWave.delayOf(i);
    delayCounts.count(delay, 1);
    delayCounts.offer(offset + i, delay);
    const low = nLo + i;
    if (singleWave.isDoubtful(i) && !walk.decidePeak(nHi + u64(low < nLo), low, 0, 2, offset + i)) unreachable();
  }
}

function write(): u32 {
  const delayBytes = <usize>delayCounts.records * 12;
  const peakBytes = <usize>walk.peakRecords * 24;
  const backBytes = <usize>walk.handedBack * 8;
  const bytes = HEADER_WORDS * 4 + 4096 * 8 + delayBytes + peakBytes + backBytes;
  if (bytes > outputCapacity) {
    outputCapacity = bytes * 2;
    outputAddress = heap.alloc(outputCapacity);
  }
  let at = outputAddress;
  store<u32>(at, delayCounts.records);
  store<u32>(at, walk.peakRecords, 4);
  store<u32>(at, walk.handedBack, 8);
  at += HEADER_WORDS * 4;
  memory.copy(at, delayCounts.HISTOGRAM, 4096 * 8);
  at += 4096 * 8;
  memory.copy(at, delayCounts.RECORDS, delayBytes);
  at += delayBytes;
  memory.copy(at, walk.PEAK_RECORDS, peakBytes);
  at += peakBytes;
  memory.copy(at, walk.handedBackList, backBytes);
  return <u32>(bytes >> 2);
}

export function output(): u32 {
  return <u32>outputAddress;
}
