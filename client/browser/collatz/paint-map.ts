/** The range map: every block of a job is a cell. Colours tell the figure, marks tell the state. */
import { indexAt } from './hilbert.ts';
import type { RangeMap } from './coverage-cells.ts';
import type { Paint, Size } from './picture.tsx';

/** The square in which the cells lie, in CSS pixels. */
function square(size: Size, side: number): { readonly cell: number; readonly edge: number } {
  const edge = Math.min(size.width, size.height);
  return { cell: edge / side, edge };
}

export function paintMap(map: RangeMap): Paint {
  return (context, size, colours) => {
    const { cell } = square(size, map.side);
    const tokens = Array.from({ length: 9 }, (_, i) => colours(`s${i}`));
    // On device pixels, so that no seams shine through.
    const edge = (at: number) => Math.round(at * cell * devicePixelRatio) / devicePixelRatio;
    map.places.forEach((place, i) => {
      const x = edge(place.x);
      const y = edge(place.y);
      const width = edge(place.x + 1) - x;
      const height = edge(place.y + 1) - y;
      const done = map.done[i] ?? 0;
      const mean = map.means[i] ?? null;
      context.fillStyle = colours('sunk');
      context.fillRect(x, y, width, height);
      if (map.holders[i] === 'you') {
        context.fillStyle = colours('accent');
        context.fillRect(x, y, width, height);
      } else if (map.holders[i] === 'somebody') {
        const mark = Math.max(1.5, width * 0.45);
        context.fillStyle = colours('line2');
        context.fillRect(x + (width - mark) / 2, y + (height - mark) / 2, mark, mark);
      }
      if (done > 0 && mean !== null) {
        // A block that is done in part is filled from below, the least part still seen.
        const tall = done >= 1 ? height : Math.max(1, height * done);
        context.fillStyle = tokens[map.scale.index(mean)] ?? '';
        context.fillRect(x, y + height - tall, width, tall);
      }
    });
  };
}

export function paintCell(map: RangeMap, index: number | undefined): Paint {
  return (context, size, colours) => {
    const place = index === undefined ? undefined : map.places[index];
    if (place === undefined) return;
    const { cell } = square(size, map.side);
    const pad = Math.max(3, 5 - cell / 4);
    const box = [place.x * cell - pad, place.y * cell - pad, cell + 2 * pad, cell + 2 * pad] as const;
    context.lineWidth = 4;
    context.strokeStyle = colours('bg');
    context.strokeRect(...box);
    context.lineWidth = 2;
    context.strokeStyle = colours('ink');
    context.strokeRect(...box);
  };
}

/** The block at this point. */
export function cellUnder(map: RangeMap, x: number, y: number, size: Size): number | undefined {
  const { cell, edge } = square(size, map.side);
  if (x < 0 || y < 0 || x >= edge || y >= edge) return undefined;
  const index = indexAt({ x: Math.floor(x / cell), y: Math.floor(y / cell) }, map.side);
  return index < map.done.length ? index : undefined;
}

const ARROWS: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['ArrowLeft', [-1, 0]],
  ['ArrowRight', [1, 0]],
  ['ArrowUp', [0, -1]],
  ['ArrowDown', [0, 1]],
]);

/** Arrows go to the next cell on the map; page keys and Home and End go along the range. */
export function cellByKey(map: RangeMap, key: string, from: number): number | undefined {
  const last = map.done.length - 1;
  const along = { Home: 0, End: last, PageUp: from - map.side, PageDown: from + map.side };
  if (key === 'Home' || key === 'End' || key === 'PageUp' || key === 'PageDown') return along[key];
  const arrow = ARROWS.get(key);
  const place = map.places[from];
  if (arrow === undefined || place === undefined) return undefined;
  const x = place.x + arrow[0];
  const y = place.y + arrow[1];
  if (x < 0 || y < 0 || x >= map.side || y >= map.side) return from;
  const index = indexAt({ x, y }, map.side);
  return index <= last ? index : from;
}
