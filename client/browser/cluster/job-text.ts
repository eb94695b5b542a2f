/** A job in words. All text of strangers stays text: these are strings, never markup. */
import type { JobState, JobStatus } from '../../../protocol/http.ts';
import { duration } from '../format/duration.ts';
import { grouped, scaled } from '../format/figures.ts';
import { numberName } from './number-name.ts';

export const STATE_WORDS: Readonly<Record<JobState, string>> = {
  pending: 'waiting',
  running: 'running',
  paused: 'paused',
  completed: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** What it computes: `Collatz 1 to 10¹²`. */
export function jobTitle({ type, parameters, progress, unit }: JobStatus): string {
  if (type === 'collatz') return `Collatz ${named(parameters['start'])} to ${named(parameters['end'])}`;
  if (type === 'thread')
    return `Threads, ${named(progress.total)} roots, depth ${String(parameters['max_depth'])}`;
  return `${type}, ${named(progress.total)} ${unit}`;
}

/** What tells it from others that compute the same: `verify`, `seed 42`. */
export function jobVariant({ type, parameters }: JobStatus): string {
  if (type === 'collatz') return String(parameters['mode'] ?? '');
  return type === 'thread' ? `seed ${String(parameters['seed'])}` : '';
}

function named(value: string | number | undefined): string {
  return value === undefined ? '?' : numberName(BigInt(value));
}

/** `62.6 %`; nothing is finished before it is, nor untouched once it has begun. */
export function donePercent(fraction: number): string {
  if (fraction <= 0) return '0\u202f%';
  if (fraction >= 1) return '100\u202f%';
  if (fraction < 0.001) return '< 0.1\u202f%';
  return `${(Math.floor(fraction * 1000) / 10).toFixed(1)}\u202f%`;
}

const THOUSAND = 10_000;
const SHORT_SCALES: Readonly<Record<string, string>> = { '': '', million: 'M', billion: 'G', trillion: 'T' };

/** `2.85 G/s`; empty where it is not known. */
export function shortRate(perSecond: number | null): string {
  if (perSecond === null) return '';
  if (perSecond >= THOUSAND && perSecond < 999_500) return `${scaled(perSecond / 1000).figure}\u00a0k/s`;
  const { figure, scale } = scaled(perSecond);
  return `${figure} ${SHORT_SCALES[scale] ?? ''}/s`.replace(' /s', '/s').replace(' ', '\u00a0');
}

/** When it will be done, why it is not, or how long it took. Empty where nothing is known. */
export function jobWhen(job: JobStatus): string {
  const { status, progress, queue_position, waiting_for, started_at, finished_at, error } = job;
  switch (status) {
    case 'running':
      if (waiting_for !== null) return `waits for ${waiting_for}`;
      return progress.eta_seconds === null ? '' : `${duration(progress.eta_seconds)} left`;
    case 'pending':
      if (waiting_for !== null) return `waits for ${waiting_for}`;
      return queue_position === null ? '' : `${grouped(queue_position + 1)} in line`;
    case 'completed':
      if (started_at === null || finished_at === null) return '';
      return `in ${exactDuration((Date.parse(finished_at) - Date.parse(started_at)) / 1000)}`;
    case 'failed':
      return error === null ? '' : error.message;
    case 'paused':
    case 'cancelled':
      return '';
  }
}

function exactDuration(seconds: number): string {
  return seconds < 10 ? `${seconds.toFixed(1)}\u00a0s` : duration(seconds);
}

/** How long ago, `now` below two seconds. @param ago_ms may be negative by the clocks' difference */
export function ago(ago_ms: number): string {
  return ago_ms < 2000 ? 'now' : duration(ago_ms / 1000);
}
