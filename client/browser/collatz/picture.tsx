/**
 * A canvas picture: layers that are painted anew when their painter, the size or the theme changes, and, where there is
 * something to point at, a cursor for pointer and keyboard whose words are read out.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { theme } from '../shell/theme.ts';

/** In CSS pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The value of a colour token, without its dashes. */
export type Colours = (token: string) => string;
export type Paint = (context: CanvasRenderingContext2D, size: Size, colours: Colours) => void;

export interface Cursor {
  /** Where it is; undefined: nowhere yet. */
  readonly at: number | undefined;
  readonly count: number;
  readonly words: (at: number) => string;
  /** What lies at this point, in CSS pixels. */
  readonly locate: (x: number, y: number, size: Size) => number | undefined;
  /** Where a key leads; undefined: nowhere. */
  readonly move: (key: string, at: number) => number | undefined;
  readonly onChange: (at: number | undefined) => void;
}

export interface PictureProps {
  readonly class?: string;
  /** What it shows, in a sentence. */
  readonly label: string;
  readonly layers: readonly Paint[];
  readonly cursor?: Cursor;
  readonly children?: ComponentChildren;
}

export function Picture({ class: name = '', label, layers, cursor, children }: PictureProps) {
  const [box, size] = useSize();
  const pointed = cursor?.at;
  return (
    <div
      ref={box}
      class={`picture ${name}`}
      {...(cursor === undefined
        ? { role: 'img', 'aria-label': label }
        : {
            role: 'slider',
            tabIndex: 0,
            'aria-label': label,
            'aria-valuemin': 0,
            'aria-valuemax': Math.max(0, cursor.count - 1),
            'aria-valuenow': pointed ?? 0,
            'aria-valuetext': pointed === undefined ? 'arrow keys move along' : cursor.words(pointed),
            onPointerMove: (event: PointerEvent & { currentTarget: HTMLElement }) => {
              const { left, top } = event.currentTarget.getBoundingClientRect();
              cursor.onChange(cursor.locate(event.clientX - left, event.clientY - top, size));
            },
            onPointerLeave: () => cursor.onChange(undefined),
            onKeyDown: (event: KeyboardEvent) => {
              const to = cursor.move(event.key, pointed ?? 0);
              if (to === undefined) return;
              event.preventDefault();
              cursor.onChange(pointed === undefined ? 0 : Math.max(0, Math.min(cursor.count - 1, to)));
            },
          })}
    >
      {size.width > 0 ? layers.map((paint, i) => <Layer key={i} paint={paint} size={size} />) : null}
      {children}
    </div>
  );
}

/** The size of the element that gets the reference. */
export function useSize() {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const measure = () => {
      const width = element.clientWidth;
      const height = element.clientHeight;
      setSize((was) => (was.width === width && was.height === height ? was : { width, height }));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  return [box, size] as const;
}

function Layer({ paint, size }: { readonly paint: Paint; readonly size: Size }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const fonts = useFonts();
  // Read here, so that another theme paints anew.
  const colours = theme.value;
  useEffect(() => {
    if (canvas.current === null) return undefined;
    const element = canvas.current;
    const frame = requestAnimationFrame(() => {
      const context = prepare(element, size);
      if (context !== undefined) paint(context, size, coloursOf(element));
    });
    return () => cancelAnimationFrame(frame);
  }, [paint, size, colours, fonts]);
  return <canvas ref={canvas} aria-hidden="true" />;
}

/** Whether the page's own fonts are there: canvases don't notice by themselves. */
export function useFonts(): boolean {
  const [loaded, setLoaded] = useState(document.fonts.status === 'loaded');
  useEffect(() => {
    void document.fonts.ready.then(() => setLoaded(true));
  }, []);
  return loaded;
}

/** An empty canvas of this size, in CSS pixels from here on. */
export function prepare(canvas: HTMLCanvasElement, size: Size): CanvasRenderingContext2D | undefined {
  const context = canvas.getContext('2d');
  if (context === null) return undefined;
  canvas.width = Math.round(size.width * devicePixelRatio);
  canvas.height = Math.round(size.height * devicePixelRatio);
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  return context;
}

export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  return (token) => style.getPropertyValue(`--${token}`);
}
