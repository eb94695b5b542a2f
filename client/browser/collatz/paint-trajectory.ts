/** A path on a log scale. Odd steps are thicker and have a ring where they start, even ones are thin. */
import { grouped } from '../format/figures.ts';
import type { Plot } from './canvas-text.ts';
import { SMALL, STRONG, dot, paintAxes, paintLabel, plotOf } from './canvas-text.ts';
import { shortNumber, superscript } from './number-text.ts';
import type { Colours, Paint, Size } from './picture.tsx';
import { decadeTicks, envelope, linearTicks } from './scales.ts';
import type { Trajectory } from './trajectory.ts';

/** Pixels per step from which steps can be told apart, and from which there is room for rings. */
const STEPS_APART = 0.75;
const RINGS_APART = 3.2;

interface Geometry extends Plot {
  readonly perStep: number;
  readonly x: (step: number) => number;
  readonly y: (height: number) => number;
  readonly decades: readonly number[];
}

function geometry(size: Size, path: Trajectory): Geometry {
  const plot = plotOf(size, 60);
  const decades = decadeTicks(path.heights[path.peakStep] ?? 1, Math.max(3, Math.floor(size.height / 48)));
  const top = decades.at(-1) ?? 1;
  const perStep = (plot.right - plot.left) / Math.max(1, path.steps);
  return {
    ...plot,
    perStep,
    decades,
    x: (step) => plot.left + step * perStep,
    y: (height) => plot.bottom - (height / top) * (plot.bottom - plot.top),
  };
}

/** Which step lies at this x. */
export function stepAt(size: Size, path: Trajectory, x: number): number | undefined {
  const { left, right, perStep } = geometry(size, path);
  if (x < left - 8 || x > right + 8) return undefined;
  return Math.max(0, Math.min(path.steps, Math.round((x - left) / perStep)));
}

export function paintTrajectory(path: Trajectory, neighbours: readonly Trajectory[]): Paint {
  return (context, size, colours) => {
    const plot = geometry(size, path);
    paintAxes(context, plot, colours, {
      across: plot.decades.map((decade) => ({
        at: plot.y(decade),
        label: decadeLabel(decade, plot.decades.at(-1) ?? 0),
      })),
      along: linearTicks(path.steps, Math.max(2, Math.floor(size.width / 110))).map((step) => ({
        at: plot.x(step),
        label: grouped(step),
      })),
      unit: path.steps === 1 ? 'step' : 'steps',
    });
    context.save();
    context.beginPath();
    context.rect(plot.left - 5, 0, plot.right - plot.left + 10, plot.bottom + 6);
    context.clip();
    paintNeighbours(context, plot, colours, neighbours);
    if (plot.perStep < STEPS_APART) paintEnvelope(context, plot, colours, path);
    else paintSteps(context, plot, colours, path);
    context.restore();
    paintEnds(context, plot, colours, path);
  };
}

/** Powers from where the longest label would be too long, down to those that are plain in any case. */
function decadeLabel(decade: number, highest: number): string {
  return decade < (highest < 6 ? 6 : 4) ? grouped(10 ** decade) : `10${superscript(decade)}`;
}

function paintNeighbours(
  context: CanvasRenderingContext2D,
  plot: Geometry,
  colours: Colours,
  neighbours: readonly Trajectory[],
): void {
  context.strokeStyle = colours('line2');
  context.globalAlpha = 0.75;
  context.lineWidth = 1;
  for (const { heights } of neighbours) {
    const last = Math.min(heights.length - 1, Math.ceil((plot.right - plot.left) / plot.perStep));
    const stride = Math.max(1, Math.floor(0.5 / plot.perStep));
    context.beginPath();
    for (let step = 0; step <= last; step += stride) context.lineTo(plot.x(step), plot.y(heights[step] ?? 0));
    context.stroke();
  }
  context.globalAlpha = 1;
}

function paintSteps(
  context: CanvasRenderingContext2D,
  plot: Geometry,
  colours: Colours,
  path: Trajectory,
): void {
  const { heights, odd, steps } = path;
  const y = (step: number) => plot.y(heights[step] ?? 0);
  context.beginPath();
  context.moveTo(plot.x(0), plot.bottom);
  for (let step = 0; step <= steps; step++) context.lineTo(plot.x(step), y(step));
  context.lineTo(plot.x(steps), plot.bottom);
  context.globalAlpha = 0.08;
  context.fillStyle = colours('info');
  context.fill();
  context.globalAlpha = 1;
  context.lineJoin = 'round';
  context.lineCap = 'round';
  for (const parity of [0, 1]) {
    context.beginPath();
    for (let step = 0; step < steps; step++) {
      if (odd[step] !== parity) continue;
      context.moveTo(plot.x(step), y(step));
      context.lineTo(plot.x(step + 1), y(step + 1));
    }
    context.strokeStyle = colours(parity === 1 ? 'c2' : 'c0');
    context.lineWidth = parity === 1 ? 2.25 : 1.5;
    context.stroke();
  }
  if (plot.perStep < RINGS_APART) return;
  context.fillStyle = colours('bg');
  context.lineWidth = 1.5;
  for (let step = 0; step < steps; step++) {
    if (odd[step] !== 1) continue;
    context.beginPath();
    context.arc(plot.x(step), y(step), Math.min(2.5, plot.perStep / 2), 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

/** More steps than pixels: between the lowest and the highest of each column. */
function paintEnvelope(
  context: CanvasRenderingContext2D,
  plot: Geometry,
  colours: Colours,
  path: Trajectory,
): void {
  const shape = envelope(path.heights, Math.round(plot.right - plot.left));
  context.beginPath();
  shape.forEach(({ high }, i) => context.lineTo(plot.left + i, plot.y(high) - 0.75));
  shape
    .toReversed()
    .forEach(({ low }, i) => context.lineTo(plot.left + shape.length - 1 - i, plot.y(low) + 0.75));
  context.fillStyle = colours('c0');
  context.fill();
  context.lineTo(plot.left, plot.bottom);
  context.beginPath();
  context.moveTo(plot.left, plot.bottom);
  shape.forEach(({ low }, i) => context.lineTo(plot.left + i, plot.y(low)));
  context.lineTo(plot.right, plot.bottom);
  context.globalAlpha = 0.08;
  context.fill();
  context.globalAlpha = 1;
}

function paintEnds(
  context: CanvasRenderingContext2D,
  plot: Geometry,
  colours: Colours,
  path: Trajectory,
): void {
  const { heights, steps, peakStep } = path;
  const point = (step: number) => [plot.x(step), plot.y(heights[step] ?? 0)] as const;
  context.fillStyle = colours('ink');
  dot(context, ...point(0), 4.5);
  dot(context, ...point(steps), 4.5);
  const within = { left: plot.left, right: plot.right + 8 };
  context.textBaseline = 'alphabetic';
  const [startX, startY] = point(0);
  const n = path.start < 10n ** 12n ? shortNumber(path.start) : 'n';
  context.font = STRONG;
  if (peakStep > 0) {
    const [x, y] = point(peakStep);
    dot(context, x, y, 4.5);
    const text = `${shortNumber(path.peak)} at step ${grouped(peakStep)}`;
    paintLabel(context, text, { x: x - 9, y: y - 8, align: 'right' }, colours, within);
    // Below, where the path seldom is: the first step of most n goes up.
    const labelY = Math.min(plot.bottom - 6, startY + 20);
    paintLabel(context, n, { x: startX + 9, y: labelY, align: 'left' }, colours, within);
  } else paintLabel(context, n, { x: startX + 9, y: startY - 8, align: 'left' }, colours, within);
  context.font = SMALL;
}

/** The step that is pointed at. */
export function paintStep(path: Trajectory, step: number | undefined): Paint {
  return (context, size, colours) => {
    if (step === undefined) return;
    const plot = geometry(size, path);
    const x = plot.x(step);
    context.strokeStyle = colours('ink3');
    context.lineWidth = 1;
    context.setLineDash([2, 3]);
    context.beginPath();
    context.moveTo(x, plot.top);
    context.lineTo(x, plot.bottom);
    context.stroke();
    context.fillStyle = colours('ink');
    dot(context, x, plot.y(path.heights[step] ?? 0), 4);
  };
}
