/** Options of the coordinator, and of what starts one. */
import type { LogLevel } from '../../coordinator/log.ts';
import type { Option } from '../option.ts';
import { whole, oneOf, list, port, host, folder, origin } from './values.ts';

export const HOST: Option<string> = {
  flag: 'host',
  env: 'HOST',
  value: 'ADDRESS',
  help: 'address to listen on',
  shown: '127.0.0.1',
  fallback: '127.0.0.1',
  parse: host,
};
export const COORDINATOR_PORT: Option<number> = {
  flag: 'port',
  env: 'COORDINATOR_PORT',
  value: 'PORT',
  help: 'the coordinator’s port for pages, API and workers; 0 takes a free one',
  shown: '3000',
  fallback: 3000,
  parse: port,
};
export const METRICS_PORT: Option<number> = {
  flag: 'metrics-port',
  env: 'METRICS_PORT',
  value: 'PORT',
  help: 'the coordinator’s port for Prometheus; 0 takes a free one',
  shown: '9090',
  fallback: 9090,
  parse: port,
};
export const DATA_DIR: Option<string> = {
  flag: 'data-dir',
  env: 'DATA_DIR',
  value: 'FOLDER',
  help: 'where jobs and results are kept; made if missing',
  shown: './data',
  fallback: './data',
  parse: folder,
};
export const STORE_URL: Option<string | undefined> = {
  flag: 'store-url',
  env: 'STORE_URL',
  value: 'URL',
  help: 'a database instead of the embedded store (not available yet)',
  fallback: undefined,
  parse: (text) => text,
};
export const ALLOWED_ORIGINS: Option<readonly string[]> = {
  flag: 'allowed-origins',
  env: 'ALLOWED_ORIGINS',
  value: 'ORIGIN,…',
  help: 'other sites whose pages may use this coordinator',
  shown: 'none',
  fallback: [],
  parse: list(origin, 64),
};
export const CLUSTER_SIZE: Option<number | undefined> = {
  flag: 'cluster-size',
  env: 'CLUSTER_SIZE',
  value: 'N',
  help: 'how many workers are expected; shown in status',
  fallback: undefined,
  parse: whole(1, 1_000_000),
};
const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'fatal', 'silent'];
export const LOG_LEVEL: Option<LogLevel> = {
  flag: 'log-level',
  env: 'LOG_LEVEL',
  value: 'LEVEL',
  help: LOG_LEVELS.join(', '),
  shown: 'info',
  fallback: 'info',
  parse: oneOf(LOG_LEVELS),
};
export const NODE_TYPES = ['worker', 'coordinator'] as const;
export const NODE_TYPE: Option<(typeof NODE_TYPES)[number] | undefined> = {
  flag: 'node-type',
  env: 'NODE_TYPE',
  value: 'ROLE',
  help: 'worker or coordinator: what `threads` without a command starts (for containers)',
  fallback: undefined,
  parse: oneOf(NODE_TYPES),
};

export const SERVICE_OPTIONS: readonly Option<unknown>[] = [
  ...[HOST, COORDINATOR_PORT, METRICS_PORT, DATA_DIR, STORE_URL, ALLOWED_ORIGINS, CLUSTER_SIZE, LOG_LEVEL],
];
