/**
 * The words that kernels read and write. Sums are pairs, low word first. Both engines write the same head;
 * the GPU adds the list of trees that it leaves to the CPU.
 */
import { KernelFault } from '../../protocol/workload.ts';
import type { Range } from '../../protocol/range.ts';
import { rangeLength } from '../../protocol/range.ts';
import { finishedTrees, trimZeros } from './aggregate.ts';
import type { Aggregate, Largest } from './aggregate.ts';
import { fieldProblems } from './sums.ts';
import { PROCESSORS } from './makespan.ts';
import { MAX_DEPTH } from './limits.ts';
import { expectedThreads } from './expected-threads.ts';
import type { ThreadParameters } from './parameters.ts';

const DEPTHS = MAX_DEPTH + 1;
const SIZES = 25;
const AT_DEPTHS = 8;
const AT_SIZES = AT_DEPTHS + 2 * DEPTHS;
const AT_LOWER = AT_SIZES + 2 * SIZES;
const AT_UPPER = AT_LOWER + 2 * PROCESSORS.length;
const AT_LARGEST = AT_UPPER + 2 * PROCESSORS.length;
export const HEAD_WORDS = AT_LARGEST + 3 * 3;

/**
 * Threads that a GPU lane gives one tree before it leaves the tree to the CPU: a giant is serial in one lane,
 * and 7 million threads took seconds. 65536 steps are about 20 ms on lavapipe, and the default `max_threads`, so that by
 * default no tree is left over.
 */
export const LANE_BUDGET = 65536;
/** Trees left over per piece; with more, the whole piece goes to the CPU. 256 giants are already 0.6 s there. */
export const DEFERRED_CAPACITY = 256;
/** The last word is the queue of roots while `walk` runs. */
export const GPU_OUTPUT_WORDS = HEAD_WORDS + 1 + DEFERRED_CAPACITY;
/** What `walk` leaves to `reduce`: output.wgsl. */
const SCRATCH_WORDS_PER_TREE = 3;

/** Threads in the longest tile: about 30 ms of a CPU core, 1-5 ms of a GPU, 80 ms of a software adapter. */
const LONGEST_TILE_THREADS = 2 ** 20;
/** Below this the overhead of a call (about 50 µs of decoding) shows. */
const SHORTEST_TILE_THREADS = 2 ** 15;
const LONGEST_TILE_ROOTS = 2 ** 16;

/** Tile lengths in roots. Trees of a million threads are a tile each. */
export function tileLengths(p: ThreadParameters): { readonly min: number; readonly max: number } {
  const perRoot = expectedThreads(p);
  const fit = (threads: number) => Math.max(1, Math.min(LONGEST_TILE_ROOTS, Math.floor(threads / perRoot)));
  return { min: fit(SHORTEST_TILE_THREADS), max: fit(LONGEST_TILE_THREADS) };
}

export function scratchWords(maxPieceLength: number): number {
  return DEFERRED_CAPACITY + SCRATCH_WORDS_PER_TREE * maxPieceLength;
}

/** Binding 0 of the GPU kernel and the parameter words of the CPU kernel, which ignores the last three. */
export function parameterWords(p: ThreadParameters): Uint32Array {
  const workRange = p.workMax - p.workMin + 1;
  return Uint32Array.of(
    Number(p.seed & 0xffffffffn),
    Number(p.seed >> 32n),
    p.maxDepth,
    p.maxChildren,
    p.spawnThreshold,
    p.workMin,
    workRange,
    // For a mod workRange by multiply-high: the quotient that it gives is at most one too small.
    Math.floor((2 ** 32 - 1) / workRange),
    p.maxThreads,
    Math.min(p.maxThreads, LANE_BUDGET),
    scratchWords(tileLengths(p).max),
    ...[0, 0, 0, 0, 0],
  );
}

/** What a GPU tells of a tile: the aggregate of the roots that it finished, and the roots that it left over. */
export interface Tile {
  readonly finished: Aggregate;
  /** Single roots and runs of neighbours, ascending. */
  readonly deferred: readonly Range[];
}

/** @throws KernelFault */
export function decodeCpuWords(p: ThreadParameters, range: Range, words: Uint32Array): Aggregate {
  if (words.length !== HEAD_WORDS) throw new KernelFault(`thread: ${words.length} words from the CPU kernel`);
  return head(p, range, rangeLength(range), words);
}

/** undefined: so many trees are left over that the whole tile goes to the CPU. @throws KernelFault */
export function decodeGpuWords(p: ThreadParameters, range: Range, words: Uint32Array): Tile | undefined {
  if (words.length !== GPU_OUTPUT_WORDS) {
    throw new KernelFault(`thread: ${words.length} words from the GPU kernel`);
  }
  const left = words[HEAD_WORDS] ?? 0;
  const length = rangeLength(range);
  if (BigInt(left) > length) throw new KernelFault(`thread: ${left} of ${length} trees left over`);
  if (left > DEFERRED_CAPACITY) return undefined;
  const deferred: Range[] = [];
  let before = range.start - 1n;
  for (const offset of words.subarray(HEAD_WORDS + 1, HEAD_WORDS + 1 + left)) {
    const root = range.start + BigInt(offset);
    if (root <= before || root >= range.end) throw new KernelFault(`thread: tree ${root} left over`);
    const last = deferred.at(-1);
    if (last?.end === root) deferred[deferred.length - 1] = { start: last.start, end: root + 1n };
    else deferred.push({ start: root, end: root + 1n });
    before = root;
  }
  if (words.subarray(HEAD_WORDS + 1 + left).some((word) => word !== 0)) {
    throw new KernelFault('thread: words behind the list of trees that are left over');
  }
  return { finished: head(p, range, length - BigInt(left), words), deferred };
}

function head(p: ThreadParameters, range: Range, roots: bigint, words: Uint32Array): Aggregate {
  const pair = (index: number) => (BigInt(words[index + 1] ?? 0) << 32n) | BigInt(words[index] ?? 0);
  const pairs = (index: number, count: number) =>
    Array.from({ length: count }, (_, entry) => pair(index + 2 * entry));
  const oversize = pair(0);
  const largest = (index: number): Largest | null => {
    const root = range.start + BigInt(words[index + 2] ?? 0);
    if (root >= range.end) throw new KernelFault(`thread: a maximum at root ${root}, outside the tile`);
    return oversize === roots ? null : { root: Number(root), value: pair(index) };
  };
  const upper = pairs(AT_UPPER, PROCESSORS.length);
  const aggregate: Aggregate = {
    roots,
    oversize,
    threads: pair(2),
    work: pair(4),
    span: pair(6),
    threadsByDepth: trimZeros(pairs(AT_DEPTHS, DEPTHS)),
    sizeHistogram: trimZeros(pairs(AT_SIZES, SIZES)),
    maxThreads: largest(AT_LARGEST),
    maxWork: largest(AT_LARGEST + 3),
    maxSpan: largest(AT_LARGEST + 6),
    makespanAlone: pairs(AT_LOWER, PROCESSORS.length).map((lower, index) => ({
      lower,
      upper: upper[index] ?? 0n,
    })),
  };
  if (finishedTrees(aggregate) < 0n) throw new KernelFault('thread: more oversize trees than trees');
  const [problem] = fieldProblems(p, aggregate);
  if (problem !== undefined) throw new KernelFault(`thread: the kernel contradicts itself: ${problem}`);
  return aggregate;
}
