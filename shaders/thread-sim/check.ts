/** What `check` finds in an aggregate that a stranger claims for a range. */
import type { Range } from '../../protocol/range.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Aggregate } from './aggregate.ts';
import type { ThreadParameters } from './parameters.ts';
import { maxima, sumProblems } from './sums.ts';
import { walkTree } from './tree.ts';
import type { TreeTotals } from './tree.ts';

/**
 * Sums against each other, then every maximum recomputed by walking its tree: at most three trees, each walk
 * ending as soon as it passes the claimed largest tree. At 25 million threads per second that is microseconds
 * for ordinary trees and up to 2 s for three of 2^24 threads: see `checkThreads`.
 */
export function contradictions(p: ThreadParameters, range: Range, a: Aggregate): readonly string[] {
  if (a.roots !== rangeLength(range)) return [`roots: not the ${rangeLength(range)} roots of the range`];
  for (const [name, largest] of maxima(a)) {
    if (largest !== null && (BigInt(largest.root) < range.start || BigInt(largest.root) >= range.end)) {
      return [`${name}: root ${largest.root} is outside the range`];
    }
  }
  const problems = sumProblems(p, a);
  // A contradiction already refuses the result: no walk is spent on it.
  if (problems.length > 0) return problems;
  return maximumProblems(p, a);
}

/** How many threads `contradictions` may have to walk: above some 10^5, better not on an event loop. */
export function checkThreads(a: Aggregate): number {
  const roots = new Set(maxima(a).map(([, largest]) => largest?.root));
  return a.maxThreads === null ? 0 : roots.size * Number(a.maxThreads.value);
}

function maximumProblems(p: ThreadParameters, a: Aggregate): string[] {
  const { maxThreads, maxWork, maxSpan } = a;
  if (maxThreads === null || maxWork === null || maxSpan === null) return [];
  const limit = Math.min(Number(maxThreads.value), p.maxThreads);
  const problems: string[] = [];
  const walked = new Map<number, TreeTotals>();
  for (const [name, largest] of maxima(a)) {
    if (largest === null || walked.has(largest.root)) continue;
    const tree = walkTree(p, largest.root, limit);
    if (tree === undefined) return [`${name}: the tree of root ${largest.root} has over ${limit} threads`];
    walked.set(largest.root, tree);
  }
  for (const [root, tree] of walked) {
    const values = [tree.threads, tree.work, tree.span];
    for (const [index, [name, largest]] of maxima(a).entries()) {
      const value = BigInt(values[index] ?? 0);
      if (largest === null) continue;
      if (root === largest.root && value !== largest.value) {
        problems.push(`${name}: the tree of root ${root} has ${value}`);
      }
      if (value > largest.value || (value === largest.value && root < largest.root)) {
        problems.push(`${name}: root ${root} comes before root ${largest.root}`);
      }
    }
    if (tree.deepest >= a.threadsByDepth.length) problems.push(`threads_by_depth: root ${root} is deeper`);
  }
  return problems;
}
