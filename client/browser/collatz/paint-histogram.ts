/** How many numbers need how many steps. */
import { grouped } from '../format/figures.ts';
import type { Plot } from './canvas-text.ts';
import { SMALL, STRONG, dot, paintAxes, paintLabel, plotOf } from './canvas-text.ts';
import type { StatisticsResult } from './job-result.ts';
import { ratioText, shortNumber } from './number-text.ts';
import type { Colours, Paint, Size } from './picture.tsx';
import { linearTicks } from './scales.ts';

export interface Distribution {
  readonly result: StatisticsResult;
  readonly counts: readonly number[];
  /** Of an earlier job, scaled to the same number of numbers. */
  readonly outline: readonly number[];
  readonly outlineName: string;
}

export function distribution(
  result: StatisticsResult,
  earlier: { readonly result: StatisticsResult; readonly name: string } | undefined,
): Distribution {
  const scale = earlier === undefined ? 0 : Number(result.count) / Number(earlier.result.count);
  return {
    result,
    counts: result.histogram.map(Number),
    outline: earlier === undefined ? [] : earlier.result.histogram.map((count) => Number(count) * scale),
    outlineName: earlier?.name ?? '',
  };
}

interface Geometry extends Plot {
  /** Delays that share one bar. */
  readonly bin: number;
  readonly longest: number;
  readonly most: number;
  readonly x: (delay: number) => number;
  readonly y: (count: number) => number;
}

function geometry(size: Size, { counts, outline }: Distribution): Geometry {
  const plot = plotOf(size, 68);
  const longest = Math.max(1, counts.length, outline.length);
  const bin = Math.max(1, Math.ceil(longest / (plot.right - plot.left)));
  const most = Math.max(1, ...binned(counts, bin), ...binned(outline, bin));
  return {
    ...plot,
    bin,
    longest,
    most,
    x: (delay) => plot.left + (delay / longest) * (plot.right - plot.left),
    y: (count) => plot.bottom - (count / most) * (plot.bottom - plot.top - 14),
  };
}

function binned(counts: readonly number[], bin: number): number[] {
  if (bin === 1) return [...counts];
  return Array.from({ length: Math.ceil(counts.length / bin) }, (_, i) =>
    counts.slice(i * bin, (i + 1) * bin).reduce((sum, count) => sum + count, 0),
  );
}

export function paintHistogram(data: Distribution): Paint {
  return (context, size, colours) => {
    const plot = geometry(size, data);
    paintAxes(context, plot, colours, {
      across: linearTicks(plot.most, 4).map((count) => ({ at: plot.y(count), label: countLabel(count) })),
      along: linearTicks(plot.longest, Math.max(2, Math.floor(size.width / 110))).map((delay) => ({
        at: plot.x(delay),
        label: grouped(delay),
      })),
      unit: 'steps',
    });
    paintBars(context, plot, colours, data.counts);
    paintOutline(context, plot, colours, data.outline);
    paintMarks(context, plot, colours, data);
  };
}

function countLabel(count: number): string {
  if (count < 1e6) return grouped(count);
  const exponent = Math.floor(Math.log10(count) / 3) * 3;
  const names = new Map([
    [6, ' M'],
    [9, ' G'],
    [12, ' T'],
    [15, ' P'],
  ]);
  const name = names.get(exponent);
  return name === undefined
    ? count.toExponential(0)
    : `${Number((count / 10 ** exponent).toPrecision(3))}${name}`;
}

function paintBars(
  context: CanvasRenderingContext2D,
  plot: Geometry,
  colours: Colours,
  counts: readonly number[],
): void {
  const width = Math.max(0.75, plot.x(plot.bin) - plot.x(0));
  const gap = width > 3 ? 1 : 0;
  binned(counts, plot.bin).forEach((count, i) => {
    if (count === 0) return;
    const share = (i * plot.bin) / plot.longest;
    context.fillStyle = colours(`s${Math.min(8, 4 + Math.floor(share * 8))}`);
    const y = Math.min(plot.y(count), plot.bottom - 1);
    context.fillRect(plot.x(i * plot.bin), y, width - gap, plot.bottom - y);
  });
}

function paintOutline(
  context: CanvasRenderingContext2D,
  plot: Geometry,
  colours: Colours,
  outline: readonly number[],
): void {
  if (outline.length === 0) return;
  // Parity makes neighbours jump: the outline is their mean over a few.
  const smooth = Math.max(1, Math.round((4 * plot.longest) / (plot.right - plot.left) / plot.bin)) * 2 + 1;
  const bins = binned(outline, plot.bin);
  context.strokeStyle = colours('ink3');
  context.lineWidth = 1;
  context.beginPath();
  bins.forEach((_, i) => {
    const from = Math.max(0, i - (smooth >> 1));
    const near = bins.slice(from, i + (smooth >> 1) + 1);
    const mean = near.reduce((sum, count) => sum + count, 0) / near.length;
    context.lineTo(plot.x((i + 0.5) * plot.bin), plot.y(mean));
  });
  context.stroke();
}

function paintMarks(
  context: CanvasRenderingContext2D,
  plot: Geometry,
  colours: Colours,
  data: Distribution,
): void {
  const { result } = data;
  const within = { left: plot.left, right: plot.right + 8 };
  const mean = Number(result.delaySum) / Number(result.count);
  const x = Math.round(plot.x(mean + 0.5)) + 0.5;
  context.strokeStyle = colours('ink');
  context.setLineDash([1, 3]);
  context.beginPath();
  context.moveTo(x, 4);
  context.lineTo(x, plot.bottom);
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = colours('ink');
  context.textBaseline = 'alphabetic';
  context.font = STRONG;
  const text = `mean ${ratioText(result.delaySum, result.count, 1)}`;
  paintLabel(context, text, { x: x + 8, y: 14, align: 'left' }, colours, within);
  if (result.maxDelay === undefined) return;
  const longest = Number(result.maxDelay.value);
  const maxX = plot.x(longest + 0.5);
  dot(context, maxX, plot.bottom - 4, 4);
  paintLabel(
    context,
    `${grouped(longest)} steps`,
    { x: maxX + 6, y: plot.bottom - 28, align: 'right' },
    colours,
    within,
  );
  context.font = SMALL;
  context.fillStyle = colours('ink2');
  const n = `n = ${shortNumber(result.maxDelay.n)}`;
  paintLabel(context, n, { x: maxX + 6, y: plot.bottom - 13, align: 'right' }, colours, within);
}

export function delayAt(size: Size, data: Distribution, x: number): number | undefined {
  const { left, right, longest } = geometry(size, data);
  if (x < left || x > right) return undefined;
  return Math.min(longest - 1, Math.floor(((x - left) / (right - left)) * longest));
}

export function paintDelay(data: Distribution, delay: number | undefined): Paint {
  return (context, size, colours) => {
    if (delay === undefined) return;
    const plot = geometry(size, data);
    context.strokeStyle = colours('ink3');
    context.beginPath();
    const x = plot.x(delay + 0.5);
    context.moveTo(x, plot.top);
    context.lineTo(x, plot.bottom);
    context.stroke();
  };
}
