/** Signals that change often, shown at a pace that people can read. */
import type { ReadonlySignal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';

/** How often figures change at most, in milliseconds. */
export const FIGURES_MS = 500;
/** How often pictures change at most, in milliseconds. */
export const PICTURES_MS = 250;
const REDUCED_MOTION_MS = 5000;

/**
 * The signal's value, at most once in `everyMs`, every five seconds for those who asked for less motion, and never
 * while the page is hidden.
 */
export function useSampled<T>(source: ReadonlySignal<T>, everyMs: number): T {
  const [value, setValue] = useState<T>(() => source.peek());
  useEffect(() => {
    const still = matchMedia('(prefers-reduced-motion: reduce)');
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = -Infinity;
    const show = () => {
      clearTimeout(timer);
      timer = undefined;
      if (document.hidden) return;
      last = performance.now();
      setValue(() => source.peek());
    };
    const changed = () => {
      if (timer !== undefined || document.hidden) return;
      const period = still.matches ? REDUCED_MOTION_MS : everyMs;
      timer = setTimeout(show, Math.max(0, last + period - performance.now()));
    };
    const unsubscribe = source.subscribe(changed);
    document.addEventListener('visibilitychange', show);
    return () => {
      unsubscribe();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', show);
    };
  }, [source, everyMs]);
  return value;
}
