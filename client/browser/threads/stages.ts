/** A page that is put together in pieces, a task for each: what is seen first is painted before the rest is built. */
import { useEffect, useState } from 'preact/hooks';

/** @returns 0 at the first painting, then one more after each painting, up to `last` */
export function useStages(last: number): number {
  const [stage, setStage] = useState(0);
  // Effects run after the browser has painted.
  useEffect(() => {
    if (stage < last) setStage(stage + 1);
  }, [stage, last]);
  return stage;
}
