/** One workload's throughput: numbers and roots are never added. */
import { Segmented } from '../controls/segmented.tsx';
import { scaled } from '../format/figures.ts';
import type { Live } from '../live/live.ts';
import { WINDOWS } from './address.ts';
import { KIND_NAMES } from './devices.ts';
import { eventText } from './cluster-events.ts';
import { shownHistory } from './history.ts';
import type { History } from './history.ts';
import { shortRate } from './job-text.ts';
import { show, view } from './page-view.ts';
import { stack, typesOf, unitsOf } from './stacking.ts';
import { ThroughputChart } from './throughput-chart.tsx';
import { TYPE_NAMES, unitOf } from './workload-names.ts';

const WINDOW_LABELS = {
  '1h': { label: '1 h', title: 'the last hour', words: 'the last hour' },
  '24h': { label: '24 h', title: 'the last 24 hours', words: 'the last 24 hours' },
  '7d': { label: '7 d', title: 'the last 7 days', words: 'the last 7 days' },
} as const;

export function ThroughputSection({ live }: { readonly live: Live }) {
  const known = shownHistory.value;
  if (known === undefined) return <section class="throughput-section" aria-busy="true" />;
  const types = typesOf(known.throughput);
  const type = types.find((one) => one === view.value.rate) ?? busiest(known, types);
  return (
    <section
      class="throughput-section"
      aria-label="Throughput"
      data-stale={live.connection.value === 'live' ? 'no' : 'yes'}
    >
      <div class="section-head">
        <p class="small">{sums(known, types)}</p>
        <div class="filters">
          {types.length > 1 && type !== undefined ? (
            <Segmented
              legend="Workload"
              options={types.map((value) => ({ value, label: TYPE_NAMES.get(value) ?? value }))}
              value={type}
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
      {type === undefined ? null : (
        <>
          <ThroughputChart
            throughput={known.throughput}
            type={type}
            unit={unitOf(type)}
            now={live.cluster.value?.throughput ?? []}
          />
          <Figures known={known} type={type} />
        </>
      )}
    </section>
  );
}

function busiest({ throughput }: History, types: readonly string[]): string | undefined {
  const newest = (type: string) =>
    throughput.series
      .filter((line) => line.type === type)
      .reduce(
        (last, { units_per_second }) =>
          Math.max(
            last,
            units_per_second.findLastIndex((rate) => rate > 0),
          ),
        -1,
      );
  return types.toSorted((a, b) => newest(b) - newest(a))[0];
}

/** `258 trillion numbers and 9 billion roots in the last 24 hours.` */
function sums({ throughput, window, at }: History, types: readonly string[]): string {
  const words = WINDOW_LABELS[window].words;
  if (types.length === 0) return `Nothing was computed in ${words}.`;
  const said = types.map((type) => {
    const { figure, scale } = scaled(unitsOf(throughput, type, at));
    return [figure, scale, unitOf(type)].filter((part) => part !== '').join('\u00a0');
  });
  return `${said.join(' and ')} in ${words}.`;
}

function Figures({ known: { throughput }, type }: { readonly known: History; readonly type: string }) {
  const layers = stack(throughput, type);
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
          <caption class="visually-hidden">{unitOf(type)} a second by kind of device</caption>
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
