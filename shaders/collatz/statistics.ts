/**
 * The aggregate of mode statistics: what is known about the delays and peaks of a set of numbers. The maxima
 * are the last entries of the record lists.
 */
import type { Range } from '../../protocol/range.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Figure } from '../../protocol/workload.ts';
import { Histogram } from './histogram.ts';
import type { Records, RunningRecord } from './records.ts';
import { maximum, mergeRecords, recordsProblem } from './records.ts';
import { walkToOne } from './walk.ts';
import type { Walk } from './walk.ts';

export interface Statistics {
  readonly mode: 'statistics';
  readonly count: bigint;
  readonly delaySum: bigint;
  readonly histogram: Histogram;
  readonly delayRecords: Records<number>;
  readonly peakRecords: Records<bigint>;
}

export const EMPTY_STATISTICS: Statistics = {
  mode: 'statistics',
  count: 0n,
  delaySum: 0n,
  histogram: Histogram.empty,
  delayRecords: [],
  peakRecords: [],
};

export function foldStatistics(a: Statistics, b: Statistics): Statistics {
  return {
    mode: 'statistics',
    count: a.count + b.count,
    delaySum: a.delaySum + b.delaySum,
    histogram: a.histogram.plus(b.histogram),
    delayRecords: mergeRecords(a.delayRecords, b.delayRecords),
    peakRecords: mergeRecords(a.peakRecords, b.peakRecords),
  };
}

/** The statistics of some numbers, given in ascending order with their exact walks. */
export function statisticsOf(walks: Iterable<{ readonly n: bigint } & Walk>): Statistics {
  const counts: number[] = [];
  const delayRecords: RunningRecord<number>[] = [];
  const peakRecords: RunningRecord<bigint>[] = [];
  let count = 0n;
  let delaySum = 0n;
  for (const { n, delay, peak } of walks) {
    while (counts.length <= delay) counts.push(0);
    counts[delay] = (counts[delay] ?? 0) + 1;
    if (delay > (delayRecords.at(-1)?.value ?? -1)) delayRecords.push({ n, value: delay });
    if (peak > (peakRecords.at(-1)?.value ?? 0n)) peakRecords.push({ n, value: peak });
    count++;
    delaySum += BigInt(delay);
  }
  return { mode: 'statistics', count, delaySum, histogram: Histogram.of(counts), delayRecords, peakRecords };
}

/**
 * Contradictions in what claims to be the statistics of `range`: the sums against each other, the ends of the
 * lists, and every record walked again. Walks made for one list are held against the other as well.
 * About 3 µs per record at 2^40: 30 records of a typical batch take 90 µs.
 */
export function checkStatistics(range: Range, a: Statistics): readonly string[] {
  const length = rangeLength(range);
  if (a.count !== length) return [`count is ${a.count}, but the range has ${length} numbers`];
  const { total, weighted } = a.histogram.sums();
  if (total !== a.count) return [`the histogram sums to ${total}, but count is ${a.count}`];
  if (weighted !== a.delaySum) return [`the histogram's delays sum to ${weighted}, not ${a.delaySum}`];
  const shape =
    recordsProblem('delay_records', a.delayRecords, range) ??
    recordsProblem('peak_records', a.peakRecords, range);
  if (shape !== undefined) return [shape];
  if (a.delayRecords[0]?.n !== range.start) return ['delay_records must begin with the first number'];
  if (a.peakRecords[0]?.n !== range.start) return ['peak_records must begin with the first number'];
  const top = a.histogram.length - 1;
  if (maximum(a.delayRecords)?.value !== top) {
    return [`the largest delay in the histogram is ${top}, that of delay_records is another`];
  }
  for (const { n, value } of a.delayRecords) {
    if (!a.histogram.has(value)) return [`${n} has delay ${value}, but the histogram counts none`];
  }
  return recomputed(a);
}

function recomputed(a: Statistics): readonly string[] {
  const walks = new Map<bigint, Walk>();
  for (const { n } of [...a.delayRecords, ...a.peakRecords]) {
    if (!walks.has(n)) walks.set(n, walkToOne(n));
  }
  for (const { n, value } of a.delayRecords) {
    const delay = walks.get(n)?.delay;
    if (delay !== value) return [`the delay of ${n} is ${delay}, not ${value}`];
  }
  for (const { n, value } of a.peakRecords) {
    const peak = walks.get(n)?.peak;
    if (peak !== value) return [`the peak of ${n} is ${peak}, not ${value}`];
  }
  // A number walked for one list that is a record of the other must be in the other.
  let delays = 0;
  let peaks = 0;
  for (const [n, { delay, peak }] of [...walks].sort(([x], [y]) => (x < y ? -1 : 1))) {
    if (a.delayRecords[delays]?.n === n) delays++;
    else if (delay > (a.delayRecords[delays - 1]?.value ?? -1)) return [`delay_records lacks ${n}`];
    if (a.peakRecords[peaks]?.n === n) peaks++;
    else if (peak > (a.peakRecords[peaks - 1]?.value ?? 0n)) return [`peak_records lacks ${n}`];
  }
  return [];
}

/** Walk steps of `checkStatistics`, about: delays are claimed, those of peak records are guessed. */
export function checkStatisticsSteps(a: Statistics): number {
  return a.delayRecords.reduce((sum, { value }) => sum + value, 1000 * a.peakRecords.length);
}

export function statisticsResult(a: Statistics): Record<string, unknown> {
  const delays = a.delayRecords.map(({ n, value }) => ({ n: n.toString(), delay: value }));
  const peaks = a.peakRecords.map(({ n, value }) => ({ n: n.toString(), peak: value.toString() }));
  return {
    count: a.count.toString(),
    delay_sum: a.delaySum.toString(),
    delay_histogram: a.histogram.encode(),
    max_delay: delays.at(-1) ?? null,
    max_peak: peaks.at(-1) ?? null,
    delay_records: delays,
    peak_records: peaks,
  };
}

/** The mean delay. */
export function statisticsFigure(a: Statistics): Figure {
  return { sum: a.delaySum, weight: a.count };
}
