/** Forks and ends of a run in the order of time; at one instant, ends come before forks. */
import { countUpTo } from './clock.ts';

export interface Log {
  /** Ticks, ascending. */
  readonly times: Float64Array;
  /** Twice the thread's number; one more: it was forked, else it ended. */
  readonly codes: Int32Array;
}

export interface LogEntry {
  readonly time: number;
  readonly thread: number;
  readonly kind: 'forked' | 'ended';
}

/** @param ready when each thread was forked @param end when it ended; both by number, the root first */
export function makeLog(ready: Float64Array, end: Float64Array): Log {
  const length = 2 * ready.length;
  const timeOf = (code: number) => (code % 2 === 1 ? ready : end)[code >> 1] ?? 0;
  const codes = Int32Array.from({ length }, (_, code) => code)
    // The root is forked by nobody.
    .filter((code) => code !== 1)
    .sort((a, b) => timeOf(a) - timeOf(b) || (a % 2) - (b % 2) || a - b);
  return { codes, times: Float64Array.from(codes, timeOf) };
}

export function logEntry(log: Log, index: number): LogEntry | undefined {
  const code = log.codes[index];
  const time = log.times[index];
  if (code === undefined || time === undefined) return undefined;
  return { time, thread: code >> 1, kind: code % 2 === 1 ? 'forked' : 'ended' };
}

/** How many entries there are up to a time, that instant included. */
export function entriesUpTo(log: Log, time: number): number {
  return countUpTo(log.times, time);
}
