/**
 * collatz, mode verify, on a CPU: candidates and the running records of their glide peaks, in order.
 *
 * Parameters: the residues mod 2^24 that survive the sieve, ascending (sieve.ts). Output words: the number of
 * candidates (2 words), of peak records and of numbers handed back; then the peak records (offset: 2 words,
 * peak: 4 words) and the offsets handed back (2 words each). Numbers handed back count as candidates.
 *
 * Million numbers per second of CPU time, best of 12, on a 2-core machine shared with other work: 2800 at
 * 3·10^9, 3160 at 2^40, 2130 at 2^53, 2190 at 2^68. Candidates one after the other: a wave, as in
 * statistics.ts, has not been tried here.
 */
import * as u128 from './uint128.ts';
import * as walk from './walk.ts';

const SIEVE_BITS: u64 = 24;
const SIEVE_MASK: u64 = (1 << 24) - 1;
/** Below this the candidates are n ≡ 3 mod 4. */
const SIEVED_FROM: u64 = 1 << 26;
/** 24 steps from h·2^24 + r stay in one u64 while h · 3^24 does. */
const NARROW_BLOCKS: u64 = 1 << 25;
/** No 24 steps climb higher than this many bits (3·1.5^23·1.5 < 2^16). */
const SIEVE_GROWTH_BITS: u64 = 16;
const HEADER_WORDS: usize = 4;

let residues: usize = 0;
let survivors: u32 = 0;
/** Per residue U^24(r) (40 bits), c (5 bits), growth (5 bits), r mod 9 (4 bits). */
let entries: usize = 0;
/** 3^c for c ≤ 24. */
const POWERS: usize = memory.data(25 * 8);

let candidates: u64 = 0;
let outputAddress: usize = 0;
let outputCapacity: usize = 0;

export function parameters(words: u32): u32 {
  residues = heap.alloc(<usize>words << 2);
  survivors = words;
  return <u32>residues;
}

export function prepare(): void {
  walk.prepareJumps();
  for (let c: u64 = 0; c < 25; c++) store<u64>(POWERS + (<usize>c << 3), walk.power3(c));
  entries = heap.alloc(<usize>survivors << 3);
  for (let i: u32 = 0; i < survivors; i++) {
    const r = <u64>load<u32>(residues + (<usize>i << 2));
    walk.steps(r, SIEVE_BITS);
    const entry = walk.stepsValue | (walk.stepsOdd << 40) | (walk.stepsGrowth << 45) | ((r % 9) << 50);
    store<u64>(entries + (<usize>i << 3), entry);
  }
}

export function run(start0: u64, start1: u64, length: u64): u32 {
  candidates = 0;
  walk.resetPeaks();
  let done: u64 = 0;
  if (start1 == 0 && start0 < SIEVED_FROM) {
    done = min(length, SIEVED_FROM - start0);
    unsieved(start0, done);
  }
  while (done < length) {
    const nLo = start0 + done;
    const nHi = start1 + u64(nLo < start0);
    const first = nLo & SIEVE_MASK;
    const size = min(length - done, SIEVE_MASK + 1 - first);
    block(nHi, nLo, first, first + size, done);
    done += size;
  }
  return write();
}

/** The candidates below 2^26: each is walked plainly. No glide there passes 2^50. */
function unsieved(start: u64, length: u64): void {
  for (let n = start + ((3 - start) & 3); n < start + length; n += 4) {
    candidates++;
    let x = n;
    let peak = n;
    while (x >= n) {
      if ((x & 1) != 0) {
        x = 3 * x + 1;
        if (x > peak) peak = x;
      }
      x >>= ctz(x);
    }
    if (u128.greater(0, peak, walk.bestHi, walk.bestLo)) walk.recordPeak(n - start, 0, peak);
  }
}

const CHUNK: u32 = 4096;
/** Indices of the survivors of a chunk that are in a class mod 9 that can be a candidate. */
const CHOSEN: usize = memory.data(4096 * 4);

/** Candidates of one block of 2^24 with residues in [from, to); (nHi, nLo) is the first number, at `offset`. */
function block(nHi: u64, nLo: u64, from: u64, to: u64, offset: u64): void {
  u128.shiftRight(nHi, nLo, SIEVE_BITS);
  const high1 = u128.hi;
  const high0 = u128.lo;
  const mask = classMask(high1, high0);
  const end = lowerBound(to);
  for (let i = lowerBound(from); i < end; i += CHUNK) {
    const chosen = choose(i, min(i + CHUNK, end), mask);
    candidates += chosen;
    // Wraps for residues below `from`, which don't occur.
    const base = offset - from;
    if (high1 == 0 && high0 < NARROW_BLOCKS) narrowChunk(high0, chosen, base);
    else wideChunk(high1, high0, chosen, base);
  }
}

/** Bit m is set if a residue ≡ m mod 9 gives n mod 9 in {0, 1, 3, 6, 7} in the block h = (high1, high0). */
function classMask(high1: u64, high0: u64): u32 {
  // 2^64 ≡ 7 and 2^24 ≡ 1 mod 9, so n ≡ h + r.
  const h = <u32>(((high1 % 9) * 7 + (high0 % 9)) % 9);
  const good: u32 = 0b011001011;
  let mask: u32 = 0;
  for (let m: u32 = 0; m < 9; m++) mask |= ((good >> ((h + m) % 9)) & 1) << m;
  return mask;
}

/** Index of the first residue that is not below `value`. */
function lowerBound(value: u64): u32 {
  let low: u32 = 0;
  let high = survivors;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (<u64>load<u32>(residues + (<usize>middle << 2)) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function choose(from: u32, to: u32, mask: u32): u32 {
  let chosen: u32 = 0;
  for (let i = from; i < to; i++) {
    const m = <u32>(load<u64>(entries + (<usize>i << 3)) >> 50);
    store<u32>(CHOSEN + (<usize>chosen << 2), i);
    chosen += (mask >> m) & 1;
  }
  return chosen;
}

/** h < 2^25: the candidates are below 2^49 and most walks stay in one u64. */
function narrowChunk(h: u64, chosen: u32, base: u64): void {
  for (let k: u32 = 0; k < chosen; k++) {
    const i = load<u32>(CHOSEN + (<usize>k << 2));
    const entry = load<u64>(entries + (<usize>i << 3));
    const r = <u64>load<u32>(residues + (<usize>i << 2));
    const n = (h << SIEVE_BITS) | r;
    let mayBeRecord = false;
    if (n > walk.narrowLimit >> (SIEVE_GROWTH_BITS - walk.GROWTH_BITS)) {
      mayBeRecord = walk.mayExceed(0, n, (entry >> 45) & 31);
    }
    let v = h * load<u64>(POWERS + (<usize>((entry >> 40) & 31) << 3)) + (entry & 0xffffffffff);
    let wide = false;
    let odd: u32 = 0;
    while (v >= n) {
      if (v > walk.narrowLimit || odd++ > walk.MAX_JUMPS) {
        if (v >= walk.NARROW || odd > walk.MAX_JUMPS) {
          wide = true;
          break;
        }
        mayBeRecord = mayBeRecord || walk.mayExceed(0, v, walk.jumpGrowth(walk.jump(v)));
      }
      const jump = walk.jump(v);
      v = (v >> walk.JUMP_BITS) * walk.jumpFactor(jump) + walk.jumpOffset(jump);
    }
    if (wide) finishWide(0, v, 0, n, mayBeRecord, base + r);
    else if (mayBeRecord && !walk.decidePeak(0, n, 0, n, base + r)) walk.handBack(base + r);
  }
}

function wideChunk(high1: u64, high0: u64, chosen: u32, base: u64): void {
  for (let k: u32 = 0; k < chosen; k++) {
    const i = load<u32>(CHOSEN + (<usize>k << 2));
    const entry = load<u64>(entries + (<usize>i << 3));
    const r = <u64>load<u32>(residues + (<usize>i << 2));
    const nHi = (high1 << SIEVE_BITS) | (high0 >> (64 - SIEVE_BITS));
    const nLo = (high0 << SIEVE_BITS) | r;
    const mayBeRecord = walk.mayExceed(nHi, nLo, (entry >> 45) & 31);
    // h < 2^72, so h · 3^24 + d < 2^111; 3^c by two factors of at most 3^12. c ≥ 16.
    const c = (entry >> 40) & 31;
    const d = entry & 0xffffffffff;
    u128.multiplyAdd(high1, high0, 531441, 0);
    u128.multiplyAdd(u128.hi, u128.lo, load<u64>(POWERS + (<usize>(c - 12) << 3)), 0);
    const vLo = u128.lo + d;
    finishWide(u128.hi + u64(vLo < d), vLo, nHi, nLo, mayBeRecord, base + r);
  }
}

/** Jumps on in 128 bits until the value is below n, and decides what may be a record. */
function finishWide(vHi: u64, vLo: u64, nHi: u64, nLo: u64, mayBeRecord: bool, offset: u64): void {
  let jumps: u32 = 0;
  while (!u128.greater(nHi, nLo, vHi, vLo)) {
    if (vHi >= walk.TOO_WIDE || jumps++ > walk.MAX_JUMPS) {
      walk.handBack(offset);
      return;
    }
    const entry = walk.jump(vLo);
    if (u128.greater(vHi, vLo, walk.thresholdHi, walk.thresholdLo)) {
      mayBeRecord = mayBeRecord || walk.mayExceed(vHi, vLo, walk.jumpGrowth(entry));
    }
    u128.shiftRight(vHi, vLo, walk.JUMP_BITS);
    u128.multiplyAdd(u128.hi, u128.lo, walk.jumpFactor(entry), walk.jumpOffset(entry));
    vHi = u128.hi;
    vLo = u128.lo;
  }
  if (mayBeRecord && !walk.decidePeak(nHi, nLo, nHi, nLo, offset)) walk.handBack(offset);
}

function write(): u32 {
  const peakBytes = <usize>walk.peakRecords * 24;
  const backBytes = <usize>walk.handedBack * 8;
  const bytes = HEADER_WORDS * 4 + peakBytes + backBytes;
  if (bytes > outputCapacity) {
    outputCapacity = bytes * 2;
    outputAddress = heap.alloc(outputCapacity);
  }
  store<u64>(outputAddress, candidates);
  store<u32>(outputAddress, walk.peakRecords, 8);
  store<u32>(outputAddress, walk.handedBack, 12);
  const records = outputAddress + HEADER_WORDS * 4;
  memory.copy(records, walk.PEAK_RECORDS, peakBytes);
  memory.copy(records + peakBytes, walk.handedBackList, backBytes);
  return <u32>(bytes >> 2);
}

export function output(): u32 {
  return <u32>outputAddress;
}
