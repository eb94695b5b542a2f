/**
 * Residue classes of the first K steps of the shortcut map U. For n = h·2^K + r the K-th value is h·3^c + d, where c
 * (how many of the K values are odd) and d = U^K(r) depend on r alone. Residues with equal (c, d) share every value
 * from the K-th on, and take K + c steps of T to get there: so they share the delay too, and one walk counts for
 * all of them. 2^16 residues fall into 19,275 classes, 2^20 into 246,912: 3.40 and 4.25 numbers to a walk.
 */

export interface ResidueClasses {
  /** K. */
  readonly bits: number;
  /** The smallest residue of each class, ascending. */
  readonly residues: Uint32Array;
  /** d: the K-th value of that residue; below 3^c. */
  readonly values: Uint32Array;
  /** c: odd values among the first K. */
  readonly odd: Uint8Array;
  /** How many residues the class has; they sum to 2^K. */
  readonly weights: Uint32Array;
}

/** Values fit in a word up to here: 3^20 < 2^32 < 3^21. */
const MAX_BITS = 20;

/**
 * The classes for each K of `levels` (ascending, at most 20). One level follows from the one before, since equal
 * (c, d) stay equal: 2^20 residues are never walked one by one. 20 levels take about 60 ms and 8 MB.
 */
export function residueClasses(levels: readonly number[]): readonly ResidueClasses[] {
  const found: ResidueClasses[] = [];
  let level: ResidueClasses = {
    bits: 0,
    residues: Uint32Array.of(0),
    values: Uint32Array.of(0),
    odd: Uint8Array.of(0),
    weights: Uint32Array.of(1),
  };
  for (const bits of levels) {
    if (bits < level.bits || bits > MAX_BITS) throw new RangeError(`classes of 2^${bits} residues`);
    while (level.bits < bits) level = refined(level);
    found.push(level);
  }
  return found;
}

/** Residues mod 2^(K+1) are r and r + 2^K for each r mod 2^K; their K-th values are d and 3^c + d. */
function refined({ bits, residues, values, odd, weights }: ResidueClasses): ResidueClasses {
  const most = 2 * residues.length;
  const next = {
    residues: new Uint32Array(most),
    values: new Uint32Array(most),
    odd: new Uint8Array(most),
    weights: new Uint32Array(most),
  };
  // Open addressing, at most half full: class + 1, or 0 where free.
  const tableBits = Math.ceil(Math.log2(most)) + 1;
  const slots = new Int32Array(2 ** tableBits);
  let count = 0;
  // All of the lower half first: a class is then met first by its smallest residue, and residues ascend.
  for (let half = 0; half < 2; half++) {
    for (let index = 0; index < residues.length; index++) {
      let c = odd[index] ?? 0;
      let value = (values[index] ?? 0) + half * 3 ** c;
      if (value % 2 === 1) {
        value = (3 * value + 1) / 2;
        c++;
      } else {
        value /= 2;
      }
      let slot = Math.imul(value ^ (c << 27), 0x9e3779b1) >>> (32 - tableBits);
      for (;;) {
        const known = (slots[slot] ?? 0) - 1;
        if (known < 0) {
          slots[slot] = count + 1;
          next.residues[count] = (residues[index] ?? 0) + half * 2 ** bits;
          next.values[count] = value;
          next.odd[count] = c;
          next.weights[count] = weights[index] ?? 0;
          count++;
          break;
        }
        if (next.values[known] === value && next.odd[known] === c) {
          next.weights[known] = (next.weights[known] ?? 0) + (weights[index] ?? 0);
          break;
        }
        slot = (slot + 1) & (slots.length - 1);
      }
    }
  }
  return {
    bits: bits + 1,
    residues: next.residues.slice(0, count),
    values: next.values.slice(0, count),
    odd: next.odd.slice(0, count),
    weights: next.weights.slice(0, count),
  };
}
