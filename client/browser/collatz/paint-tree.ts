/** The merged paths: drawn from 1 outwards in slices, so that the page stays smooth, and n's own path above. */
import { grouped } from '../format/figures.ts';
import { STRONG, dot, paintLabel } from './canvas-text.ts';
import type { InverseTree, Pen } from './inverse-tree.ts';
import { pathPoints } from './inverse-tree.ts';
import { shortNumber } from './number-text.ts';
import type { Colours, Paint, Size } from './picture.tsx';
import type { Sliced } from './slices.ts';
import type { Trajectory } from './trajectory.ts';

const TOKENS = 11;
/** Shades between two tokens, so that no edges show where there are none. */
const SHADES = 4;
const COLOUR_COUNT = (TOKENS - 1) * SHADES + 1;
/** Depth by which the last colour is reached; few paths are longer. */
const COLOURED_DEPTH = 220;
/** Widths, by how many paths share a segment. */
const WIDTHS = [
  { from: 300, width: 2.6, alpha: 0.95 },
  { from: 40, width: 1.7, alpha: 0.85 },
  { from: 6, width: 1.1, alpha: 0.7 },
  { from: 0, width: 0.7, alpha: 0.5 },
] as const;
const SEGMENTS_AT_ONCE = 250;
/** Steps of n's own path: beyond, it only curls. */
const LONGEST_DRAWN = 600;

export interface View {
  readonly x: (pen: { readonly x: number }) => number;
  readonly y: (pen: { readonly y: number }) => number;
}

/** Where the tree lies in a picture of this size: as large as fits. */
export function viewOf(tree: InverseTree, size: Size): View {
  let [left, right, low, high] = [0, 0, 0, 0];
  for (let i = 0; i < tree.values.length; i++) {
    left = Math.min(left, tree.x[i] ?? 0);
    right = Math.max(right, tree.x[i] ?? 0);
    low = Math.min(low, tree.y[i] ?? 0);
    high = Math.max(high, tree.y[i] ?? 0);
  }
  const margin = 14;
  const scale = Math.min(
    (size.width - 2 * margin) / Math.max(1, right - left),
    (size.height - 2 * margin) / Math.max(1, high - low),
  );
  const offsetX = (size.width - (right - left) * scale) / 2 - left * scale;
  const offsetY = (size.height + (high - low) * scale) / 2 + low * scale;
  return { x: (pen) => offsetX + pen.x * scale, y: (pen) => offsetY - pen.y * scale };
}

/** Paints the tree; yields after each part of it. */
export function* paintTree(
  context: CanvasRenderingContext2D,
  tree: InverseTree,
  size: Size,
  colours: Colours,
): Sliced<undefined> {
  const view = viewOf(tree, size);
  const groups = new Map<number, number[]>();
  for (let i = 1; i < tree.values.length; i++) {
    const depth = tree.depths[i] ?? 0;
    const colour = Math.min(COLOUR_COUNT - 1, Math.floor((depth / COLOURED_DEPTH) * COLOUR_COUNT));
    const width = WIDTHS.findIndex(({ from }) => (tree.weights[i] ?? 0) >= from);
    // Rare ones first, so that the trunk lies above its twigs.
    const key = colour * WIDTHS.length + (WIDTHS.length - 1 - width);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [i]);
    else group.push(i);
    if (i % 4096 === 0) yield i;
  }
  context.lineCap = 'butt';
  for (const [key, segments] of [...groups].toSorted(([a], [b]) => a - b)) {
    const style = WIDTHS[WIDTHS.length - 1 - (key % WIDTHS.length)] ?? WIDTHS[0];
    context.strokeStyle = shade(colours, Math.floor(key / WIDTHS.length));
    context.lineWidth = style.width;
    context.globalAlpha = style.alpha;
    for (let from = 0; from < segments.length; from += SEGMENTS_AT_ONCE) {
      context.beginPath();
      for (const i of segments.slice(from, from + SEGMENTS_AT_ONCE)) {
        const parent = tree.parents[i] ?? 0;
        context.moveTo(view.x({ x: tree.x[parent] ?? 0 }), view.y({ y: tree.y[parent] ?? 0 }));
        context.lineTo(view.x({ x: tree.x[i] ?? 0 }), view.y({ y: tree.y[i] ?? 0 }));
      }
      context.stroke();
      yield from;
    }
  }
  context.globalAlpha = 1;
  return undefined;
}

/** A colour between two depth tokens, which are written as #rrggbb. */
function shade(colours: Colours, index: number): string {
  const at = Math.floor(index / SHADES);
  const share = (index % SHADES) / SHADES;
  const channels = (token: number) => {
    const text = colours(`d${Math.min(TOKENS - 1, token)}`).trim();
    return [1, 3, 5].map((from) => Number.parseInt(text.slice(from, from + 2), 16));
  };
  const above = channels(at + 1);
  const mixed = channels(at).map((channel, i) => Math.round(channel * (1 - share) + (above[i] ?? 0) * share));
  return `rgb(${mixed.join(' ')})`;
}

/** n's path, with a halo; one that leaves the picture ends at its edge. */
export function paintOwnPath(tree: InverseTree, path: Trajectory): Paint {
  return (context, size, colours) => {
    const view = viewOf(tree, size);
    const inside = (pen: Pen) =>
      view.x(pen) >= 0 && view.x(pen) <= size.width && view.y(pen) >= 0 && view.y(pen) <= size.height;
    const points = pathPoints(path.odd, LONGEST_DRAWN);
    const out = points.findIndex((pen) => !inside(pen));
    const seen = out === -1 ? points : points.slice(0, out + 1);
    context.lineJoin = 'round';
    context.lineCap = 'round';
    context.beginPath();
    for (const pen of seen) context.lineTo(view.x(pen), view.y(pen));
    context.lineWidth = 6;
    context.strokeStyle = colours('bg');
    context.stroke();
    context.lineWidth = 2;
    context.strokeStyle = colours('ink');
    context.stroke();
    const [first] = points;
    const last = seen.at(-1);
    if (first === undefined || last === undefined) return;
    context.fillStyle = colours('ink');
    context.font = STRONG;
    context.textBaseline = 'middle';
    const within = { left: 4, right: size.width - 4 };
    dot(context, view.x(first), view.y(first), 4.5);
    paintLabel(context, '1', { x: view.x(first) + 10, y: view.y(first) + 2, align: 'left' }, colours, within);
    if (path.steps === 0) return;
    const n = path.start < 10n ** 12n ? shortNumber(path.start) : 'n';
    const beyond = path.steps + 1 - seen.length;
    const text = beyond === 0 ? n : `${n}: ${grouped(beyond)} steps on`;
    const x = Math.max(0, Math.min(size.width, view.x(last)));
    const y = Math.max(10, Math.min(size.height - 10, view.y(last)));
    if (beyond === 0) dot(context, x, y, 4.5);
    const align = x > size.width * 0.75 ? 'right' : 'left';
    paintLabel(context, text, { x: align === 'left' ? x + 10 : x - 10, y, align }, colours, within);
  };
}
