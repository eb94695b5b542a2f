/** What `check` finds in an aggregate that a stranger claims for a range. */
import type { Range } from '../../protocol/range.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Aggregate } from './aggregate.ts';
import { emptyAggregate, finishedTrees, foldAggregates, treeAggregate, withoutSums } from './aggregate.ts';
import type { ThreadParameters } from './parameters.ts';
import { fieldProblems, maxima, sumProblems } from './sums.ts';
import { walkTree } from './tree.ts';

/**
 * Sums against each other; then every maximum recomputed by walking its tree; then what is left without those
 * trees must still be a possible sum of trees. At most three walks, each ending as soon as it passes the
 * claimed largest tree: microseconds for ordinary trees, and up to 2 s for three of 2^24 threads (25 million
 * threads per second). `checkThreads` tells beforehand.
 */
export function contradictions(p: ThreadParameters, range: Range, a: Aggregate): readonly string[] {
  if (a.roots !== rangeLength(range)) return [`roots: not the ${rangeLength(range)} roots of the range`];
  for (const [name, largest] of maxima(a)) {
    if (largest !== null && (BigInt(largest.root) < range.start || BigInt(largest.root) >= range.end)) {
      return [`${name}: root ${largest.root} is outside the range`];
    }
  }
  // A contradiction already refuses the result: no walk is spent on it.
  const problems = [...fieldProblems(p, a), ...tieProblems(range, a)];
  return problems.length > 0 ? problems : treeProblems(p, a);
}

/** How many threads `contradictions` may have to walk: above some 10^5, better not on an event loop. */
export function checkThreads(a: Aggregate): number {
  const roots = new Set(maxima(a).map(([, largest]) => largest?.root));
  return a.maxThreads === null ? 0 : roots.size * Number(a.maxThreads.value);
}

/** Where all trees have the same value, the smallest root that has it is the first. */
function tieProblems(range: Range, a: Aggregate): string[] {
  if (a.oversize > 0n) return [];
  const totals = [a.threads, a.work, a.span];
  const wrong = maxima(a).filter(
    ([, largest], index) =>
      largest !== null && largest.value * a.roots === totals[index] && BigInt(largest.root) !== range.start,
  );
  return wrong.map(([name]) => `${name}: all trees have it, so its root is ${range.start}`);
}

function treeProblems(p: ThreadParameters, a: Aggregate): string[] {
  const limit = Math.min(Number(a.maxThreads?.value ?? 0n), p.maxThreads);
  const problems: string[] = [];
  const walked = new Map<number, Aggregate>();
  for (const [name, largest] of maxima(a)) {
    if (largest === null || walked.has(largest.root)) continue;
    const tree = walkTree(p, largest.root, limit);
    if (tree === undefined) return [`${name}: the tree of root ${largest.root} has over ${limit} threads`];
    walked.set(largest.root, treeAggregate(largest.root, tree));
  }
  for (const [root, tree] of walked) {
    const found = maxima(tree);
    for (const [index, [name, largest]] of maxima(a).entries()) {
      const value = found[index]?.[1]?.value ?? 0n;
      if (largest === null) continue;
      if (root === largest.root && value !== largest.value) {
        problems.push(`${name}: the tree of root ${root} has ${value}`);
      }
      if (value > largest.value || (value === largest.value && root < largest.root)) {
        problems.push(`${name}: root ${root} comes before root ${largest.root}`);
      }
    }
  }
  if (problems.length > 0) return problems;
  const known = [...walked.values()].reduce(foldAggregates, emptyAggregate);
  const rest = withoutSums(a, known);
  if (finishedTrees(rest) < 0n) return ['roots: fewer than the maxima have'];
  return sumProblems(p, rest).map((problem) => `without the trees of the maxima: ${problem}`);
}
