/** How many steps the numbers of a job need. */
import { useMemo, useState } from 'preact/hooks';
import { grouped } from '../format/figures.ts';
import { earlier } from './job-state.ts';
import type { StatisticsResult } from './job-result.ts';
import { ratioText, shortNumber } from './number-text.ts';
import { delayAt, distribution, paintDelay, paintHistogram } from './paint-histogram.ts';
import { Picture } from './picture.tsx';

const KEYS: ReadonlyMap<string, number> = new Map([
  ['ArrowLeft', -1],
  ['ArrowDown', -1],
  ['ArrowRight', 1],
  ['ArrowUp', 1],
  ['PageDown', -20],
  ['PageUp', 20],
  ['Home', -Infinity],
  ['End', Infinity],
]);

export function Histogram({ result }: { readonly result: StatisticsResult }) {
  const [at, setAt] = useState<number | undefined>(undefined);
  const compared = earlier.value;
  const data = useMemo(() => distribution(result, compared), [result, compared]);
  const layer = useMemo(() => paintHistogram(data), [data]);
  const count = Math.max(1, data.counts.length);
  const pointed = at === undefined ? undefined : Math.min(at, count - 1);
  const mark = useMemo(() => paintDelay(data, pointed), [data, pointed]);
  const words = (delay: number) =>
    `${grouped(delay)} ${delay === 1 ? 'step' : 'steps'}: ${grouped(result.histogram[delay] ?? 0n)} numbers`;
  return (
    <>
      <Picture
        class="histogram-picture"
        label={`How many numbers need how many steps: ${summary(result)}`}
        layers={[layer, mark]}
        cursor={{
          at: pointed,
          count,
          words,
          locate: (x, _y, size) => delayAt(size, data, x),
          move: (key, from) => {
            const by = KEYS.get(key);
            return by === undefined ? undefined : from + by;
          },
          onChange: setAt,
        }}
      >
        <p class="readout" aria-hidden="true">
          {pointed === undefined ? null : words(pointed)}
        </p>
      </Picture>
      <p class="small histogram-words">
        <span>{summary(result)}</span>
        {compared === undefined ? null : (
          <span class="outline-note">
            <svg width="26" height="10" aria-hidden="true">
              <path d="M1 8C8 8 9 2 14 2S19 8 25 8" class="outline-line" />
            </svg>
            outline: {compared.name}, finished earlier, scaled to as many numbers
          </span>
        )}
      </p>
    </>
  );
}

/** `mean 107.5 over 999 999 numbers so far, at most 524 steps for 837 799`. */
function summary(result: StatisticsResult): string {
  const mean = `mean ${ratioText(result.delaySum, result.count, 1)} over ${shortNumber(result.count)} numbers`;
  const most = result.maxDelay;
  return most === undefined
    ? mean
    : `${mean}, at most ${grouped(most.value)} steps, for ${shortNumber(most.n)}`;
}
