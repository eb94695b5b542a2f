/** Throughput of one kind of work: numbers and roots are never added, nor numbers walked and numbers verified. */
import { Segmented } from '../controls/segmented.tsx';
import { grouped, scaled } from '../format/figures.ts';
import type { Live } from '../live/live.ts';
import { WINDOWS } from './address.ts';
import { KIND_NAMES } from './devices.ts';
import { eventText } from './cluster-events.ts';
import { shownHistory } from './history.ts';
import type { History } from './history.ts';
import { shortRate } from './job-text.ts';
import { show, view } from './page-view.ts';
import { linesOf, stack, unitsOf, workKey, worksOf } from './stacking.ts';
import type { Work } from './stacking.ts';
import { ThroughputChart } from './throughput-chart.tsx';
import { unitOf, workName } from './workload-names.ts';

const WINDOW_LABELS = {
  '1h': { label: '1 h', title: 'the last hour', words: 'the last hour' },
  '24h': { label: '24 h', title: 'the last 24 hours', words: 'the last 24 hours' },
  '7d': { label: '7 d', title: 'the last 7 days', words: 'the last 7 days' },
} as const;

export function ThroughputSection({ live }: { readonly live: Live }) {
  const known = shownHistory.value;
  if (known === undefined) return <section class="throughput-section" aria-busy="true" />;
  const works = worksOf(known.throughput);
  const work = works.find((one) => workKey(one) === view.value.rate) ?? latest(known, works);
  return (
    <section
      class="throughput-section"
      aria-label="Throughput"
      data-stale={live.connection.value === 'live' ? 'no' : 'yes'}
    >
      <div class="section-head">
        <p class="small">{sums(known, works)}</p>
        <div class="filters">
          {works.length > 1 && work !== undefined ? (
            <Segmented
              legend="Work"
              options={works.map((one) => ({ value: workKey(one), label: workName(one) }))}
              value={workKey(work)}
              onChange={(rate) => show({ rate })}
            />
          ) : null}
          <Segmented
            legend="Time"
            options={WINDOWS.map((value) => ({
              value,
              label: WINDOW_LABELS[value].label,
              title: WINDOW_LABELS[value].title,
            }))}
            value={known.window}
            onChange={(window) => show({ window })}
          />
        </div>
      </div>
      {work === undefined ? null : (
        <>
          <ThroughputChart
            throughput={known.throughput}
            work={work}
            unit={unitOf(work)}
            now={live.cluster.value?.throughput ?? []}
          />
          <Figures known={known} work={work} />
        </>
      )}
    </section>
  );
}

/** What was computed last. */
function latest({ throughput }: History, works: readonly Work[]): Work | undefined {
  const newest = (work: Work) =>
    Math.max(...linesOf(throughput.series, work).map(({ rates }) => rates.findLastIndex((rate) => rate > 0)));
  return works.toSorted((a, b) => newest(b) - newest(a))[0];
}

/** `258 trillion numbers verified and 9 billion roots in the last 24 hours.` */
function sums({ throughput, window }: History, works: readonly Work[]): string {
  const words = WINDOW_LABELS[window].words;
  if (works.length === 0) return `Nothing was computed in ${words}.`;
  const said = works.map((work) => {
    const units = unitsOf(throughput, work);
    const { figure, scale } = units < 1000 ? { figure: grouped(units), scale: '' } : scaled(units);
    return [figure, scale, unitOf(work)].filter((part) => part !== '').join('\u00a0');
  });
  return `${said.join(', ').replace(/, ([^,]*)$/, ' and $1')} in ${words}.`;
}

function Figures({ known: { throughput }, work }: { readonly known: History; readonly work: Work }) {
  const layers = stack(throughput, work);
  const time = new Intl.DateTimeFormat(undefined, { dateStyle: 'short', timeStyle: 'short' });
  const fromMs = Date.parse(throughput.from);
  const busy = (layers[0]?.rates ?? [])
    .map((_, bucket) => bucket)
    .filter((bucket) => layers.some(({ rates }) => (rates[bucket] ?? 0) > 0))
    .reverse();
  return (
    <details class="figures-table small">
      <summary>Figures and events</summary>
      <div class="scrolls" tabIndex={0} role="region" aria-label="Figures and events">
        <table>
          <caption class="visually-hidden">{unitOf(work)} a second by kind of device</caption>
          <thead>
            <tr>
              <th>From</th>
              {layers.map(({ kind }) => (
                <th key={kind} class="number">
                  {KIND_NAMES[kind]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {busy.map((bucket) => (
              <tr key={bucket}>
                <td>{time.format(fromMs + bucket * throughput.bucket_seconds * 1000)}</td>
                {layers.map(({ kind, rates }) => (
                  <td key={kind} class="number">
                    {shortRate(rates[bucket] ?? 0)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        <ul class="events">
          {throughput.events.toReversed().map((event) => (
            <li key={`${event.at} ${event.event} ${event.node_id ?? ''}`}>
              {time.format(Date.parse(event.at))} {eventText(event)}
            </li>
          ))}
        </ul>
      </div>
    </details>
  );
}
