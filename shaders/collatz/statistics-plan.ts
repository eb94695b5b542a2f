/** How statistics.wgsl divides a piece: the same as statistics-plan.wgsl, and where the words of its answer lie. */
import type { Range } from '../../protocol/range.ts';
import type { GpuKernel, PipelineConstants } from '../../protocol/workload.ts';
import type { ResidueClasses } from './classes.ts';
import { residueClasses } from './classes.ts';

export const HEADER_WORDS = 64;
/** Walks that can be handed back one by one; more hand back the whole tile. */
export const LIST_CAPACITY = 62;
/** Bits below what `high` counts in the variant that made the words: others in the dispatch may need more limbs. */
export const HIGH_BITS_WORD = 63;
export const BINS = 4096;
export const UNIT_WORDS = 8;
/** 30 rows of 2^16 and 128 of 2^20 at most. */
const MAX_UNITS = 544;
export const UNITS_AT = HEADER_WORDS + BINS;
const OUTPUT_WORDS = UNITS_AT + MAX_UNITS * UNIT_WORDS;
const MAX_LANES = 128;
const SCRATCH_WORDS = MAX_UNITS * (5 * MAX_LANES + 1);
export const INDEX_BITS = 18;

/** Numbers below are left to the CPU: what the kernel concludes needs n ≥ 2^24. */
const FLOOR = 1n << 24n;
const SMALL_BITS = 16;
const LARGE_BITS = 20;
/** Units of a row of 2^20. */
const PARTS = 4;
/** No path from below 2^18, where walks end, climbs higher: 159487 does. */
const TAIL_PEAK = 17202377752n;

export const statisticsGpuKernel: GpuKernel = {
  source: 'collatz/statistics.wgsl',
  // Twice: first it recounts.
  entryPoints: ['main', 'settle', 'settle'],
  outputWords: OUTPUT_WORDS,
  scratchWords: SCRATCH_WORDS,
  itemsPerWorkgroup: 2 ** LARGE_BITS / PARTS,
  maxWorkgroups: 2 ** 9,
  maxPieceLength: 2 ** 27,
  specialise,
  tunings: [{ LANES: 64 }, { LANES: 128 }, { LANES: 32 }],
};

/**
 * About n/x of all walks from n pass x. Those that outgrow the limbs (2^58 with 2, 2^(90 - HIGH_SHIFT) with 3, 2^110
 * with 4) are walked again, so they should be fewer than one in 10,000; and the largest peak of a row, about 2^20 times
 * its numbers, should be 2^8 times what `high` counts (2^32, 2^(64 - HIGH_SHIFT), 2^84), to be told from the others.
 *
 * Longer walks take longer rounds: at 2^68 lavapipe makes 20, 25 and 22 M n/s with rounds of 4, 6 and 8 jumps; at 2^40
 * 38, 42, 41 and 40 with 3, 4, 5 and 6 (best of 4 in one run, on a loaded machine).
 */
function specialise({ end }: Range): PipelineConstants {
  if (end <= 1n << 45n) return { LIMBS: 2, ROUND: 4 };
  if (end <= 1n << 64n) return { LIMBS: 3, ROUND: 6, HIGH_SHIFT: 8 };
  if (end <= 1n << 71n) return { LIMBS: 3, ROUND: 6, HIGH_SHIFT: 2 };
  return { LIMBS: 4, ROUND: 6, HIGH_SHIFT: 12 };
}

/** Numbers that one set of walks covers: an aligned power of two, or, walked one by one, any. */
export interface Row {
  readonly range: Range;
  /** Undefined: each number is walked. */
  readonly classes: ResidueClasses | undefined;
  readonly walks: number;
  readonly units: number;
}

export interface Plan {
  readonly rows: readonly Row[];
  /** What of the piece no row covers: the CPU's. */
  readonly edges: readonly Range[];
}

let made: readonly [ResidueClasses, ResidueClasses] | undefined;

/** Of 2^16 and of 2^20 residues; made at the first call. */
export function statisticsClasses(): readonly [ResidueClasses, ResidueClasses] {
  if (made === undefined) {
    const [small, large] = residueClasses([SMALL_BITS, LARGE_BITS]);
    if (small === undefined || large === undefined) throw new RangeError('classes of two levels');
    made = [small, large];
  }
  return made;
}

export function planOf({ start, end }: Range): Plan {
  const from = start < FLOOR ? FLOOR : start;
  const first = alignedUp(from, SMALL_BITS);
  const last = alignedDown(end, SMALL_BITS);
  if (first >= last) return planOfNumbers({ start, end }, from);
  const [small, large] = statisticsClasses();
  const rows: Row[] = [];
  const add = (until: bigint, classes: ResidueClasses, units: number): void => {
    for (let at = rows.at(-1)?.range.end ?? first; at < until; at += 1n << BigInt(classes.bits)) {
      const range = { start: at, end: at + (1n << BigInt(classes.bits)) };
      rows.push({ range, classes, walks: classes.residues.length, units });
    }
  };
  const middle = alignedUp(first, LARGE_BITS);
  const middleEnd = alignedDown(last, LARGE_BITS);
  if (middle < middleEnd) {
    add(middle, small, 1);
    add(middleEnd, large, PARTS);
  }
  add(last, small, 1);
  const edges = [
    { start, end: first },
    { start: last, end },
  ];
  return { rows, edges: edges.filter((edge) => edge.start < edge.end) };
}

/** No aligned 2^16 numbers: the GPU walks each, in rows of 2^16. */
function planOfNumbers({ start, end }: Range, from: bigint): Plan {
  const rows: Row[] = [];
  const length = 1n << BigInt(SMALL_BITS);
  for (let at = from; at < end; at += length) {
    const range = { start: at, end: at + length < end ? at + length : end };
    rows.push({ range, classes: undefined, walks: Number(range.end - range.start), units: 1 });
  }
  if (start >= from) return { rows, edges: [] };
  return { rows, edges: [{ start, end: from < end ? from : end }] };
}

const alignedUp = (n: bigint, bits: number): bigint => -(-n >> BigInt(bits)) << BigInt(bits);
const alignedDown = (n: bigint, bits: number): bigint => (n >> BigInt(bits)) << BigInt(bits);

/** The smallest number of the row that has this walk. */
export function numberOf({ range, classes }: Row, index: number): bigint {
  return range.start + BigInt(classes === undefined ? index : (classes.residues[index] ?? 0));
}

/** How many numbers of the row have this walk. */
export function weightOf({ classes }: Row, index: number): number {
  return classes === undefined ? 1 : (classes.weights[index] ?? 0);
}

/**
 * Peaks up to here can be missed in a row, higher ones are known exactly: those within the first K steps (U(x) + 1 ≤
 * 1.5 · (x + 1) and a value of T is at most 2·U(x)), those of paths from below 2^18, and, where the highest limb of
 * all walks up to this row is too small to compare (`top` < 128), what walks reach whose highest limb is 0.
 */
export function unseenPeak(row: Row, top: number, highBits: number): bigint {
  const bits = BigInt(row.classes?.bits ?? 0);
  const early = (((2n * 3n ** bits) >> bits) + 1n) * (row.range.end + 1n);
  const known = early > TAIL_PEAK ? early : TAIL_PEAK;
  const blurred = top < 128 ? 116n << BigInt(highBits) : 0n;
  return blurred > known ? blurred : known;
}
