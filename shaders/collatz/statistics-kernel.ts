/** The output words of both statistics kernels. */
import type { Range } from '../../protocol/range.ts';
import type { GpuKernel } from '../../protocol/workload.ts';
import { Histogram } from './histogram.ts';
import { CHUNK_WORDS, HEADER_WORDS, MAX_CHUNKS, chunkLength, readHandedBack, splitAt } from './chunks.ts';
import { KernelReader, lengthOf, must, wide } from './kernel-reader.ts';
import { mergeRecords } from './records.ts';
import type { Statistics } from './statistics.ts';
import { foldStatistics, statisticsOf } from './statistics.ts';
import { walkToOne } from './walk.ts';

/** Delays that kernels count; numbers with longer ones are handed back. */
export const DELAY_BINS = 4096;

export const statisticsGpuKernel: GpuKernel = {
  source: 'collatz/statistics.wgsl',
  entryPoints: ['main'],
  outputWords: HEADER_WORDS + DELAY_BINS + MAX_CHUNKS * CHUNK_WORDS,
  scratchWords: 1,
  itemsPerWorkgroup: 2048,
  maxWorkgroups: MAX_CHUNKS,
  maxPieceLength: 2 ** 28,
};

/** Words of the CPU kernel; see assembly/statistics.ts. */
export function decodeStatisticsCpu(range: Range, words: Uint32Array): Statistics {
  const length = lengthOf(range);
  const reader = new KernelReader(range, words);
  const delayRecords = reader.word();
  const peakRecords = reader.word();
  const handedBack = reader.word();
  const counts = new Float64Array(DELAY_BINS);
  let counted = 0;
  for (let d = 0; d < DELAY_BINS; d++) {
    const count = reader.count();
    counts[d] = count;
    counted += count;
  }
  const histogram = Histogram.of(counts);
  const computed: Statistics = {
    mode: 'statistics',
    count: BigInt(length - handedBack),
    delaySum: histogram.sums().weighted,
    histogram,
    delayRecords: reader.delayRecords(delayRecords),
    peakRecords: reader.peakRecords(peakRecords),
  };
  const back = reader.numbers(handedBack);
  reader.end();
  must(counted + handedBack === length, `${counted} of ${length} numbers counted`);
  const longest = computed.delayRecords.at(-1)?.value ?? -1;
  must(longest === histogram.length - 1, 'the longest delay is not in the histogram');
  return back.length === 0 ? computed : foldStatistics(computed, statisticsOf(walked(back)));
}

function* walked(numbers: readonly bigint[]) {
  for (const n of numbers) yield { n, ...walkToOne(n) };
}

/** What a GPU tells of one tile. */
export interface StatisticsTile {
  readonly mode: 'statistics';
  readonly range: Range;
  /** Of all numbers but those handed back. */
  readonly histogram: Histogram;
  readonly count: bigint;
  readonly handedBack: readonly bigint[];
  readonly chunkLength: number;
  /** Per chunk: delay + 1 (0: no number), its offset; peak (4 words), its offset; unused. */
  readonly chunks: Uint32Array;
}

export function decodeStatisticsGpu(range: Range, words: Uint32Array): StatisticsTile | undefined {
  const length = lengthOf(range);
  must(words.length === statisticsGpuKernel.outputWords, `${words.length} words`);
  must(length <= statisticsGpuKernel.maxPieceLength, `a tile of ${length} numbers`);
  const offsets = readHandedBack(words, length);
  if (offsets === undefined) return undefined;
  const bins = words.subarray(HEADER_WORDS, HEADER_WORDS + DELAY_BINS);
  const counted = bins.reduce((sum, count) => sum + count, 0);
  must(counted + offsets.length === length, `${counted} of ${length} numbers counted`);
  const chunk = chunkLength(statisticsGpuKernel, length);
  const chunks = words.slice(HEADER_WORDS + DELAY_BINS);
  const histogram = Histogram.of(bins);
  checkChunks(chunks, chunk, length, histogram.length);
  return {
    mode: 'statistics',
    range,
    histogram,
    count: BigInt(counted),
    handedBack: offsets.map((offset) => range.start + BigInt(offset)),
    chunkLength: chunk,
    chunks,
  };
}

function checkChunks(chunks: Uint32Array, chunk: number, length: number, delays: number): void {
  const used = Math.ceil(length / chunk);
  let longest = 0;
  for (let index = 0; index < MAX_CHUNKS; index++) {
    const row = index * CHUNK_WORDS;
    const delay = chunks[row] ?? 0;
    if (delay === 0) continue;
    const from = index * chunk;
    const to = Math.min(length, from + chunk);
    const inside = [chunks[row + 1] ?? 0, chunks[row + 6] ?? 0].every((at) => at >= from && at < to);
    must(index < used && inside, `chunk ${index} has a maximum outside of it`);
    longest = Math.max(longest, delay);
  }
  must(longest === delays, `the longest delay of a chunk is ${longest - 1}, not ${delays - 1}`);
}

/** The numbers to compute exactly: see chunks.ts. */
export function statisticsClaims(batch: Statistics, tile: StatisticsTile): readonly Range[] {
  const { range, chunks, chunkLength: chunk } = tile;
  // Only what lies before this tile beats its numbers.
  let delay = batch.delayRecords.findLast(({ n }) => n < range.start)?.value ?? -1;
  let peak = batch.peakRecords.findLast(({ n }) => n < range.start)?.value ?? 0n;
  const prefixes: Range[] = [];
  for (let row = 0; row < chunks.length; row += CHUNK_WORDS) {
    const word = (index: number) => chunks[row + index] ?? 0;
    if (word(0) === 0) continue;
    let last = -1;
    if (word(0) - 1 > delay) {
      delay = word(0) - 1;
      last = word(1);
    }
    const found = wide(word(2), word(3), word(4), word(5));
    if (found > peak) {
      peak = found;
      last = Math.max(last, word(6));
    }
    if (last < 0) continue;
    prefixes.push({
      start: range.start + BigInt((row / CHUNK_WORDS) * chunk),
      end: range.start + BigInt(last + 1),
    });
  }
  return splitAt(prefixes, tile.handedBack);
}

/** The claims give their records, and the numbers handed back also their counts. */
export function extendStatistics(
  batch: Statistics,
  tile: StatisticsTile,
  exact: readonly Statistics[],
): Statistics {
  const given = new Set(tile.handedBack);
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
    extended = given.has(claim.start)
      ? foldStatistics(extended, answer)
      : {
          ...extended,
          delayRecords: mergeRecords(extended.delayRecords, answer.delayRecords),
          peakRecords: mergeRecords(extended.peakRecords, answer.peakRecords),
        };
  }
  return extended;
}
