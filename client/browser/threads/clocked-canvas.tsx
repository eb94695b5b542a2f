/** A canvas with time as its x-axis: what the clock has passed is full, the rest faint. */
import { useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { theme } from '../shell/theme.ts';
import { time } from './page-state.ts';
import type { Palette, Surface } from './paint.ts';
import { inSlices, offscreen, readPalette } from './paint.ts';

const FAINT = 0.17;

export interface ClockedCanvasProps {
  readonly surface: Surface;
  /** Pixels per tick. */
  readonly tick: number;
  /** From this time on all of it is shown. Ticks. */
  readonly end: number;
  /** What it shows: a new value is a new painting. */
  readonly subject: object;
  readonly backdrop?: (context: CanvasRenderingContext2D, palette: Palette) => void;
  readonly painting: (context: CanvasRenderingContext2D, palette: Palette) => Generator<void>;
}

interface Painted {
  readonly surface: Surface;
  readonly tick: number;
  readonly end: number;
  readonly back: HTMLCanvasElement | undefined;
  readonly front: HTMLCanvasElement;
}

export function ClockedCanvas(props: ClockedCanvasProps) {
  const { surface, tick, end, subject } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const painted = useRef<Painted | undefined>(undefined);
  const shownTheme = theme.value;

  const compose = () => {
    if (canvas.current !== null && painted.current !== undefined)
      show(canvas.current, painted.current, time.peek());
  };

  useEffect(() => {
    const target = canvas.current;
    if (target === null) return undefined;
    let wanted = true;
    const palette = readPalette(target);
    const front = offscreen(surface);
    const back = props.backdrop === undefined ? undefined : offscreen(surface);
    if (back !== undefined) props.backdrop?.(back.context, palette);
    void inSlices(props.painting(front.context, palette), () => wanted).then((complete) => {
      if (!complete) return;
      painted.current = { surface, tick, end, back: back?.canvas, front: front.canvas };
      compose();
    });
    return () => {
      wanted = false;
    };
  }, [surface.width, surface.height, surface.ratio, tick, end, subject, shownTheme]);

  useSignalEffect(() => {
    void time.value;
    compose();
  });

  return (
    <canvas
      ref={canvas}
      aria-hidden="true"
      style={{ width: `${surface.width}px`, height: `${surface.height}px` }}
    />
  );
}

function show(canvas: HTMLCanvasElement, { tick, end, surface, back, front }: Painted, now: number): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  if (canvas.width !== front.width || canvas.height !== front.height) {
    canvas.width = front.width;
    canvas.height = front.height;
  }
  context.clearRect(0, 0, front.width, front.height);
  if (back !== undefined) context.drawImage(back, 0, 0);
  if (now >= end) {
    context.drawImage(front, 0, 0);
    return;
  }
  context.globalAlpha = FAINT;
  context.drawImage(front, 0, 0);
  context.globalAlpha = 1;
  const passed = Math.round(now * tick * surface.ratio);
  // The faint copy must not shine through under the full one.
  if (passed < 1) return;
  context.clearRect(0, 0, passed, front.height);
  if (back !== undefined) context.drawImage(back, 0, 0, passed, front.height, 0, 0, passed, front.height);
  context.drawImage(front, 0, 0, passed, front.height, 0, 0, passed, front.height);
}
