/** The output words of both verify kernels. */
import type { Range } from '../../protocol/range.ts';
import type { GpuKernel } from '../../protocol/workload.ts';
import { KernelReader, lengthOf, must } from './kernel-reader.ts';
import { SIEVED_FROM, countCandidates, isCandidate } from './sieve.ts';
import type { Verification } from './verification.ts';
import { foldVerification, walkCandidates } from './verification.ts';
import { glidePeak } from './walk.ts';

/** Numbers that the GPU can hand back one by one; more hand back the whole tile. */
const LIST_CAPACITY = 250;
const COUNT_WORD = 251;
const SCALE_WORD = 252;
const HEADER_WORDS = 256;
/** A piece has at most so many cells: see verify.wgsl. */
const ROWS = 1026;
const ROW_WORDS = 2;
/** The last candidates of a cell leave lanes idle: of 2^16 numbers, half of them. */
const LEAST_CELL_BITS = 19;
/** In a workgroup, of all tunings. */
const MOST_LANES = 128;
/** In a row: the cell is the host's. */
const UNKNOWN = 0xffffffff;

export const verificationGpuKernel: GpuKernel = {
  source: 'collatz/verify.wgsl',
  entryPoints: ['main', 'reduce'],
  outputWords: HEADER_WORDS + ROWS * ROW_WORDS,
  scratchWords: ROWS * 2 * MOST_LANES,
  itemsPerWorkgroup: 1 << LEAST_CELL_BITS,
  maxWorkgroups: 1024,
  maxPieceLength: 2 ** 31,
  specialise: ({ end }) => sizesFor(end),
  tunings: [
    { LANES: 64, TABLE: 1 },
    { LANES: 16, TABLE: 0 },
    { LANES: 32, TABLE: 0 },
    { LANES: 64, TABLE: 0 },
    { LANES: 128, TABLE: 1 },
  ],
  softwareTuning: { LANES: 16, TABLE: 0 },
};

const LEAST_LIMBS = 2;
const MOST_SHIFT = 26;
/** The probe goes along with any piece: no variant is for smaller numbers. */
const PROBE_BITS = 34;
/** The values of a cell are told as multiples of n / 2^8 or more. */
const BITS_TOLD_OF_N = 8;

/**
 * Limbs for the glides of n < end, and how far values are shifted to tell of them: n itself by all bits but 8, so that
 * a value has outgrown its limbs when it has climbed by 2^24; by less where there are no more bits. The 24 steps of the
 * sieve climb by at most 2^15. Where there is least room, below 2^72, one candidate in 2^15 outgrows its limbs.
 */
function sizesFor(end: bigint): { readonly LIMBS: number; readonly SHIFT: number } {
  const bits = Math.max(PROBE_BITS, (end - 1n).toString(2).length);
  const limbs = bits <= 36 ? LEAST_LIMBS : bits <= 72 ? 3 : 4;
  const shift = bits - BITS_TOLD_OF_N - 32 * (limbs - LEAST_LIMBS);
  return { LIMBS: limbs, SHIFT: Math.max(1, Math.min(MOST_SHIFT, shift)) };
}

function scaleFor(end: bigint): number {
  const { LIMBS, SHIFT } = sizesFor(end);
  return SHIFT + 32 * (LIMBS - LEAST_LIMBS);
}

/** Words of the CPU kernel; see assembly/verify.ts. */
export function decodeVerificationCpu(range: Range, words: Uint32Array): Verification {
  const length = lengthOf(range);
  const reader = new KernelReader(range, words);
  const candidates = BigInt(reader.count());
  const records = reader.word();
  const handedBack = reader.word();
  const computed: Verification = {
    mode: 'verify',
    count: BigInt(length),
    candidates,
    failures: [],
    peakRecords: reader.peakRecords(records),
  };
  const back = reader.numbers(handedBack);
  reader.end();
  must(candidates === countCandidates(range), `${candidates} candidates, not ${countCandidates(range)}`);
  return back.length === 0 ? computed : foldVerification(computed, walkCandidates(back));
}

/** What a GPU tells of one tile. */
export interface VerificationTile {
  readonly mode: 'verify';
  readonly range: Range;
  readonly candidates: bigint;
  readonly handedBack: readonly bigint[];
  /** In order, without gaps. */
  readonly cells: readonly Cell[];
}

interface Cell {
  readonly range: Range;
  /** No glide peak of the cell is higher; undefined: it was not computed. */
  readonly bound: bigint | undefined;
  /** The candidate that came closest to the bound, so that its peak is high; undefined: none is known. */
  readonly highest: bigint | undefined;
}

/**
 * No value of T in a jump of 10 steps from v exceeds v times this: 3·(v + 1)·1.5^9 + 1, after nine odd values, is less
 * than 116·v for v ≥ 2^10.
 */
const JUMP_CLIMB = 116n;
/** The same for the 24 steps of the sieve: 3·(n + 1)·1.5^23 + 1 is less than 33,700·n for n ≥ 2^26. */
const SIEVE_CLIMB = 33_700n;
const HIGHEST_END = 1n << 96n;

/** Tiles that begin below the sieve are left to the CPU: 2^26 numbers in all. */
export function decodeVerificationGpu(range: Range, words: Uint32Array): VerificationTile | undefined {
  const length = lengthOf(range);
  must(words.length === verificationGpuKernel.outputWords, `${words.length} words`);
  must(length <= verificationGpuKernel.maxPieceLength, `a tile of ${length} numbers`);
  if (range.start < SIEVED_FROM) return undefined;
  const handedBack = readHandedBack(range, length, words);
  if (handedBack === undefined) return undefined;
  const candidates = BigInt(words[COUNT_WORD] ?? 0);
  const expected = countCandidates(range);
  must(candidates === expected, `${candidates} candidates, not ${expected}`);
  return { mode: 'verify', range, candidates, handedBack, cells: readCells(range, length, words) };
}

/** Ascending; undefined if they were too many. */
function readHandedBack(range: Range, length: number, words: Uint32Array): readonly bigint[] | undefined {
  const count = words[0] ?? 0;
  must(count <= length, `${count} of ${length} numbers handed back`);
  if (count > LIST_CAPACITY) return undefined;
  const offsets = [...words.subarray(1, 1 + count)].sort((a, b) => a - b);
  const numbers = offsets.map((offset) => range.start + BigInt(offset));
  must(
    numbers.every((n, index) => n < range.end && n !== numbers[index - 1] && isCandidate(n)),
    'the numbers handed back are no candidates of the range',
  );
  return numbers;
}

function readCells(range: Range, length: number, words: Uint32Array): Cell[] {
  let bits = LEAST_CELL_BITS;
  while (Math.floor(length / 2 ** bits) + 2 > ROWS) bits++;
  const cellLength = 1n << BigInt(bits);
  const scale = words[SCALE_WORD] ?? 0;
  // Pieces that lie higher may have been computed together with this one.
  must(scale >= scaleFor(range.end) && scale <= scaleFor(HIGHEST_END), `a scale of ${scale} bits`);
  const climb = range.end * SIEVE_CLIMB;
  const cells: Cell[] = [];
  for (let start = range.start; start < range.end;) {
    const next = start - (start % cellLength) + cellLength;
    const end = next < range.end ? next : range.end;
    const row = HEADER_WORDS + ROW_WORDS * cells.length;
    const top = words[row] ?? 0;
    const highest = top === 0 || top === UNKNOWN ? undefined : range.start + BigInt(words[row + 1] ?? 0);
    if (highest !== undefined) {
      must(highest >= start && highest < end, `the highest candidate of a cell lies outside of it`);
    }
    const jumped = ((BigInt(top) + 1n) << BigInt(scale)) * JUMP_CLIMB;
    const bound = top === UNKNOWN ? undefined : jumped > climb ? jumped : climb;
    cells.push({ range: { start, end }, bound, highest });
    start = end;
  }
  return cells;
}

/**
 * The cells that may hold a record. A record beats everything before it, so a cell is left out if its bound doesn't
 * reach a peak that is known from before it: what the batch has, or the exact peak of one candidate of an earlier cell,
 * of which the highest of all so far is walked here.
 */
export function verificationClaims(batch: Verification, tile: VerificationTile): readonly Range[] {
  let known = batch.peakRecords.findLast(({ n }) => n < tile.range.start)?.value ?? 0n;
  let highestBound = 0n;
  const claims: Range[] = [];
  for (const { range, bound, highest } of tile.cells) {
    if (bound !== undefined && bound <= known) continue;
    const last = claims.at(-1);
    if (last?.end === range.start) claims[claims.length - 1] = { start: last.start, end: range.end };
    else claims.push(range);
    if (bound === undefined || highest === undefined || bound < highestBound) continue;
    highestBound = bound;
    const peak = isCandidate(highest) ? glidePeak(highest) : undefined;
    if (peak !== undefined && peak > known) known = peak;
  }
  return claims;
}

/** The tile counts all of its candidates; the claims, and the numbers handed back, add records and failures. */
export function extendVerification(
  batch: Verification,
  tile: VerificationTile,
  exact: readonly Verification[],
): Verification {
  const counted: Verification = {
    ...walkCandidates(tile.handedBack),
    count: tile.range.end - tile.range.start,
    candidates: tile.candidates,
  };
  const extended = exact.reduce(
    (sum, { failures, peakRecords }) =>
      foldVerification(sum, { mode: 'verify', count: 0n, candidates: 0n, failures, peakRecords }),
    foldVerification(batch, counted),
  );
  // A number that was handed back may lie in a claim, too.
  return { ...extended, failures: [...new Set(extended.failures)] };
}
