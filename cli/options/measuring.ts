/** Options of what measures. */
import type { Option } from '../option.ts';
import { SCENARIOS, STORMS } from '../load/scenario-names.ts';
import { whole, oneOf, list, coordinatorUrl, metricsUrl, switched } from './values.ts';

export const LOAD_WORKERS: Option<number | undefined> = {
  flag: 'workers',
  value: 'N',
  help: 'workers that are simulated',
  shown: 'idle, storm 1000; paced, flood 500; churn 200',
  fallback: undefined,
  parse: whole(1, 20_000),
};
export const LOAD_IDLE: Option<number> = {
  flag: 'idle',
  value: 'N',
  help: 'beside them, workers that no job wants',
  shown: '0',
  fallback: 0,
  parse: whole(0, 20_000),
};
export const LOAD_RATE: Option<number | undefined> = {
  flag: 'rate',
  value: 'N',
  help: 'round trips per second of all together: paced, churn, storm',
  shown: 'paced 1000; churn, storm one for five workers',
  fallback: undefined,
  parse: whole(1, 50_000),
};
export const LOAD_STORM: Option<(typeof STORMS)[number]> = {
  flag: 'storm',
  value: 'HOW',
  help: 'restart, kill: what becomes of the coordinator; cut: connections alone break',
  shown: 'restart; with --url, cut',
  fallback: 'restart',
  parse: oneOf(STORMS),
};
export const LOAD_SEED: Option<string | undefined> = {
  flag: 'seed',
  value: 'TEXT',
  help: 'of all that is random; the report names it',
  shown: 'a new one',
  fallback: undefined,
  parse: (text) => {
    if (!/^[A-Za-z0-9]{1,16}$/.test(text)) throw new Error('1 to 16 letters and digits');
    return text;
  },
};
export const LOAD_PROCESSES: Option<number> = {
  flag: 'processes',
  value: 'N',
  help: 'that play the workers',
  shown: '1',
  fallback: 1,
  parse: whole(1, 16),
};
export const SECONDS: Option<number> = {
  flag: 'seconds',
  value: 'N',
  help: 'how long to measure',
  shown: '10',
  fallback: 10,
  parse: whole(1, 600),
};

export const LOAD_SCENARIOS = [...SCENARIOS, 'waiting-jobs', 'one-worker', 'all'] as const;
export const LOAD_SCENARIO: Option<(typeof LOAD_SCENARIOS)[number]> = {
  flag: 'scenario',
  value: 'NAME',
  help: LOAD_SCENARIOS.join(', '),
  shown: 'flood',
  fallback: 'flood',
  parse: oneOf(LOAD_SCENARIOS),
};
export const LOAD_BATCHES = ['verify', 'thread', 'statistics'] as const;
export const BATCHES: Option<(typeof LOAD_BATCHES)[number]> = {
  flag: 'batches',
  value: 'KIND',
  help: 'what the results hold: verify (0.1 KB), thread (0.4 KB), statistics (3 KB)',
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
export const LOAD_FINISHED: Option<number> = {
  flag: 'finished-jobs',
  value: 'N',
  help: 'that its own coordinator’s store holds before',
  shown: '0',
  fallback: 0,
  parse: whole(0, 1_000_000),
};
export const LOAD_STORE: Option<string | undefined> = {
  flag: 'load-store',
  env: 'LOAD_STORE_URL',
  value: 'URL',
  help: 'a PostgreSQL database where its own coordinator gets a schema, which goes at the end',
  shown: 'the embedded store',
  fallback: undefined,
  parse: (text) => text,
};
export const TARGET_URLS: Option<readonly string[]> = {
  flag: 'url',
  value: 'URL,…',
  help: 'running coordinators on loopback addresses; they keep the jobs that are submitted to them',
  shown: 'one of its own',
  fallback: [],
  parse: list(coordinatorUrl, 64),
};
export const TARGET_METRICS: Option<readonly string[]> = {
  flag: 'metrics',
  value: 'URL,…',
  help: 'where these tell of themselves, such as http://127.0.0.1:9090/metrics',
  shown: 'none: what they cost is not told',
  fallback: [],
  parse: list(metricsUrl, 64),
};
export const BEYOND_LOOPBACK: Option<boolean> = {
  flag: 'beyond-loopback',
  help: '--url may name other machines: they are mine, and to be loaded so',
  fallback: false,
  parse: switched,
};
export const MARKDOWN: Option<boolean> = {
  flag: 'markdown',
  help: 'as Markdown, for docs/measurements.md',
  fallback: false,
  parse: switched,
};
