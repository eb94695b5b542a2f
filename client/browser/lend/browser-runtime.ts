/** A page's clock and timers. */
import type { Runtime } from '../../runtime.ts';

export const browserRuntime: Runtime = {
  now: () => performance.now(),
  random: () => Math.random(),
  setTimer(ms, fire) {
    const timer = setTimeout(fire, ms);
    return () => clearTimeout(timer);
  },
};
