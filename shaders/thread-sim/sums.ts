/**
 * What must hold between the fields of one aggregate, whatever its ranges are. Cheap (no tree is walked): a
 * kernel's every answer is held against it, and a stranger's first of all.
 */
import { finishedTrees } from './aggregate.ts';
import type { Aggregate, Largest } from './aggregate.ts';
import { PROCESSORS } from './makespan.ts';
import type { ThreadParameters } from './parameters.ts';

/** Contradictions between all fields, in words; empty if there are none. */
export function fieldProblems(p: ThreadParameters, a: Aggregate): string[] {
  return [...sumProblems(p, a), ...largestProblems(p, a)];
}

/** Contradictions between the sums alone: the maxima are not looked at. */
export function sumProblems(p: ThreadParameters, a: Aggregate): string[] {
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string) => {
    if (!holds) problems.push(problem);
  };
  const trees = finishedTrees(a);
  const maxThreads = BigInt(p.maxThreads);
  const workMin = BigInt(p.workMin);
  const workMax = BigInt(p.workMax);
  if (trees < 0n) return ['oversize: more than roots'];

  expect(sum(a.threadsByDepth) === a.threads, 'threads_by_depth: its sum is not threads');
  expect(sum(a.sizeHistogram) === trees, 'size_histogram: its sum is not roots - oversize');
  expect((a.threadsByDepth[0] ?? 0n) === trees, 'threads_by_depth: entry 0 is not roots - oversize');
  expect(a.threadsByDepth.length <= p.maxDepth + 1, 'threads_by_depth: deeper than max_depth');
  const children = BigInt(p.spawnThreshold === 0 ? 0 : p.maxChildren);
  for (let depth = 1; depth < a.threadsByDepth.length; depth++) {
    const here = a.threadsByDepth[depth] ?? 0n;
    const above = a.threadsByDepth[depth - 1] ?? 0n;
    expect(here > 0n, `threads_by_depth: nothing at depth ${depth}, above the deepest`);
    const every = p.spawnThreshold === 256 ? here === children * above : here <= children * above;
    expect(every, `threads_by_depth: entry ${depth} does not follow from entry ${depth - 1}`);
  }
  if (trees > 0n && p.spawnThreshold === 256 && p.maxChildren > 0) {
    expect(a.threadsByDepth.length === p.maxDepth + 1, 'threads_by_depth: every chance succeeds');
  }

  let fewest = 0n;
  let most = 0n;
  for (const [size, count] of a.sizeHistogram.entries()) {
    const low = 1n << BigInt(size);
    fewest += low * count;
    most += (low * 2n - 1n < maxThreads ? low * 2n - 1n : maxThreads) * count;
    expect(count === 0n || low <= maxThreads, `size_histogram: entry ${size} is past max_threads`);
  }
  expect(a.threads >= fewest && a.threads <= most, 'threads: not between the bounds of size_histogram');
  const levels = a.threadsByDepth.reduce((total, count) => total + (count < trees ? count : trees), 0n);
  expect(a.work >= workMin * a.threads && a.work <= workMax * a.threads, 'work: not threads × work of one');
  expect(a.span >= workMin * trees && a.span <= a.work, 'span: not between trees × work_min and work');
  expect(a.span <= workMax * levels, 'span: longer than the depth of the trees allows');

  problems.push(...makespanProblems(a, trees));
  return problems;
}

function largestProblems(p: ThreadParameters, a: Aggregate): string[] {
  const trees = finishedTrees(a);
  if (trees === 0n) {
    const some = maxima(a).filter(([, largest]) => largest !== null);
    return some.map(([name]) => `${name}: a maximum without trees`);
  }
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string) => {
    if (!holds) problems.push(problem);
  };
  const workMin = BigInt(p.workMin);
  expect(largestFits(a.maxThreads, a.threads, trees, 1n), 'max_threads: does not fit threads');
  expect(largestFits(a.maxWork, a.work, trees, workMin), 'max_work: does not fit work');
  expect(largestFits(a.maxSpan, a.span, trees, workMin), 'max_span: does not fit span');
  const threads = a.maxThreads?.value ?? 0n;
  const size = threads.toString(2).length - 1;
  expect(size === a.sizeHistogram.length - 1, 'max_threads: does not fit the end of size_histogram');
  expect(threads >= BigInt(a.threadsByDepth.length), 'max_threads: fewer than the deepest tree has');
  return problems;
}

export function maxima(a: Aggregate): readonly (readonly [string, Largest | null])[] {
  return [
    ['max_threads', a.maxThreads],
    ['max_work', a.maxWork],
    ['max_span', a.maxSpan],
  ];
}

/** A largest value m among n values of at least `least`: m + (n − 1)·least ≤ total ≤ n·m. */
function largestFits(largest: Largest | null, total: bigint, trees: bigint, least: bigint): boolean {
  if (largest === null) return false;
  return largest.value * trees >= total && largest.value + (trees - 1n) * least <= total;
}

/**
 * Per tree, with W ≥ S: lower(P) = max(S, ⌈W/P⌉), upper(P) = S + ⌊(W − S)/P⌋. Summed over n trees that leaves:
 * both are the work for P = 1; lower ≤ upper; with x = upper − span, 2·x(2P) ≤ x(P) ≤ 2·x(2P) + n, since
 * ⌊y/2P⌋ = ⌊⌊y/P⌋/2⌋; and lower falls, but at most by half.
 */
function makespanProblems(a: Aggregate, trees: bigint): string[] {
  const problems: string[] = [];
  for (const [index, { lower, upper }] of a.makespanAlone.entries()) {
    const processors = BigInt(PROCESSORS[index] ?? 0);
    const name = `makespan_alone for P = ${processors}`;
    const before = a.makespanAlone[index - 1];
    if (before === undefined) {
      if (lower !== a.work || upper !== a.work) problems.push(`${name}: not the work`);
      continue;
    }
    const share = (a.work + processors - 1n) / processors;
    if (lower < a.span || lower < share) problems.push(`${name}: lower is below span or work / P`);
    if (lower > a.span + (a.work + trees * (processors - 1n)) / processors) {
      problems.push(`${name}: lower is above span + work / P`);
    }
    if (lower > upper) problems.push(`${name}: lower is above upper`);
    if (lower > before.lower || 2n * lower < before.lower) problems.push(`${name}: lower does not follow`);
    const excess = 2n * (upper - a.span);
    const excessBefore = before.upper - a.span;
    if (upper < a.span || excess > excessBefore || excessBefore > excess + trees) {
      problems.push(`${name}: upper does not follow`);
    }
  }
  return problems;
}

function sum(entries: readonly bigint[]): bigint {
  return entries.reduce((total, entry) => total + entry, 0n);
}
