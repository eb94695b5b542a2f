/** Layers of throughput by kind of worker, labelled where they end, with what happened to workers. */
import { useRef, useState } from 'preact/hooks';
import type { ClusterStatus, Throughput } from '../../../protocol/http.ts';
import type { WorkerKind } from '../../../protocol/messages.ts';
import { scaled } from '../format/figures.ts';
import { eventMarks } from './cluster-events.ts';
import { KIND_NAMES } from './devices.ts';
import { shortRate } from './job-text.ts';
import { KindShape, kindColour } from './kind-shape.tsx';
import type { Layer, Work } from './stacking.ts';
import { axisScale, linesOf, spread, stack, ticks } from './stacking.ts';
import { timeTicks } from './time-ticks.ts';
import { useWidth } from './use-width.ts';

const HEIGHT = 196;
const TOP = 22;
const BOTTOM = 24;
const LEFT = 34;
const LABELS = 150;
/** Below it, labels stand under the picture. */
const NARROW = 560;
const LABEL_LINE = 20;
/** Least pixels between marks of events. */
const EVENT_GAP = 9;
const MAX_EVENT_TEXTS = 3;
/** About the width of a letter. */
const EVENT_LETTER = 6.2;

export interface ThroughputChartProps {
  readonly throughput: Throughput;
  readonly work: Work;
  readonly unit: string;
  /** What the last minute brought, for the labels. */
  readonly now: ClusterStatus['throughput'];
}

export function ThroughputChart({ throughput, work, unit, now }: ThroughputChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [pointed, point] = useState<number>();
  const layers = stack(throughput, work);
  const buckets = throughput.series[0]?.units_per_second.length ?? 0;
  const narrow = width < NARROW;
  const right = narrow ? width - 2 : width - LABELS;
  const steps = ticks(Math.max(0, ...(layers.at(-1)?.top ?? [])), 4);
  const highest = steps.at(-1) ?? 0;
  const { factor, name } = axisScale(highest);
  const x = (bucket: number) => LEFT + (bucket / Math.max(1, buckets - 1)) * (right - LEFT);
  const y = (rate: number) =>
    HEIGHT - BOTTOM - (highest === 0 ? 0 : (rate / highest) * (HEIGHT - TOP - BOTTOM));
  const fromMs = Date.parse(throughput.from);
  const perMs = (right - LEFT) / (throughput.window_seconds * 1000);
  const at = (time: number) => LEFT + (time - fromMs) * perMs;
  const toPointer = (clientX: number) => {
    const left = box.current?.getBoundingClientRect().left ?? 0;
    const bucket = Math.round(((clientX - left - LEFT) / (right - LEFT)) * (buckets - 1));
    point(bucket >= 0 && bucket < buckets ? bucket : undefined);
  };
  return (
    <div class="throughput" ref={box}>
      {width === 0 ? null : (
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={`${unit} a second over time; the table below has the figures`}
          onPointerMove={({ clientX }) => toPointer(clientX)}
          onPointerLeave={() => point(undefined)}
        >
          <text class="axis" x={LEFT} y={11}>
            {pointed === undefined ? `${name}${unit} a second` : pointedText(throughput, layers, pointed)}
          </text>
          {steps.map((step) => (
            <g key={step}>
              <line class="grid" x1={LEFT} x2={right} y1={y(step)} y2={y(step)} />
              <text class="axis figure" x={LEFT - 8} y={y(step) + 4} text-anchor="end">
                {Number((step / factor).toPrecision(3))}
              </text>
            </g>
          ))}
          {timeTicks(fromMs, throughput.window_seconds, narrow ? 4 : 8).map(({ time, text }) => (
            <text key={time} class="axis figure" x={at(time)} y={HEIGHT - 6} text-anchor="middle">
              {at(time) < LEFT + 18 || at(time) > right - 14 ? '' : text}
            </text>
          ))}
          {layers.map((layer) => (
            <path key={layer.kind} class="layer" fill={kindColour(layer.kind)} d={area(layer, x, y)} />
          ))}
          <Events throughput={throughput} at={at} perMs={perMs} right={right} />
          {pointed === undefined ? null : (
            <line class="pointer" x1={x(pointed)} x2={x(pointed)} y1={TOP} y2={HEIGHT - BOTTOM} />
          )}
          {narrow ? null : <Labels layers={layers} now={ratesNow(now, work)} x={right + 10} y={y} />}
        </svg>
      )}
      {narrow ? <Legend layers={layers} now={ratesNow(now, work)} /> : null}
    </div>
  );
}

type Rates = ReadonlyMap<WorkerKind, number>;

function ratesNow(now: ClusterStatus['throughput'], work: Work): Rates {
  return new Map(linesOf(now, work).map(({ kind, rates }) => [kind, rates]));
}

function area({ bottom, top }: Layer, x: (i: number) => number, y: (rate: number) => number): string {
  const point = (rate: number, i: number) => `${x(i).toFixed(1)} ${y(rate).toFixed(1)}`;
  const back = bottom.map(point).reverse();
  return `M${top.map(point).join('L')}L${back.join('L')}Z`;
}

function pointedText({ from, bucket_seconds }: Throughput, layers: readonly Layer[], bucket: number): string {
  const time = new Date(Date.parse(from) + bucket * bucket_seconds * 1000);
  const figures = layers
    .toReversed()
    .map(({ kind, rates }) => `${shortRate(rates[bucket] ?? 0)} ${KIND_NAMES[kind]}`);
  return [time.toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'short' }), ...figures].join(' · ');
}

function Labels({
  layers,
  now,
  x,
  y,
}: {
  readonly layers: readonly Layer[];
  readonly now: Rates;
  readonly x: number;
  readonly y: (rate: number) => number;
}) {
  const ordered = layers.toReversed();
  const middles = ordered.map(({ bottom, top }) => (y(bottom.at(-1) ?? 0) + y(top.at(-1) ?? 0)) / 2);
  const places = spread(middles, LABEL_LINE, TOP + 6, HEIGHT - BOTTOM - 4);
  return (
    <>
      {ordered.map(({ kind }, i) => (
        <text key={kind} class="label" x={x} y={(places[i] ?? 0) + 5}>
          <tspan class="strong">{figureNow(now, kind)}</tspan> {KIND_NAMES[kind]}
        </text>
      ))}
    </>
  );
}

function Legend({ layers, now }: { readonly layers: readonly Layer[]; readonly now: Rates }) {
  return (
    <ul class="throughput-legend small">
      {layers.toReversed().map(({ kind }) => (
        <li key={kind}>
          <KindShape kind={kind} /> <strong>{figureNow(now, kind)}</strong> {KIND_NAMES[kind]}
        </li>
      ))}
    </ul>
  );
}

/** Over the last minute; 0 where nothing came. */
function figureNow(now: Rates, kind: WorkerKind): string {
  const rate = now.get(kind) ?? 0;
  return rate === 0 ? scaled(0).figure : shortRate(rate);
}

function Events({
  throughput,
  at,
  perMs,
  right,
}: {
  readonly throughput: Throughput;
  readonly at: (time: number) => number;
  readonly perMs: number;
  readonly right: number;
}) {
  const marks = eventMarks(throughput.events, EVENT_GAP / perMs);
  // The newest that have room for their words; all of them are in the table.
  let free = right;
  let said = 0;
  const texts = new Map<number, 'left' | 'right'>();
  for (const { at: time, text } of marks.toReversed()) {
    const wide = text.length * EVENT_LETTER + 8;
    const side = at(time) + wide <= free ? 'right' : 'left';
    if (said >= MAX_EVENT_TEXTS || at(time) > free || (side === 'left' && at(time) - wide < LEFT)) continue;
    texts.set(time, side);
    free = at(time) - (side === 'left' ? wide : 0) - 8;
    said += 1;
  }
  return (
    <>
      {marks.map(({ at: time, text }) => (
        <g key={time}>
          <line class="event" x1={at(time)} x2={at(time)} y1={TOP} y2={HEIGHT - BOTTOM}>
            <title>{text}</title>
          </line>
          {texts.has(time) ? (
            <text
              class="label event-text"
              x={at(time) + (texts.get(time) === 'left' ? -5 : 5)}
              y={TOP + 9}
              text-anchor={texts.get(time) === 'left' ? 'end' : 'start'}
            >
              {text}
            </text>
          ) : null}
        </g>
      ))}
    </>
  );
}
