/**
 * What is known about a set of disjoint ranges of roots. A commutative monoid under `fold`: sums add, maxima
 * compare, and ties go to the smallest root whichever side it comes from.
 */
import type { Makespan } from './makespan.ts';
import { PROCESSORS, makespanBounds } from './makespan.ts';
import type { TreeTotals } from './tree.ts';

/** The largest value of its kind and the smallest root whose tree has it. */
export interface Largest {
  readonly root: number;
  readonly value: bigint;
}

/** Over the trees that are not oversize, except `roots` and `oversize`. Work and span in ticks. */
export interface Aggregate {
  /** How many roots are covered, oversize ones included. */
  readonly roots: bigint;
  readonly oversize: bigint;
  readonly threads: bigint;
  readonly work: bigint;
  readonly span: bigint;
  /** Entry d: threads at depth d; no trailing zeros, so deepest = length − 1. */
  readonly threadsByDepth: readonly bigint[];
  /** Entry s: trees with ⌊log2 threads⌋ = s; no trailing zeros. */
  readonly sizeHistogram: readonly bigint[];
  readonly maxThreads: Largest | null;
  readonly maxWork: Largest | null;
  readonly maxSpan: Largest | null;
  /** Sums over trees of the two bounds, one entry per PROCESSORS. */
  readonly makespanAlone: readonly Makespan[];
}

export const emptyAggregate: Aggregate = {
  roots: 0n,
  oversize: 0n,
  threads: 0n,
  work: 0n,
  span: 0n,
  threadsByDepth: [],
  sizeHistogram: [],
  maxThreads: null,
  maxWork: null,
  maxSpan: null,
  makespanAlone: PROCESSORS.map(() => ({ lower: 0n, upper: 0n })),
};

/** The aggregate of one root whose tree is not oversize. */
export function treeAggregate(root: number, tree: TreeTotals): Aggregate {
  const size = Math.floor(Math.log2(tree.threads));
  const largest = (value: number) => ({ root, value: BigInt(value) });
  const work = BigInt(tree.work);
  const span = BigInt(tree.span);
  return {
    roots: 1n,
    oversize: 0n,
    threads: BigInt(tree.threads),
    work,
    span,
    threadsByDepth: tree.byDepth.map(BigInt),
    sizeHistogram: Array.from({ length: size + 1 }, (_, s) => (s === size ? 1n : 0n)),
    maxThreads: largest(tree.threads),
    maxWork: largest(tree.work),
    maxSpan: largest(tree.span),
    makespanAlone: PROCESSORS.map((processors) => makespanBounds(work, span, processors)),
  };
}

/** Trees that are not oversize. */
export function finishedTrees(a: Aggregate): bigint {
  return a.roots - a.oversize;
}

export function foldAggregates(a: Aggregate, b: Aggregate): Aggregate {
  return {
    roots: a.roots + b.roots,
    oversize: a.oversize + b.oversize,
    threads: a.threads + b.threads,
    work: a.work + b.work,
    span: a.span + b.span,
    threadsByDepth: addEntries(a.threadsByDepth, b.threadsByDepth),
    sizeHistogram: addEntries(a.sizeHistogram, b.sizeHistogram),
    maxThreads: larger(a.maxThreads, b.maxThreads),
    maxWork: larger(a.maxWork, b.maxWork),
    maxSpan: larger(a.maxSpan, b.maxSpan),
    makespanAlone: a.makespanAlone.map(({ lower, upper }, index) => ({
      lower: lower + (b.makespanAlone[index]?.lower ?? 0n),
      upper: upper + (b.makespanAlone[index]?.upper ?? 0n),
    })),
  };
}

/** The sums of `a` without those of `b`, a part of it; the maxima stay a's. Negative where b is no part. */
export function withoutSums(a: Aggregate, b: Aggregate): Aggregate {
  const difference = (from: readonly bigint[], entries: readonly bigint[]) =>
    trimZeros(
      addEntries(
        from,
        entries.map((entry) => -entry),
      ),
    );
  return {
    roots: a.roots - b.roots,
    oversize: a.oversize - b.oversize,
    threads: a.threads - b.threads,
    work: a.work - b.work,
    span: a.span - b.span,
    threadsByDepth: difference(a.threadsByDepth, b.threadsByDepth),
    sizeHistogram: difference(a.sizeHistogram, b.sizeHistogram),
    maxThreads: a.maxThreads,
    maxWork: a.maxWork,
    maxSpan: a.maxSpan,
    makespanAlone: a.makespanAlone.map(({ lower, upper }, index) => ({
      lower: lower - (b.makespanAlone[index]?.lower ?? 0n),
      upper: upper - (b.makespanAlone[index]?.upper ?? 0n),
    })),
  };
}

function addEntries(a: readonly bigint[], b: readonly bigint[]): readonly bigint[] {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  return long.map((entry, index) => entry + (short[index] ?? 0n));
}

export function larger(a: Largest | null, b: Largest | null): Largest | null {
  if (a === null || b === null) return a ?? b;
  if (a.value !== b.value) return a.value > b.value ? a : b;
  return a.root <= b.root ? a : b;
}

/** Drops zeros at the end. */
export function trimZeros(entries: readonly bigint[]): readonly bigint[] {
  let length = entries.length;
  while (length > 0 && entries[length - 1] === 0n) length--;
  return entries.slice(0, length);
}
