/**
 * Which numbers are candidates of mode verify (workloads.md): exact, and countable without looking at each.
 *
 * For n ≥ 2^26 a candidate is a residue mod 2^24 that survives 24 levels, in a class mod 9 that no smaller
 * number's path reaches. As 2^24 ≡ 1 mod 9, n = h·2^24 + r is ≡ h + r.
 */
import type { Range } from '../../protocol/range.ts';

export const SIEVE_BITS = 24;
/** Below this the candidates are n ≡ 3 mod 4. */
export const SIEVED_FROM = 1n << 26n;
const BLOCK = 1n << BigInt(SIEVE_BITS);
const BLOCK_MASK = BLOCK - 1n;
/** n mod 9 of a candidate is one of 0, 1, 3, 6, 7: the others are joined from a smaller number. */
const CLASS_IS_CANDIDATE = [true, true, false, true, false, false, true, true, false];
const PERIOD = 9n;

/** The 234,485 surviving residues mod 2^24, ascending. Made at the first call, in about 60 ms. */
export function survivingResidues(): Uint32Array {
  residues ??= descend();
  return residues;
}
let residues: Uint32Array | undefined;

/**
 * Walks the tree of residues: r mod 2^k has the two children r and r + 2^k mod 2^(k+1). With n = h·2^k + r,
 * U^k(n) = h·3^c + U^k(r), so one more step of U is known for both children. The state of r − 1 descends
 * along, since a level also drops a residue whose neighbour has the same (c, U^k).
 */
function descend(): Uint32Array {
  const found: number[] = [];
  const power3 = Array.from({ length: SIEVE_BITS + 2 }, (_, c) => 3 ** c);
  const visit = (
    k: number,
    r: number,
    c: number,
    value: number,
    before: number,
    beforeValue: number,
  ): void => {
    if (k > 0) {
      if ((power3[c] ?? 0) <= 2 ** k) return;
      if (before === c && beforeValue === value) return;
    }
    if (k === SIEVE_BITS) {
      found.push(r);
      return;
    }
    descendTo(k + 1, r, c, value, before, beforeValue);
    const x = value + (power3[c] ?? 0);
    const y = beforeValue + (power3[before] ?? 0);
    descendTo(k + 1, r + 2 ** k, c, x, before, y);
  };
  // Doubles, past 32 bits: `& 1` takes the low bit of those, too, and is the faster one.
  const descendTo = (k: number, r: number, c: number, x: number, before: number, y: number): void =>
    visit(k, r, c + (x & 1), shortcut(x), before + (y & 1), shortcut(y));
  // The root is split by hand: r − 1 of the odd residue is the even one; even residues die at level 1.
  visit(1, 1, 1, 2, 0, 0);
  return Uint32Array.from(found).sort();
}

function shortcut(x: number): number {
  return (x & 1) === 0 ? x / 2 : (3 * x + 1) / 2;
}

/** Index of the first surviving residue that is not below `value`. */
function lowerBound(value: number): number {
  const list = survivingResidues();
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] ?? Infinity) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Of numbers from 2^26 on. @param class9 n mod 9 */
export function isClassOfCandidates(class9: number): boolean {
  return CLASS_IS_CANDIDATE[class9] === true;
}

export function isCandidate(n: bigint): boolean {
  if (n < SIEVED_FROM) return (n & 3n) === 3n;
  if (!isClassOfCandidates(Number(n % PERIOD))) return false;
  const r = Number(n & BLOCK_MASK);
  return survivingResidues()[lowerBound(r)] === r;
}

/** The exact number of candidates in a range, in a few microseconds. */
export function countCandidates(range: Range): bigint {
  return candidatesBelow(range.end) - candidatesBelow(range.start);
}

/** The smallest candidate of the range, if any. */
export function firstCandidate(range: Range): bigint | undefined {
  let from = range.start;
  if (from < SIEVED_FROM) {
    const n = from + ((3n - from) & 3n);
    if (n < SIEVED_FROM) return n < range.end ? n : undefined;
    from = SIEVED_FROM;
  }
  const list = survivingResidues();
  let block = from & ~BLOCK_MASK;
  let index = lowerBound(Number(from & BLOCK_MASK));
  for (;;) {
    const r = list[index];
    if (r === undefined) {
      block += BLOCK;
      index = 0;
      continue;
    }
    const n = block + BigInt(r);
    if (n >= range.end) return undefined;
    if (CLASS_IS_CANDIDATE[Number(n % PERIOD)] === true) return n;
    index++;
  }
}

/** How many survivors below each index are in each class mod 9: one row of 9 per CHECKPOINT survivors. */
const CHECKPOINT = 64;
let checkpoints: Uint32Array | undefined;

function classCheckpoints(): Uint32Array {
  if (checkpoints !== undefined) return checkpoints;
  const list = survivingResidues();
  const rows = new Uint32Array((Math.floor(list.length / CHECKPOINT) + 1) * 9);
  const running = new Uint32Array(9);
  for (const [index, r] of list.entries()) {
    if (index % CHECKPOINT === 0) rows.set(running, (index / CHECKPOINT) * 9);
    running[r % 9] = (running[r % 9] ?? 0) + 1;
  }
  checkpoints = rows;
  return rows;
}

/** Survivors with an index below `index`, by class mod 9. */
function classesBelow(index: number): number[] {
  const list = survivingResidues();
  const row = Math.floor(index / CHECKPOINT);
  const counts = [...classCheckpoints().subarray(row * 9, row * 9 + 9)];
  for (let i = row * CHECKPOINT; i < index; i++) {
    const m = (list[i] ?? 0) % 9;
    counts[m] = (counts[m] ?? 0) + 1;
  }
  return counts;
}

/** Candidates among 0 ≤ n < end as if the sieve held everywhere. */
function sievedBelow(end: bigint): bigint {
  const blocks = end >> BigInt(SIEVE_BITS);
  // Nine blocks in a row meet each class of each residue once.
  const total = (blocks / PERIOD) * 5n * BigInt(survivingResidues().length);
  const phase = Number(blocks % PERIOD);
  const rest = countClasses(classesBelow(lowerBound(Number(end & BLOCK_MASK))), phase);
  return total + BigInt((candidatesOfBlocks()[phase] ?? 0) + rest);
}

/** Candidates in the first 0, 1, … 8 blocks of nine. A coordinator counts candidates at every result. */
function candidatesOfBlocks(): readonly number[] {
  if (ofBlocks !== undefined) return ofBlocks;
  const all = classesBelow(survivingResidues().length);
  const sums = [0];
  for (let block = 0; block < 8; block++) sums.push((sums[block] ?? 0) + countClasses(all, block));
  ofBlocks = sums;
  return sums;
}
let ofBlocks: readonly number[] | undefined;

function countClasses(counts: readonly number[], block: number): number {
  return counts.reduce(
    (sum, count, m) => sum + (CLASS_IS_CANDIDATE[(m + block) % 9] === true ? count : 0),
    0,
  );
}

function candidatesBelow(end: bigint): bigint {
  if (end <= SIEVED_FROM) return end >> 2n;
  unsieved ??= (SIEVED_FROM >> 2n) - sievedBelow(SIEVED_FROM);
  return unsieved + sievedBelow(end);
}
let unsieved: bigint | undefined;
