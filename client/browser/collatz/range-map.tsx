/** What of a job is done, being computed, waiting: a cell for every block of its range. */
import { useMemo, useState } from 'preact/hooks';
import { grouped } from '../format/figures.ts';
import { ownNodeId } from '../lend/lend-state.ts';
import { MAP_COLOURS, blockWords, rangeMap } from './coverage-cells.ts';
import type { RangeMap } from './coverage-cells.ts';
import { coverage, job } from './job-state.ts';
import { readJobRange } from './job-result.ts';
import { shortNumber } from './number-text.ts';
import { cellByKey, cellUnder, paintCell, paintMap } from './paint-map.ts';
import { Picture } from './picture.tsx';

export function RangeMapSection() {
  const [at, setAt] = useState<number | undefined>(undefined);
  const covered = coverage.value;
  const own = ownNodeId.value;
  const map = useMemo(() => (covered === undefined ? undefined : rangeMap(covered, own)), [covered, own]);
  const layer = useMemo(() => (map === undefined ? undefined : paintMap(map)), [map]);
  const pointed = at !== undefined && map !== undefined && at < map.done.length ? at : undefined;
  const mark = useMemo(() => (map === undefined ? undefined : paintCell(map, pointed)), [map, pointed]);
  const status = job.value;
  const mode = (status === undefined ? undefined : readJobRange(status)?.mode) ?? 'statistics';
  return (
    <section class="map-section" aria-labelledby="map-title">
      <div class="section-head">
        <h2 id="map-title">Range map</h2>
        <p class="tiny">{map === undefined ? '' : cellSize(map)}</p>
      </div>
      {map === undefined || layer === undefined || mark === undefined ? (
        <div class="map-picture loading" />
      ) : (
        <Picture
          class="map-picture"
          label={`Range map: ${mapWords(map)}`}
          layers={[layer, mark]}
          cursor={{
            at: pointed,
            count: map.done.length,
            words: (index) => blockWords(map, index, mode),
            locate: (x, y, size) => cellUnder(map, x, y, size),
            move: (key, from) => cellByKey(map, key, from),
            onChange: setAt,
          }}
        />
      )}
      <p class="tiny map-readout" aria-hidden="true">
        {map === undefined || pointed === undefined ? '\u00a0' : blockWords(map, pointed, mode)}
      </p>
      {map === undefined ? null : <Legend map={map} mode={mode} />}
    </section>
  );
}

function cellSize(map: RangeMap): string {
  return map.blockLength === 1n
    ? 'a cell is one number'
    : `a cell is ${shortNumber(map.blockLength)} numbers`;
}

/** The map in a sentence. */
function mapWords(map: RangeMap): string {
  const whole = map.done.filter((done) => done >= 1).length;
  const held = map.holders.filter((holder) => holder !== 'nobody').length;
  const yours = map.holders.filter((holder) => holder === 'you').length;
  const own = yours === 0 ? '' : `, ${grouped(yours)} of them yours`;
  return `of ${grouped(map.done.length)} blocks ${grouped(whole)} are done, ${grouped(held)} are being computed${own}`;
}

function Legend({ map, mode }: { readonly map: RangeMap; readonly mode: 'statistics' | 'verify' }) {
  const { low, high } = map.scale;
  const figure = (value: number) =>
    mode === 'statistics' ? value.toFixed(0) : `${(value * 100).toFixed(2)}\u202f%`;
  const known = map.means.some((mean) => mean !== null);
  return (
    <ul class="legend map-legend">
      {known ? (
        <li>
          <span>{figure(low)}</span>
          <span class="ramp" aria-hidden="true">
            {Array.from({ length: MAP_COLOURS }, (_, i) => (
              <i key={i} style={{ background: `var(--s${i})` }} />
            ))}
          </span>
          <span>
            {figure(high)} {mode === 'statistics' ? 'mean steps' : 'walked'}
          </span>
        </li>
      ) : null}
      <li>
        <i class="swatch leased" aria-hidden="true" /> leased
      </li>
      <li>
        <i class="swatch yours" aria-hidden="true" /> yours
      </li>
      <li>
        <i class="swatch" aria-hidden="true" /> waiting
      </li>
    </ul>
  );
}
