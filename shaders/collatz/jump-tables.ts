/**
 * Tables for the WGSL kernels and for walks in doubles: 10 steps of the shortcut map U at once, since 3^10 < 2^16 lets one word hold
 * both 3^c and d. n = h·2^10 + r  →  U^10(n) = h·3^c + d; c odd values, 10 + c steps of T.
 */
import { SIEVE_BITS, isClassOfCandidates, survivingResidues } from './sieve.ts';

const JUMP_BITS = 10;
const JUMPS = 1 << JUMP_BITS;
/** Below this, delays and peaks are looked up. */
export const TAIL = 1 << 16;
const WORD = 2 ** 32;

/** Word r: 3^c · 2^16 + d. */
export function jumpWords(): Uint32Array {
  return Uint32Array.from({ length: JUMPS }, (_, r) => {
    let value = r;
    let factor = 1;
    for (let step = 0; step < JUMP_BITS; step++) {
      if (value % 2 === 1) factor *= 3;
      value = value % 2 === 1 ? (3 * value + 1) / 2 : value / 2;
    }
    return factor * TAIL + value;
  });
}

/**
 * The largest value of T in a jump, v included: h·A + B. Each odd value x = h·a + b on the way gives the
 * candidate 3x + 1, and v itself is h·2^10 + r. The one with the largest A wins for every h ≥ 64 (the slopes
 * differ by a ninth at least), and jumps start at v ≥ 2^16. A is even: A/2 ≤ 3^10 fits in 16 bits.
 * Words 2r and 2r + 1: A/2 and B.
 */
export function peakLineWords(): Uint32Array {
  const words = new Uint32Array(2 * JUMPS);
  for (let r = 0; r < JUMPS; r++) {
    let slope = JUMPS;
    let constant = r;
    let a = JUMPS;
    let b = r;
    for (let step = 0; step < JUMP_BITS; step++) {
      if (b % 2 === 0) {
        a /= 2;
        b /= 2;
        continue;
      }
      if (3 * a > slope) {
        slope = 3 * a;
        constant = 3 * b + 1;
      }
      a = (3 * a) / 2;
      b = (3 * b + 1) / 2;
    }
    words[2 * r] = slope / 2;
    words[2 * r + 1] = constant;
  }
  return words;
}

/** Delays and peaks of n < 2^16. The peaks fit in a word: 60975 climbs highest, to 593279152. */
function tail(): { readonly delays: Uint16Array; readonly peaks: Uint32Array } {
  const delays = new Uint16Array(TAIL);
  const peaks = new Uint32Array(TAIL);
  peaks[1] = 1;
  for (let n = 2; n < TAIL; n++) {
    let x = n;
    let delay = 0;
    let peak = n;
    for (; x >= n; delay++) {
      x = x % 2 === 0 ? x / 2 : 3 * x + 1;
      if (x > peak) peak = x;
    }
    delays[n] = delay + (delays[x] ?? 0);
    peaks[n] = Math.max(peak, peaks[x] ?? 0);
  }
  return { delays, peaks };
}

/** The same tables for walks in doubles, one array per column. */
export interface WalkTables {
  readonly factors: Float64Array;
  readonly offsets: Float64Array;
  /** Steps of T in a jump. */
  readonly steps: Uint8Array;
  readonly slopes: Float64Array;
  readonly constants: Float64Array;
  readonly tailDelays: Uint16Array;
  readonly tailPeaks: Uint32Array;
}

/** Made at the first call, in a few ms. */
export function walkTables(): WalkTables {
  tables ??= makeWalkTables();
  return tables;
}
let tables: WalkTables | undefined;

function makeWalkTables(): WalkTables {
  const jumps = jumpWords();
  const lines = peakLineWords();
  const { delays, peaks } = tail();
  return {
    factors: Float64Array.from(jumps, (word) => word >>> 16),
    offsets: Float64Array.from(jumps, (word) => word & 0xffff),
    steps: Uint8Array.from(jumps, (word) => JUMP_BITS + Math.round(Math.log(word >>> 16) / Math.log(3))),
    slopes: Float64Array.from(jumps, (_, r) => 2 * (lines[2 * r] ?? 0)),
    constants: Float64Array.from(jumps, (_, r) => lines[2 * r + 1] ?? 0),
    tailDelays: delays,
    tailPeaks: peaks,
  };
}

/** Lists of candidates: one for each h mod 9. */
const LISTS = 9;
/** The residues mod 32 of those that survive the sieve, as verify.wgsl knows them. */
const LOW_RESIDUES = [7, 15, 27, 31];

/**
 * Constants of verify.wgsl: jumps (1024 words); for each h mod 9 where its list of entries begins and how long it is
 * (18 words); the lists, 9.4 MB: the residues r, ascending, with which h·2^24 + r is a candidate. An entry is two words:
 * the low word of d = U^24(r), and d >> 32 (7 bits) | c − 16 (4 bits) | which of LOW_RESIDUES (2 bits) | r >> 5.
 *
 * Written where they stay: made list by list and joined, they left 30 MB behind that no allocator gave back.
 */
export function verificationConstants(): Uint32Array {
  const residues = survivingResidues();
  const jumps = jumpWords();
  const entries = candidateEntries(residues, jumps);
  const head = JUMPS + 2 * LISTS;
  // As h goes through its nine classes, h·2^24 + r does: each residue is in as many lists.
  const classesOfCandidates = Array.from({ length: LISTS }, (_, n9) => n9).filter(isClassOfCandidates).length;
  const words = new Uint32Array(head + 2 * classesOfCandidates * residues.length);
  words.set(jumps);
  let begin = head;
  for (let h9 = 0; h9 < LISTS; h9++) {
    const end = writeList(words, begin, h9, residues, entries);
    words[JUMPS + 2 * h9] = (begin - head) / 2;
    words[JUMPS + 2 * h9 + 1] = (end - begin) / 2;
    begin = end;
  }
  return words;
}

/** @returns where the list ends */
function writeList(
  words: Uint32Array,
  begin: number,
  h9: number,
  residues: Uint32Array,
  entries: Uint32Array,
): number {
  const takes = Array.from({ length: LISTS }, (_, r9) => isClassOfCandidates((h9 + r9) % LISTS));
  let at = begin;
  for (let index = 0; index < residues.length; index++) {
    if (takes[(residues[index] ?? 0) % LISTS] !== true) continue;
    words[at++] = entries[2 * index] ?? 0;
    words[at++] = entries[2 * index + 1] ?? 0;
  }
  return at;
}

/** The entry of each residue: two jumps of 10 steps, and the last four one by one. */
function candidateEntries(residues: Uint32Array, jumps: Uint32Array): Uint32Array {
  const odds = Uint8Array.from(jumps, (word) => Math.round(Math.log(word >>> 16) / Math.log(3)));
  const lows = Uint8Array.from({ length: 32 }, (_, low) => Math.max(0, LOW_RESIDUES.indexOf(low)));
  const entries = new Uint32Array(2 * residues.length);
  for (let index = 0; index < residues.length; index++) {
    const r = residues[index] ?? 0;
    let value = r;
    let odd = 0;
    let step = 0;
    // Below 2^30 after the first, so that all but the value after the second fits in a word.
    for (; step + JUMP_BITS <= SIEVE_BITS; step += JUMP_BITS) {
      const low = value & (JUMPS - 1);
      const jump = jumps[low] ?? 0;
      odd += odds[low] ?? 0;
      value = (value >>> JUMP_BITS) * (jump >>> 16) + (jump & 0xffff);
    }
    for (; step < SIEVE_BITS; step++) {
      const isOdd = value & 1;
      odd += isOdd;
      value = isOdd === 1 ? (3 * value + 1) / 2 : value / 2;
    }
    const low = lows[r & 31] ?? 0;
    entries[2 * index] = value >>> 0;
    entries[2 * index + 1] =
      Math.floor(value / WORD) + (odd - 16) * 2 ** 7 + low * 2 ** 11 + (r >>> 5) * 2 ** 13;
  }
  return entries;
}
