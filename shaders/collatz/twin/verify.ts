/**
 * collatz, mode verify, in plain TypeScript: the twin of assembly/verify.ts, to be read first. Block by block of
 * 2^24 numbers and residue by residue, so that candidates come in order: the 24 steps of the sieve at once, then
 * jumps of 10 until the value is below n. Its words are those of the kernel.
 *
 * Two widths: two limbs of 32 bits, and four. Products are made of 16-bit halves, in integers. What outgrows them, and what may hold a record, is walked exactly (walk.ts).
 */
import type { Range } from '../../../protocol/range.ts';
import type { KernelTwin } from '../../../protocol/workload.ts';
import { jumpWords } from '../jump-tables.ts';
import { SIEVED_FROM, isClassOfCandidates } from '../sieve.ts';
import { glidePeak } from '../walk.ts';

const SIEVE_BITS = 24;
const BLOCK_BIG = 1n << 24n;
const JUMP_BITS = 10;
const JUMP_MASK = 1023;
/** From a limb's lowest bits to the highest of the one below. */
const UP = 32 - JUMP_BITS;
const WORD = 2 ** 32;
/** Below this the 24 steps of the sieve stay below 2^58, and most glides below 2^57. */
const PAIRS_END = 1n << 43n;
/** A jump from below 2^57 stays below 2^63, as signed limbs must: higher limb. */
const PAIR_JUMP_END = 1 << 25;
/** A jump from below 2^118 stays below 2^126: highest limb. */
const LIMB_JUMP_END = 1 << 22;
/**
 * No value of T in a jump of 10 steps from v ≥ 2^26 exceeds v times this: 3·(v + 1)·1.5^9 + 1 is less than 116·v. The
 * rest is for the rounding of doubles.
 */
const JUMP_GROWTH = 117;
/** The same for the 24 steps of the sieve from n: 3·(n + 1)·1.5^23 + 1 is less than 33,700·n. */
const SIEVE_GROWTH = 33_800;
const PEAK_END = 1n << 128n;
/** As in the kernel: longer glides are decided step by step. */
const MAX_JUMPS = 400;

/** Per residue r, in typed arrays, which are three times as fast as objects: U^24(h·2^24 + r) = h·3^c + value. */
interface Residues {
  readonly r: Uint32Array;
  /** c, from 16 to 24. */
  readonly odd: Uint8Array;
  /** The value, of up to 39 bits. */
  readonly low: Int32Array;
  readonly high: Int32Array;
  /**
   * By h mod 9: which residues have candidates in such a block, ascending. Asked for each residue in each block
   * instead, the answer can't be foretold by the processor.
   */
  readonly chosen: readonly Uint32Array[];
}

interface Found {
  candidates: number;
  readonly records: { readonly n: bigint; readonly peak: bigint }[];
  readonly handedBack: bigint[];
  /** Values up to these can't hold a new record. */
  jumpThreshold: number;
  sieveThreshold: number;
  /** The higher limb of the same for pairs, which must not outgrow them. */
  pairLimit: number;
}

export const verifyTwin: KernelTwin = (parameterWords) => {
  const residues = residuesOf(parameterWords);
  const jumps = jumpWords();
  return ({ start, end }) => {
    const found: Found = {
      candidates: 0,
      records: [],
      handedBack: [],
      jumpThreshold: 0,
      sieveThreshold: 0,
      pairLimit: -1,
    };
    const sievedFrom = start < SIEVED_FROM ? (end < SIEVED_FROM ? end : SIEVED_FROM) : start;
    for (let n = start + ((3n - start) & 3n); n < sievedFrom; n += 4n) {
      found.candidates++;
      decide(found, n);
    }
    for (let at = sievedFrom; at < end;) {
      const next = at - (at % BLOCK_BIG) + BLOCK_BIG;
      walkBlock(found, residues, jumps, { start: at, end: next < end ? next : end });
      at = next;
    }
    return wordsOf(found, start);
  };
};

function residuesOf(r: Uint32Array): Residues {
  const odd = new Uint8Array(r.length);
  const low = new Int32Array(r.length);
  const high = new Int32Array(r.length);
  for (const [index, residue] of r.entries()) {
    let x = residue;
    let c = 0;
    for (let step = 0; step < SIEVE_BITS; step++) {
      const isOdd = x % 2;
      c += isOdd;
      x = isOdd === 1 ? (3 * x + 1) / 2 : x / 2;
    }
    odd[index] = c;
    low[index] = x % WORD;
    high[index] = Math.floor(x / WORD);
  }
  const chosen = Array.from({ length: 9 }, (_, h) =>
    indicesWhere(r, (residue) => isClassOfCandidates((h + residue) % 9)),
  );
  return { r, odd, low, high, chosen };
}

function indicesWhere(entries: Uint32Array, holds: (entry: number) => boolean): Uint32Array {
  const indices = new Uint32Array(entries.length);
  let length = 0;
  for (const [index, entry] of entries.entries()) if (holds(entry)) indices[length++] = index;
  return indices.slice(0, length);
}

/** Walks n step by step; called in ascending order. Peaks of more than the words' 128 bits are the host's. */
function decide(found: Found, n: bigint): void {
  const peak = glidePeak(n);
  if (peak === undefined || peak >= PEAK_END) {
    found.handedBack.push(n);
    return;
  }
  if (peak <= (found.records.at(-1)?.peak ?? 0n)) return;
  found.records.push({ n, peak });
  found.jumpThreshold = Number(peak) / JUMP_GROWTH;
  found.sieveThreshold = Number(peak) / SIEVE_GROWTH;
  found.pairLimit = Math.min(PAIR_JUMP_END, Math.floor(found.jumpThreshold / WORD)) - 1;
}

/** Some residues of a block: `indices` from `from` to below `until`. */
interface Piece {
  /** Its numbers are h·2^24 + r. */
  readonly h: bigint;
  readonly indices: Uint32Array;
  readonly from: number;
  readonly until: number;
}

/** The candidates of a range within one block. */
function walkBlock(found: Found, residues: Residues, jumps: Uint32Array, range: Range): void {
  const h = range.start >> BigInt(SIEVE_BITS);
  const first = h << BigInt(SIEVE_BITS);
  const indices = residues.chosen[Number(h % 9n)] ?? new Uint32Array();
  // Not all residues of the block: an interpreter takes 20 ms to pass over those outside of a short range, longer than a
  // piece in a browser is to take, so pieces would shrink to nothing.
  const from = firstNotBelow(residues.r, indices, Number(range.start - first));
  const until = firstNotBelow(residues.r, indices, Number(range.end - first));
  const walk = range.end <= PAIRS_END ? walkPairs : walkLimbs;
  walk(found, residues, jumps, { h, indices, from, until });
  found.candidates += until - from;
}

/** Where in `indices`, whose entries ascend, the first entry is that is `least` or more. */
function firstNotBelow(entries: Uint32Array, indices: Uint32Array, least: number): number {
  let [low, high] = [0, indices.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[indices[middle] ?? 0] ?? 0) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** 32 bits of a number, as the 32-bit integer that has them. */
function limb(n: bigint, index: number): number {
  return Number((n >> BigInt(32 * index)) & 0xffffffffn) | 0;
}

/** By c, a limb of h·3^c. */
function climbs(h: bigint, index: number): Int32Array {
  return Int32Array.from({ length: SIEVE_BITS + 1 }, (_, c) => limb(h * 3n ** BigInt(c), index));
}

/**
 * Two limbs, for values below 2^57: from there a jump may pass 63 bits. A loop for each width, with a function of plain
 * numbers inside, and residues chosen beforehand: one loop that asked for the class of each residue and called a closure of the
 * width did 2.5 thousand million numbers a second at 2^40 where this does 3.5 to 4.8, and 1.5 to 1.8 at 2^68 where this does 2.2 to 2.3.
 */
function walkPairs(
  found: Found,
  residues: Residues,
  jumps: Uint32Array,
  { h, indices, from, until }: Piece,
): void {
  const { r, odd, low, high } = residues;
  const [c0, c1] = [climbs(h, 0), climbs(h, 1)];
  const first = h << BigInt(SIEVE_BITS);
  const firstNumber = Number(first);
  const first0 = limb(first, 0);
  const n1 = limb(first, 1);
  for (let at = from; at < until; at++) {
    const index = indices[at] ?? 0;
    const residue = r[index] ?? 0;
    const c = odd[index] ?? 0;
    const climbed = c0[c] ?? 0;
    const v0 = (climbed + (low[index] ?? 0)) | 0;
    const v1 = ((c1[c] ?? 0) + (high[index] ?? 0) + (isBelow(v0, climbed) ? 1 : 0)) | 0;
    const settled =
      firstNumber + residue <= found.sieveThreshold &&
      pairFalls(v0, v1, first0 | residue, n1, found.pairLimit, jumps);
    if (!settled) decide(found, first + BigInt(residue));
  }
}

/** Jumps on from v until it is below n; false if n must be decided step by step. */
function pairFalls(
  a0: number,
  a1: number,
  n0: number,
  n1: number,
  limit: number,
  jumps: Uint32Array,
): boolean {
  let v0 = a0;
  let v1 = a1;
  for (let turn = 0; ; turn++) {
    if (v1 < n1 || (v1 === n1 && isBelow(v0, n0))) return true;
    if (v1 > limit || turn > MAX_JUMPS) return false;
    const jump = jumps[v0 & JUMP_MASK] ?? 0;
    const m = jump >>> 16;
    const h0 = (v0 >>> JUMP_BITS) | (v1 << UP);
    // Products of 16 by 16 bits and a carry fit in 32.
    const x0 = (Math.imul(h0 & 0xffff, m) + (jump & 0xffff)) | 0;
    const y0 = (Math.imul(h0 >>> 16, m) + (x0 >>> 16)) | 0;
    v0 = (x0 & 0xffff) | (y0 << 16);
    v1 = (Math.imul(v1 >>> JUMP_BITS, m) + (y0 >>> 16)) | 0;
  }
}

/** Four limbs. */
function walkLimbs(
  found: Found,
  residues: Residues,
  jumps: Uint32Array,
  { h, indices, from, until }: Piece,
): void {
  const { r, odd, low, high } = residues;
  const [c0, c1, c2, c3] = [climbs(h, 0), climbs(h, 1), climbs(h, 2), climbs(h, 3)];
  const first = h << BigInt(SIEVE_BITS);
  const firstNumber = Number(first);
  const first0 = limb(first, 0);
  const n1 = limb(first, 1);
  const n2 = limb(first, 2);
  const n3 = limb(first, 3);
  // Compared by the two limbs that hold the highest bits of n and what it climbs to.
  const isHigh = n3 !== 0 || n2 !== 0;
  const unit = isHigh ? WORD ** 2 : WORD;
  for (let at = from; at < until; at++) {
    const index = indices[at] ?? 0;
    const residue = r[index] ?? 0;
    const c = odd[index] ?? 0;
    const climbed0 = c0[c] ?? 0;
    const v0 = (climbed0 + (low[index] ?? 0)) | 0;
    const sum1 = ((c1[c] ?? 0) >>> 0) + (high[index] ?? 0) + (isBelow(v0, climbed0) ? 1 : 0);
    const sum2 = ((c2[c] ?? 0) >>> 0) + (sum1 >= WORD ? 1 : 0);
    const v3 = ((c3[c] ?? 0) + (sum2 >= WORD ? 1 : 0)) | 0;
    const limit = found.jumpThreshold / unit - 1;
    const settled =
      firstNumber + residue <= found.sieveThreshold &&
      limbsFall(v0, sum1 | 0, sum2 | 0, v3, first0 | residue, n1, n2, n3, isHigh, limit, jumps);
    if (!settled) decide(found, first + BigInt(residue));
  }
}

/** As `pairFalls`. */
function limbsFall(
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  n0: number,
  n1: number,
  n2: number,
  n3: number,
  isHigh: boolean,
  limit: number,
  jumps: Uint32Array,
): boolean {
  let v0 = a0;
  let v1 = a1;
  let v2 = a2;
  let v3 = a3;
  for (let turn = 0; ; turn++) {
    if (
      v3 === n3 ? (v2 === n2 ? (v1 === n1 ? isBelow(v0, n0) : isBelow(v1, n1)) : isBelow(v2, n2)) : v3 < n3
    ) {
      return true;
    }
    if (v3 >= LIMB_JUMP_END || turn > MAX_JUMPS) return false;
    if (isHigh ? v3 * WORD + (v2 >>> 0) > limit : v3 !== 0 || (v2 >>> 0) * WORD + (v1 >>> 0) > limit)
      return false;
    const jump = jumps[v0 & JUMP_MASK] ?? 0;
    const m = jump >>> 16;
    const h0 = (v0 >>> JUMP_BITS) | (v1 << UP);
    const h1 = (v1 >>> JUMP_BITS) | (v2 << UP);
    const h2 = (v2 >>> JUMP_BITS) | (v3 << UP);
    // Products of 16 by 16 bits and a carry fit in 32.
    const x0 = (Math.imul(h0 & 0xffff, m) + (jump & 0xffff)) | 0;
    const y0 = (Math.imul(h0 >>> 16, m) + (x0 >>> 16)) | 0;
    const x1 = (Math.imul(h1 & 0xffff, m) + (y0 >>> 16)) | 0;
    const y1 = (Math.imul(h1 >>> 16, m) + (x1 >>> 16)) | 0;
    const x2 = (Math.imul(h2 & 0xffff, m) + (y1 >>> 16)) | 0;
    const y2 = (Math.imul(h2 >>> 16, m) + (x2 >>> 16)) | 0;
    v0 = (x0 & 0xffff) | (y0 << 16);
    v1 = (x1 & 0xffff) | (y1 << 16);
    v2 = (x2 & 0xffff) | (y2 << 16);
    v3 = (Math.imul(v3 >>> JUMP_BITS, m) + (y2 >>> 16)) | 0;
  }
}

/** Of the unsigned values. */
function isBelow(a: number, b: number): boolean {
  return a >>> 0 < b >>> 0;
}

/** Candidates (2 words), records, numbers handed back; then the records (2 + 4 words each), then the numbers. */
function wordsOf({ candidates, records, handedBack }: Found, start: bigint): Uint32Array {
  const low = (value: bigint, index: number) => Number((value >> BigInt(32 * index)) & 0xffffffffn);
  const words = [candidates % WORD, Math.floor(candidates / WORD), records.length, handedBack.length];
  for (const { n, peak } of records) {
    words.push(low(n - start, 0), low(n - start, 1), low(peak, 0), low(peak, 1), low(peak, 2), low(peak, 3));
  }
  for (const n of handedBack) words.push(low(n - start, 0), low(n - start, 1));
  return Uint32Array.from(words);
}
