/** The panel while this device contributes: what it does now, did in the last minute, and has given. */
import { Button } from '../controls/button.tsx';
import { grouped, scaled } from '../format/figures.ts';
import { Icon } from '../shell/icon.tsx';
import { batchFigure, batchName, batchState } from './batch-text.ts';
import { MinuteChart } from './lane.tsx';
import type { Lend } from './lend.ts';
import { busyShare, gapSentence, gapsOf, slotsOf } from './minute.ts';
import { FIGURES_MS, PICTURES_MS, useSampled } from './sampled.ts';
import { phaseWord } from './phase-words.ts';

export function Status({ lend }: { readonly lend: Lend }) {
  const phase = lend.phase.value;
  const live = phase === 'computing' && lend.connected.value;
  return (
    <>
      <div class="lend-head">
        <h2 class="lend-status" data-live={live ? 'yes' : 'no'}>
          {phaseWord({ phase, connected: lend.connected.value })}
        </h2>
        <span class="lend-buttons">
          {phase === 'paused' && lend.paused_by.value.includes('user') ? null : (
            <Button
              kind="quiet"
              icon="pause"
              label="Pause"
              disabled={phase === 'stopping'}
              onClick={() => lend.pause()}
            />
          )}
          <Button disabled={phase === 'stopping'} onClick={() => lend.stop()}>
            Stop
          </Button>
        </span>
      </div>
      <p class="small">{deviceLine(lend)}</p>
    </>
  );
}

/** "Apple M2, WebGPU"; "CPU, WebAssembly on 8 threads". */
export function deviceLine(lend: Lend): string {
  const device = lend.device.value;
  if (device === undefined) return 'Finding out what this device can do';
  const { engine, name, threads, web_assembly } = device;
  if (engine === 'gpu') return `${name === '' ? 'GPU' : name}, WebGPU`;
  const on = `on ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  return `${name === '' ? 'CPU' : name}, ${web_assembly ? `WebAssembly ${on}` : `JavaScript ${on}: slower, as this browser runs no WebAssembly`}`;
}

export function Rate({ lend }: { readonly lend: Lend }) {
  const { figure, scale } = scaled(useSampled(lend.rate_per_second, FIGURES_MS));
  const computing = lend.phase.value === 'computing';
  return (
    <p class="lend-rate" data-stale={computing ? 'no' : 'yes'}>
      <span class="figure">{figure}</span>
      <span class="small">
        {scale} {lend.unit.value}
        <br />a second
      </span>
    </p>
  );
}

export function Minute({ lend }: { readonly lend: Lend }) {
  const minute = useSampled(lend.minute, PICTURES_MS);
  const newest = minute.at(-1)?.at ?? 0;
  // The axis ends at the newest second: the clock of the page runs on between two of them.
  const slots = slotsOf(minute, newest);
  const busy = busyShare(slots);
  const gap = gapSentence(gapsOf(slots));
  return (
    <figure class="lend-minute">
      <MinuteChart slots={slots} />
      <figcaption class="tiny">
        <span>a minute ago</span>
        {busy === undefined ? null : (
          <span>
            busy <strong>{Math.round(busy * 100)} %</strong>
          </span>
        )}
        <span>now</span>
      </figcaption>
      {gap === undefined ? null : <p class="small">{gap}</p>}
    </figure>
  );
}

export function Batches({ lend }: { readonly lend: Lend }) {
  const batches = useSampled(lend.batches, FIGURES_MS);
  return (
    <section class="lend-section" aria-label="Batches">
      <h2>Batches</h2>
      {batches.length === 0 ? (
        <p class="small">The first batch is on its way.</p>
      ) : (
        <table class="lend-batches">
          <thead class="visually-hidden">
            <tr>
              <th>Range</th>
              <th>State</th>
              <th>Done, or time taken</th>
            </tr>
          </thead>
          <tbody>
            {batches.map((batch) => {
              const { word, mark } = batchState(batch.state);
              return (
                <tr key={batch.lease_id} title={`${batch.start}–${batch.end}`}>
                  <td>{batchName(batch)}</td>
                  <td>
                    <span class="state" data-state={batch.state}>
                      <Icon name={mark} size={14} /> {word}
                    </span>
                  </td>
                  <td class="number">{batchFigure(batch)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </section>
  );
}

export function Share({ lend }: { readonly lend: Lend }) {
  const units = useSampled(lend.units_accepted, FIGURES_MS);
  const batches = useSampled(lend.batches_accepted, FIGURES_MS);
  const { figure, scale } = scaled(Number(units));
  return (
    <section class="lend-section" aria-label="Your share">
      <h2>Your share</h2>
      <dl class="lend-figures">
        <div>
          <dt>
            {scale} {lend.unit.value} accepted
          </dt>
          <dd title={grouped(units)}>{figure}</dd>
        </div>
        <div>
          <dt>{batches === 1 ? 'batch' : 'batches'}</dt>
          <dd>{grouped(batches)}</dd>
        </div>
      </dl>
    </section>
  );
}
