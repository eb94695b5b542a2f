/** Text and axes on canvases, in the page's own fonts. */
import type { Colours, Size } from './picture.tsx';

export const SMALL = '12px "Atkinson Hyperlegible Next", system-ui, sans-serif';
export const STRONG = '640 13px "Atkinson Hyperlegible Next", system-ui, sans-serif';
export const MONO = '12px "Atkinson Hyperlegible Mono", ui-monospace, monospace';

/** Where the data lie, in CSS pixels. */
export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export function plotOf(size: Size, left: number): Plot {
  return { left, right: size.width - 10, top: 26, bottom: size.height - 26 };
}

export interface Tick {
  readonly at: number;
  readonly label: string;
}

/** Horizontal lines with labels at their left, labels below for the other axis; the last of them gets the unit. */
export function paintAxes(
  context: CanvasRenderingContext2D,
  plot: Plot,
  colours: Colours,
  {
    across,
    along,
    unit,
  }: { readonly across: readonly Tick[]; readonly along: readonly Tick[]; readonly unit: string },
): void {
  context.font = MONO;
  context.fillStyle = colours('ink3');
  context.strokeStyle = colours('line');
  context.lineWidth = 1;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  for (const { at, label } of across) {
    const y = Math.round(at) + 0.5;
    context.beginPath();
    context.moveTo(plot.left, y);
    context.lineTo(plot.right, y);
    context.stroke();
    context.fillText(label, plot.left - 8, y);
  }
  context.textBaseline = 'top';
  along.forEach(({ at, label }, i) => {
    const text = i === along.length - 1 ? `${label} ${unit}` : label;
    const half = context.measureText(label).width / 2;
    const fits = at - half + context.measureText(text).width < plot.right + 10;
    context.textAlign = fits ? 'left' : 'right';
    context.fillText(text, fits ? at - half : plot.right + 8, plot.bottom + 9);
  });
}

/** A label that stays inside the plot and can be read on lines. */
export function paintLabel(
  context: CanvasRenderingContext2D,
  text: string,
  place: { readonly x: number; readonly y: number; readonly align: CanvasTextAlign },
  colours: Colours,
  within: { readonly left: number; readonly right: number },
): void {
  const { width } = context.measureText(text);
  const start =
    place.align === 'center' ? place.x - width / 2 : place.align === 'right' ? place.x - width : place.x;
  const x = Math.max(within.left, Math.min(within.right - width, start));
  context.textAlign = 'left';
  context.lineJoin = 'round';
  context.lineWidth = 4;
  context.strokeStyle = colours('bg');
  context.strokeText(text, x, place.y);
  context.fillText(text, x, place.y);
}

export function dot(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}
