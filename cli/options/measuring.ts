/** Options of what measures. */
import type { Option } from '../option.ts';
import { whole, oneOf, coordinatorUrl, switched } from './values.ts';

export const CONNECTIONS: Option<number> = {
  flag: 'connections',
  value: 'N',
  help: 'workers that the load generator plays',
  shown: '500',
  fallback: 500,
  parse: whole(1, 20_000),
};
export const SECONDS: Option<number> = {
  flag: 'seconds',
  value: 'N',
  help: 'how long to measure',
  shown: '10',
  fallback: 10,
  parse: whole(1, 600),
};

export const LOAD_MODES = ['round-trips', 'idle', 'waiting-jobs', 'one-worker', 'all'] as const;
export const LOAD_MODE: Option<(typeof LOAD_MODES)[number]> = {
  flag: 'mode',
  value: 'MODE',
  help: LOAD_MODES.join(', '),
  shown: 'round-trips',
  fallback: 'round-trips',
  parse: oneOf(LOAD_MODES),
};
export const LOAD_BATCHES = ['verify', 'thread', 'statistics'] as const;
export const BATCHES: Option<(typeof LOAD_BATCHES)[number]> = {
  flag: 'batches',
  value: 'KIND',
  help: 'what the results of round trips hold: verify (0.1 KB), thread (0.4 KB), statistics (3 KB)',
  shown: 'verify',
  fallback: 'verify',
  parse: oneOf(LOAD_BATCHES),
};
export const WAITING_JOBS: Option<number> = {
  flag: 'jobs',
  value: 'N',
  help: 'jobs that wait while leases are timed',
  shown: '10000',
  fallback: 10_000,
  parse: whole(1, 50_000),
};
export const TARGET_URL: Option<string | undefined> = {
  flag: 'url',
  value: 'URL',
  help: 'a running coordinator on a loopback address; it keeps the jobs that are submitted to it',
  shown: 'one of its own',
  fallback: undefined,
  parse: coordinatorUrl,
};
export const MARKDOWN: Option<boolean> = {
  flag: 'markdown',
  help: 'as Markdown, for docs/measurements.md',
  fallback: false,
  parse: switched,
};
