/** How much faster P processors are: what no schedule beats, and what every greedy one reaches. */
import { useRef } from 'preact/hooks';
import { grouped } from '../format/figures.ts';
import { useElementSize } from './element-size.ts';
import { short } from './figures.tsx';
import type { JobFigures, SpeedUp } from './job-figures.ts';
import { speedUps } from './job-figures.ts';
import { processors } from './page-state.ts';

const LEFT = 34;
const RIGHT = 62;
const TOP = 14;
const BOTTOM = 24;
const PLOT = 128;

export function SpeedUpChart({ figures }: { readonly figures: JobFigures }) {
  const box = useRef<HTMLDivElement>(null);
  const { width } = useElementSize(box);
  const points = speedUps(figures);
  return (
    <section class="speed-up" aria-labelledby="speed-up-title">
      <h2 id="speed-up-title">
        Speed-up <span class="small">over 1 processor, each program alone</span>
      </h2>
      <div ref={box}>
        {width === 0 || points.length === 0 ? null : <Chart points={points} width={width} />}
      </div>
      <details>
        <summary>As a table</summary>
        <table>
          <thead>
            <tr>
              <th class="number">Processors</th>
              <th class="number">At least</th>
              <th class="number">At most</th>
            </tr>
          </thead>
          <tbody>
            {points.map(({ processors: count, atLeast, atMost }) => (
              <tr key={count}>
                <td class="number">{grouped(count)}</td>
                <td class="number">{short(atLeast)}×</td>
                <td class="number">{short(atMost)}×</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </section>
  );
}

function Chart({ points, width }: { readonly points: readonly SpeedUp[]; readonly width: number }) {
  const best = points.at(-1);
  if (best === undefined) return null;
  const top = Math.max(2, Math.ceil(Math.log2(best.atMost)) + 1);
  const last = Math.log2(best.processors);
  const plot = width - LEFT - RIGHT;
  const x = (count: number) => LEFT + (Math.log2(count) / last) * plot;
  const y = (speed: number) => TOP + PLOT - (Math.log2(speed) / top) * PLOT;
  const line = (of: (point: SpeedUp) => number, some: readonly SpeedUp[]) =>
    some.map((point) => `${x(point.processors).toFixed(1)},${y(of(point)).toFixed(1)}`).join(' ');
  const atMost = ({ atMost: value }: SpeedUp) => value;
  const atLeast = ({ atLeast: value }: SpeedUp) => value;
  const here = points.find(({ processors: count }) => count === processors.value && count > 1);
  const rows = Array.from({ length: top + 1 }, (_, index) => 2 ** index).filter(
    (_, index) => top <= 6 || index % 2 === 0,
  );
  const columns = points.filter((_, index) => plot > 400 || index % 2 === 0);
  const diagonal = Math.min(2 ** top, best.processors);
  const labelled = points[Math.min(5, points.length - 1)] ?? best;
  return (
    <svg
      class="band"
      width={width}
      height={TOP + PLOT + BOTTOM}
      role="img"
      aria-label={
        `On ${grouped(best.processors)} processors at least ${short(best.atLeast)} and at most ` +
        `${short(best.atMost)} times as fast as on one`
      }
    >
      {rows.map((row) => (
        <g key={row}>
          <line class="grid" x1={LEFT} x2={LEFT + plot} y1={y(row)} y2={y(row)} />
          <text x={LEFT - 8} y={y(row) + 4} text-anchor="end">
            {grouped(row)}
          </text>
        </g>
      ))}
      {columns.map(({ processors: count }) => (
        <text key={count} x={x(count)} y={TOP + PLOT + 18} text-anchor="middle">
          {count}
        </text>
      ))}
      <line class="perfect" x1={x(1)} y1={y(1)} x2={x(diagonal)} y2={y(diagonal)} />
      <text x={x(diagonal) - 10} y={TOP - 2} text-anchor="end" class="words">
        perfect
      </text>
      <polygon class="area" points={`${line(atMost, points)} ${line(atLeast, points.toReversed())}`} />
      <polyline class="upper" points={line(atMost, points)} />
      <polyline class="lower" points={line(atLeast, points)} />
      <text class="words" x={x(labelled.processors) - 10} y={y(labelled.atLeast) + 26}>
        at least, any greedy schedule
      </text>
      <text class="words strong" x={LEFT + plot + 8} y={y(best.atMost) - 4}>
        at most
      </text>
      <text class="words strong" x={LEFT + plot + 8} y={y(best.atMost) + 13}>
        {short(best.atMost)}
      </text>
      {here === undefined ? null : (
        <g class="here">
          <line x1={x(here.processors)} x2={x(here.processors)} y1={y(here.atMost)} y2={y(here.atLeast)} />
          <circle cx={x(here.processors)} cy={y(here.atMost)} r={3.5} />
          <circle cx={x(here.processors)} cy={y(here.atLeast)} r={3.5} />
        </g>
      )}
    </svg>
  );
}
