/**
 * The output words of statistics.wgsl. The GPU tells each row's longest delay and largest peak, with the smallest
 * number that has it. Record lists can't be made by lanes that run in any order; but only a row whose maximum beats
 * everything before it holds a record, and none of its numbers after that maximum is one: so the CPU computes just the
 * numbers up to it. Of 256 rows about 2·ln 256 = 11 hold a record, and fewer in each later tile of a batch.
 */
import type { Range } from '../../protocol/range.ts';
import { rangeLength } from '../../protocol/range.ts';
import { Histogram } from './histogram.ts';
import { lengthOf, must, wide } from './kernel-reader.ts';
import { mergeRecords } from './records.ts';
import type { Statistics } from './statistics.ts';
import { foldStatistics } from './statistics.ts';
import type { Row } from './statistics-plan.ts';
import {
  BINS,
  HEADER_WORDS,
  HIGH_BITS_WORD,
  INDEX_BITS,
  LIST_CAPACITY,
  UNITS_AT,
  UNIT_WORDS,
  numberOf,
  planOf,
  statisticsGpuKernel,
  unseenPeak,
  weightOf,
} from './statistics-plan.ts';
import { walkToOne } from './walk.ts';

interface Best<V> {
  readonly value: V;
  /** The smallest number that has it. */
  readonly n: bigint;
}

/** What is known of one row. */
interface RowMaxima {
  readonly range: Range;
  readonly delay: Best<number>;
  /** Of the walks that could be the record of the piece up to this row. */
  readonly peak: Best<bigint> | undefined;
  /** No other number of the row has a peak above this and above `peak` and above those of the rows before. */
  readonly unseen: bigint;
}

/** What a GPU tells of one tile. */
export interface StatisticsTile {
  readonly mode: 'statistics';
  readonly range: Range;
  /** Of all rows. */
  readonly histogram: Histogram;
  readonly count: bigint;
  /** Not in the rows: left to the CPU. */
  readonly edges: readonly Range[];
  readonly rows: readonly RowMaxima[];
}

const INDICES = 2 ** INDEX_BITS;

export function decodeStatisticsGpu(range: Range, words: Uint32Array): StatisticsTile | undefined {
  const length = lengthOf(range);
  must(words.length === statisticsGpuKernel.outputWords, `${words.length} words`);
  must(length <= statisticsGpuKernel.maxPieceLength, `a tile of ${length} numbers`);
  const { rows, edges } = planOf(range);
  const listed = words[0] ?? 0;
  must(listed <= length, `${listed} of ${length} walks handed back`);
  const highBits = words[HIGH_BITS_WORD] ?? 0;
  must(rows.length === 0 || (highBits >= 32 && highBits <= 96), `limbs above ${highBits} bits`);
  if (rows.length === 0 || listed > LIST_CAPACITY) return undefined;

  const handedBack = rows.map((): number[] => []);
  for (const word of words.subarray(1, 1 + listed)) {
    const index = word % INDICES;
    const list = handedBack[Math.floor(word / INDICES)];
    const row = rows[Math.floor(word / INDICES)];
    must(
      row !== undefined && index < row.walks && list?.includes(index) === false,
      'a walk that there is not',
    );
    list?.push(index);
  }
  const counts = Float64Array.from(words.subarray(HEADER_WORDS, HEADER_WORDS + BINS));
  const late: Histogram[] = [];
  let unit = 0;
  let top = 0;
  const maxima = rows.map((row, index): RowMaxima => {
    const found = new MaximaOfRow(row);
    for (const last = unit + row.units; unit < last; unit++) {
      const at = UNITS_AT + unit * UNIT_WORDS;
      found.addUnit(words.subarray(at, at + UNIT_WORDS));
      top = Math.max(top, words[at + 7] ?? 0);
    }
    for (const walk of handedBack[index] ?? []) late.push(found.addHandedBack(walk));
    return found.maxima(unseenPeak(row, top, highBits));
  });
  const histogram = late.reduce((sum, each) => sum.plus(each), Histogram.of(counts));
  const count = rows.reduce((sum, row) => sum + rangeLength(row.range), 0n);
  must(histogram.sums().total === count, `not all of ${count} numbers counted`);
  const longest = maxima.reduce((most, { delay }) => Math.max(most, delay.value), 0);
  must(longest === histogram.length - 1, `the longest delay of a row is ${longest}, of all another`);
  return { mode: 'statistics', range, histogram, count, edges, rows: maxima };
}

class MaximaOfRow {
  readonly #row: Row;
  #delay: Best<number> | undefined;
  #peak: Best<bigint> | undefined;

  constructor(row: Row) {
    this.#row = row;
  }

  /** Words of a unit: key of the longest delay, unused, peak (4 limbs), its index + 1 or 0, top. */
  addUnit(words: Uint32Array): void {
    const word = (index: number) => words[index] ?? 0;
    const key = word(0);
    if (key !== 0) this.#addDelay(Math.floor(key / INDICES), INDICES - 1 - (key % INDICES));
    if (word(6) !== 0) this.#addPeak(wide(word(2), word(3), word(4), word(5)), word(6) - 1);
  }

  /** Walks the smallest number of a class: the delay is that of all, and the peak too if it is above `unseenPeak`. */
  addHandedBack(index: number): Histogram {
    const { delay, peak } = walkToOne(numberOf(this.#row, index));
    this.#addDelay(delay, index);
    this.#addPeak(peak, index);
    const counts = new Float64Array(delay + 1);
    counts[delay] = weightOf(this.#row, index);
    return Histogram.of(counts);
  }

  maxima(unseen: bigint): RowMaxima {
    must(this.#delay !== undefined, 'a row without a delay');
    return {
      range: this.#row.range,
      delay: this.#delay ?? { value: 0, n: this.#row.range.start },
      peak: this.#peak,
      unseen,
    };
  }

  #addDelay(value: number, index: number): void {
    this.#delay = better(this.#delay, { value, n: this.#number(index) });
  }

  #addPeak(value: bigint, index: number): void {
    this.#peak = better(this.#peak, { value, n: this.#number(index) });
  }

  #number(index: number): bigint {
    must(index < this.#row.walks, 'a maximum of a walk that there is not');
    return numberOf(this.#row, index);
  }
}

function better<V extends number | bigint>(a: Best<V> | undefined, b: Best<V>): Best<V> {
  return a === undefined || b.value > a.value || (b.value === a.value && b.n < a.n) ? b : a;
}

/** The numbers to compute exactly: the edges, and of each row that may hold a record those up to it. */
export function statisticsClaims(batch: Statistics, tile: StatisticsTile): readonly Range[] {
  // Only what lies before this tile beats its numbers.
  let longest = batch.delayRecords.findLast(({ n }) => n < tile.range.start)?.value ?? -1;
  let highest = batch.peakRecords.findLast(({ n }) => n < tile.range.start)?.value ?? 0n;
  const claims: Range[] = tile.edges.filter(({ start }) => start === tile.range.start);
  for (const { range, delay, peak, unseen } of tile.rows) {
    let end = range.start;
    const until = (n: bigint): void => {
      if (n > end) end = n;
    };
    if (delay.value > longest) {
      longest = delay.value;
      until(delay.n + 1n);
    }
    if (peak !== undefined && peak.value > highest && peak.value > unseen) {
      highest = peak.value;
      until(peak.n + 1n);
    } else if (unseen > highest) {
      until(range.end);
      if (peak !== undefined && peak.value > highest) highest = peak.value;
    }
    if (end > range.start) claims.push({ start: range.start, end });
  }
  return [...claims, ...tile.edges.filter(({ start }) => start !== tile.range.start)];
}

/** The claims give their records, and the edges also their counts. */
export function extendStatistics(
  batch: Statistics,
  tile: StatisticsTile,
  exact: readonly Statistics[],
): Statistics {
  const edges = new Set(tile.edges.map(({ start }) => start));
  let extended: Statistics = foldStatistics(batch, {
    mode: 'statistics',
    count: tile.count,
    delaySum: tile.histogram.sums().weighted,
    histogram: tile.histogram,
    delayRecords: [],
    peakRecords: [],
  });
  for (const [index, claim] of statisticsClaims(batch, tile).entries()) {
    const answer = exact[index];
    if (answer === undefined) throw new RangeError('a claim has no answer');
    extended = edges.has(claim.start)
      ? foldStatistics(extended, answer)
      : {
          ...extended,
          delayRecords: mergeRecords(extended.delayRecords, answer.delayRecords),
          peakRecords: mergeRecords(extended.peakRecords, answer.peakRecords),
        };
  }
  return extended;
}
