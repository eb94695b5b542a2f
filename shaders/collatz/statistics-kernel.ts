/** The output words of the CPU's statistics kernel. */
import type { Range } from '../../protocol/range.ts';
import { Histogram } from './histogram.ts';
import { KernelReader, lengthOf, must } from './kernel-reader.ts';
import type { Statistics } from './statistics.ts';
import { foldStatistics, statisticsOf } from './statistics.ts';
import { walkToOne } from './walk.ts';

/** Delays that kernels count; numbers with longer ones are handed back. */
export const DELAY_BINS = 4096;

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
