/** Node's clock and timers. `close` clears what is left, so that a worker that has ended keeps no process alive. */
import type { Runtime } from '../runtime.ts';

export interface NodeRuntime extends Runtime {
  close(): void;
}

export function nodeRuntime(): NodeRuntime {
  const timers = new Set<NodeJS.Timeout>();
  return {
    now: () => performance.now(),
    random: () => Math.random(),
    setTimer(ms, fire) {
      const timer = setTimeout(() => {
        timers.delete(timer);
        fire();
      }, ms);
      timers.add(timer);
      return () => {
        timers.delete(timer);
        clearTimeout(timer);
      };
    },
    close() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}
