/** What the pictures show, for who reads rather than looks: each processor's share of the run. */
import { useSignal } from '@preact/signals';
import { grouped } from '../format/figures.ts';
import { laneTotals } from './lane-totals.ts';
import type { Simulated } from './page-state.ts';

/** More rows help nobody; the sentence above them says what they add up to. */
const MOST_ROWS = 128;

export function PictureText({ shown }: { readonly shown: Simulated }) {
  const open = useSignal(false);
  const { program, run } = shown;
  const idle = run.lanes * run.makespan - program.work;
  return (
    <details class="picture-text" onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>The pictures as text</summary>
      {open.value ? (
        <>
          <p class="small">
            {grouped(program.threads)} threads, at most {program.byDepth.length - 1} levels below the root.
            With unlimited processors the last ends at {grouped(program.span)} ticks; on{' '}
            {run.lanes === 1 ? 'one processor' : `the ${grouped(run.lanes)} processors that are used`} at{' '}
            {grouped(run.makespan)}. The processors compute {grouped(program.work)} ticks and are idle for{' '}
            {grouped(idle)}. The longest chain: threads{' '}
            {[...program.chain].map((thread) => grouped(thread + 1)).join(', ')}.
          </p>
          <div class="table-place" role="region" aria-label="Processors" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th class="number">Processor</th>
                  <th class="number">Threads</th>
                  <th class="number">Busy, ticks</th>
                  <th class="number">Busy</th>
                </tr>
              </thead>
              <tbody>
                {laneTotals(run)
                  .slice(0, MOST_ROWS)
                  .map(({ threads, busy }, lane) => (
                    <tr key={lane}>
                      <td class="number">{grouped(lane + 1)}</td>
                      <td class="number">{grouped(threads)}</td>
                      <td class="number">{grouped(busy)}</td>
                      <td class="number">{Math.round((100 * busy) / run.makespan)}&#8239;%</td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </div>
          {run.lanes > MOST_ROWS ? (
            <p class="small">
              The first {MOST_ROWS} processors of {grouped(run.lanes)}.
            </p>
          ) : null}
        </>
      ) : null}
    </details>
  );
}
