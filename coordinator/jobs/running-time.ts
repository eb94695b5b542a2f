/** How long a job ran: the clock of expected_seconds. */
import type { JobProgress } from '../store/store.ts';

/** Milliseconds until `nowMs`, without the time in which it was paused or waited for its first batch. */
export function ranMs({ ranMs: before, runningSince }: JobProgress, nowMs: number): number {
  // A clock that was set back must not take away what is counted.
  return before + (runningSince === null ? 0 : Math.max(nowMs - runningSince, 0));
}
