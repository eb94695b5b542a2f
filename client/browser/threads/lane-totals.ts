/** What each processor of a run did. */
import type { Run } from './simulation.ts';

export interface LaneTotal {
  readonly threads: number;
  /** Ticks. */
  readonly busy: number;
}

/** By processor, from 0. */
export function laneTotals(run: Run): readonly LaneTotal[] {
  const threads = new Array<number>(run.lanes).fill(0);
  const busy = new Array<number>(run.lanes).fill(0);
  run.processor.forEach((lane, thread) => {
    threads[lane] = (threads[lane] ?? 0) + 1;
    busy[lane] = (busy[lane] ?? 0) + (run.end[thread] ?? 0) - (run.begin[thread] ?? 0);
  });
  return threads.map((count, lane) => ({ threads: count, busy: busy[lane] ?? 0 }));
}
