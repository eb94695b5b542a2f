/** Draws the tree and the schedule once per size, theme and run; the clock only shows more or less of it. */
import type { LaneLayout, TreeLayout } from './layout.ts';
import { depthColour, joinOf, rowMiddle } from './layout.ts';
import type { Program, Run } from './simulation.ts';

/** Marks between two looks at the time: a slice is far shorter than a frame. */
const SLICE_MARKS = 1000;
const SLICE_MS = 8;

export interface Palette {
  readonly depths: readonly string[];
  readonly ink: string;
  readonly lane: string;
  readonly background: string;
}

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const token = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    depths: Array.from({ length: 11 }, (_, depth) => token(`d${depth}`)),
    ink: token('ink'),
    lane: token('sunk'),
    background: token('bg'),
  };
}

export interface Surface {
  /** CSS pixels. */
  readonly width: number;
  readonly height: number;
  /** Device pixels per CSS pixel. */
  readonly ratio: number;
}

/** A picture that is not on the page yet. */
export function offscreen({ width, height, ratio }: Surface): {
  readonly canvas: HTMLCanvasElement;
  readonly context: CanvasRenderingContext2D;
} {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser draws no canvas');
  context.scale(ratio, ratio);
  return { canvas, context };
}

/** Runs a painting in slices, so that input is never late; it ends early when no longer wanted. */
export async function inSlices(painting: Generator<void>, wanted: () => boolean): Promise<boolean> {
  for (;;) {
    const until = performance.now() + SLICE_MS;
    while (performance.now() < until) if (painting.next().done === true) return wanted();
    await new Promise((resolve) => setTimeout(resolve));
    if (!wanted()) return false;
  }
}

/** @param tick pixels per tick */
export function* paintTree(
  context: CanvasRenderingContext2D,
  program: Program,
  layout: TreeLayout,
  tick: number,
  palette: Palette,
): Generator<void> {
  const deepest = program.byDepth.length - 1;
  const colour = (number: number) =>
    palette.depths[depthColour(program.depth[number] ?? 0, deepest)] ?? palette.ink;
  const bar = (from: number, to: number, middle: number, thick: number) =>
    context.fillRect(from, middle - thick / 2, Math.max(to - from, 0.75), thick);

  for (let number = program.threads - 1; number >= 0; number--) {
    if (number % SLICE_MARKS === 0) yield;
    const join = joinOf(program, layout, number);
    if (join === undefined) continue;
    // Faint: waiting is no work. The bracket closes where all children have ended.
    context.globalAlpha = 0.3;
    context.fillStyle = colour(number);
    const x = join.time * tick + join.shift;
    const ended = ((program.start[number] ?? 0) + (program.ticks[number] ?? 0)) * tick;
    bar(ended, x, join.top, 1);
    context.fillRect(x - 0.5, join.top, 1, join.bottom - join.top);
  }
  context.globalAlpha = 0.55;
  for (let number = 1; number < program.threads; number++) {
    if (number % SLICE_MARKS === 0) yield;
    const parent = program.parent[number] ?? 0;
    const top = rowMiddle(layout, parent);
    context.fillStyle = colour(number);
    context.fillRect((program.start[number] ?? 0) * tick - 0.5, top, 1, rowMiddle(layout, number) - top);
  }
  context.globalAlpha = 1;
  for (let number = 0; number < program.threads; number++) {
    if (number % SLICE_MARKS === 0) yield;
    const start = program.start[number] ?? 0;
    context.fillStyle = colour(number);
    bar(
      start * tick,
      (start + (program.ticks[number] ?? 0)) * tick,
      rowMiddle(layout, number),
      layout.thickness,
    );
  }
  paintChain(context, program, layout, tick, palette);
}

/** The longest chain: each thread of it up to the fork of the next, and a dot at the end. */
function paintChain(
  context: CanvasRenderingContext2D,
  program: Program,
  layout: TreeLayout,
  tick: number,
  palette: Palette,
): void {
  const width = Math.max(1.75, Math.min(3, layout.thickness));
  context.strokeStyle = palette.ink;
  context.fillStyle = palette.ink;
  context.lineWidth = width;
  context.lineJoin = 'miter';
  context.beginPath();
  context.moveTo(0, rowMiddle(layout, 0));
  for (const number of program.chain.subarray(1)) {
    const x = (program.start[number] ?? 0) * tick;
    context.lineTo(x, rowMiddle(layout, program.parent[number] ?? 0));
    context.lineTo(x, rowMiddle(layout, number));
  }
  const y = rowMiddle(layout, program.chain.at(-1) ?? 0);
  context.lineTo(program.span * tick, y);
  context.stroke();
  context.beginPath();
  context.arc(program.span * tick, y, 3.5, 0, 2 * Math.PI);
  context.fill();
}

/** The lanes behind the threads: what shows through is idle time. */
export function paintLanes(
  context: CanvasRenderingContext2D,
  lanes: number,
  layout: LaneLayout,
  width: number,
  palette: Palette,
): void {
  context.fillStyle = palette.lane;
  if (layout.gap === 0) {
    context.fillRect(0, 0, width, layout.height);
    return;
  }
  for (let lane = 0; lane < lanes; lane++) {
    context.fillRect(0, lane * layout.laneHeight, width, layout.laneHeight - layout.gap);
  }
}

export function* paintSchedule(
  context: CanvasRenderingContext2D,
  { program, run }: { readonly program: Program; readonly run: Run },
  layout: LaneLayout,
  tick: number,
  palette: Palette,
): Generator<void> {
  const deepest = program.byDepth.length - 1;
  const height = layout.laneHeight - layout.gap;
  const critical = new Set(program.chain);
  const box = (number: number, inset: number) => {
    const from = (run.begin[number] ?? 0) * tick + inset;
    const to = (run.end[number] ?? 0) * tick - inset;
    // A seam between neighbours, where there is room for one.
    const width = to - from > 4 ? to - from - 1 : Math.max(to - from, 0.5);
    const top = (run.processor[number] ?? 0) * layout.laneHeight + inset;
    const radius = Math.min(2.5, width / 3, height / 3);
    context.beginPath();
    if (radius < 1) context.rect(from, top, width, height - 2 * inset);
    else context.roundRect(from, top, width, height - 2 * inset, radius);
  };
  for (let number = 0; number < program.threads; number++) {
    if (number % SLICE_MARKS === 0) yield;
    context.fillStyle = palette.depths[depthColour(program.depth[number] ?? 0, deepest)] ?? palette.ink;
    box(number, 0);
    context.fill();
  }
  context.strokeStyle = palette.ink;
  const line = height >= 5 ? 1.75 : 1;
  context.lineWidth = line;
  for (const number of critical) {
    box(number, line / 2);
    context.stroke();
  }
}
