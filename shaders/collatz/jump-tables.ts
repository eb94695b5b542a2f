/**
 * Tables for the WGSL kernels and for walks in doubles: 10 steps of the shortcut map U at once, since 3^10 < 2^16 lets one word hold
 * both 3^c and d. n = h·2^10 + r  →  U^10(n) = h·3^c + d; c odd values, 10 + c steps of T.
 */
import { SIEVE_BITS, survivingResidues } from './sieve.ts';

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

/**
 * Constants of verify.wgsl: jumps (1024 words), peak lines (2048), then two words per surviving residue r: the low word of
 * d = U^24(r), and d >> 32 (7 bits) | c << 8 | (r mod 9) << 13 | growth << 17. No value of T within the 24
 * steps from n ≥ 2^26 exceeds n << growth: 1.5·3^(i+1)/2^j bounds step j after i odd values, as the "+1"s add
 * less than half of 2^24 to n.
 */
export function verificationConstants(): Uint32Array {
  const residues = survivingResidues();
  const words = new Uint32Array(2 * residues.length);
  for (const [index, r] of residues.entries()) {
    let value = r;
    let odd = 0;
    let growth = 0;
    for (let step = 0; step < SIEVE_BITS; step++) {
      if (value % 2 === 0) {
        value /= 2;
        continue;
      }
      while (2 ** (growth + step + 1) < 3 ** (odd + 2)) growth++;
      value = (3 * value + 1) / 2;
      odd++;
    }
    words[2 * index] = value % WORD;
    words[2 * index + 1] = Math.floor(value / WORD) + odd * 2 ** 8 + (r % 9) * 2 ** 13 + growth * 2 ** 17;
  }
  return concatenated([jumpWords(), peakLineWords(), words]);
}

function concatenated(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
