/** The size of an element and the density of the screen, as they change. */
import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

export interface ElementSize {
  /** CSS pixels; 0 until it is known. */
  readonly width: number;
  /** Device pixels per CSS pixel. */
  readonly ratio: number;
}

export function useElementSize(element: RefObject<HTMLElement | null>): ElementSize {
  const [size, setSize] = useState<ElementSize>({ width: 0, ratio: 1 });
  useLayoutEffect(() => {
    const target = element.current;
    if (target === null) return undefined;
    const measure = () => {
      const width = target.clientWidth;
      setSize((old) =>
        old.width === width && old.ratio === devicePixelRatio ? old : { width, ratio: devicePixelRatio },
      );
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(target);
    // Another screen may have another density at the same width.
    const density = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    density.addEventListener('change', measure);
    return () => {
      observer.disconnect();
      density.removeEventListener('change', measure);
    };
  }, [element]);
  return size;
}

/** Whether a media query holds, as it changes. */
export function useMedia(query: string): boolean {
  const [holds, setHolds] = useState(() => matchMedia(query).matches);
  useLayoutEffect(() => {
    const media = matchMedia(query);
    const update = () => setHolds(media.matches);
    update();
    media.addEventListener('change', update);
    return () => media.removeEventListener('change', update);
  }, [query]);
  return holds;
}
