/** Options of the coordinator, and of what starts one. */
import { DEFAULT_RATES } from '../../coordinator/access/limits.ts';
import { DEFAULT_CONNECTIONS_PER_ADDRESS } from '../../coordinator/access/limits.ts';
import type { Rates } from '../../coordinator/access/limits.ts';
import { DEFAULT_JOB_RULES } from '../../coordinator/jobs/job-rules.ts';
import type { LogLevel } from '../../coordinator/log.ts';
import { MAX_WAITING_JOBS as ALL_WAITING_JOBS } from '../../protocol/http.ts';
import { DEFAULT_POLICY, OPEN_POLICIES, SUBMIT_POLICIES } from '../../protocol/access.ts';
import type { AccessPolicy } from '../../protocol/access.ts';
import type { Option } from '../option.ts';
import { whole, oneOf, list, port, host, folder, file, origin, network, peer, publicUrl } from './values.ts';

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
  help: 'where jobs and results are kept (with STORE_URL the keys of the operator alone); made if missing',
  shown: './data',
  fallback: './data',
  parse: folder,
};
export const STORE_URL: Option<string | undefined> = {
  flag: 'store-url',
  env: 'STORE_URL',
  value: 'URL',
  help: 'the PostgreSQL database that several coordinators share, postgres://user:password@host/database',
  shown: 'the embedded store, in DATA_DIR',
  fallback: undefined,
  parse: (text) => text,
};
export const STORE_URL_FILE: Option<string | undefined> = {
  flag: 'store-url-file',
  env: 'STORE_URL_FILE',
  value: 'FILE',
  help: 'a file with that address as its only line, so that no environment shows the password',
  fallback: undefined,
  parse: file,
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
export const PUBLIC_URL: Option<string | undefined> = {
  flag: 'public-url',
  env: 'PUBLIC_URL',
  value: 'URL',
  help: 'where others reach the pages, such as https://cluster.example.org: previews on other sites name it',
  fallback: undefined,
  parse: publicUrl,
};
export const READ_ACCESS: Option<AccessPolicy['read']> = {
  flag: 'read-access',
  env: 'READ_ACCESS',
  value: 'WHO',
  help: 'beyond loopback, reading is open, or by key',
  shown: DEFAULT_POLICY.read,
  fallback: DEFAULT_POLICY.read,
  parse: oneOf(OPEN_POLICIES),
};
export const VOLUNTEER_ACCESS: Option<AccessPolicy['volunteer']> = {
  flag: 'volunteer-access',
  env: 'VOLUNTEER_ACCESS',
  value: 'WHO',
  help: 'beyond loopback, computing for this cluster is open, or by key',
  shown: DEFAULT_POLICY.volunteer,
  fallback: DEFAULT_POLICY.volunteer,
  parse: oneOf(OPEN_POLICIES),
};
export const SUBMIT_ACCESS: Option<AccessPolicy['submit']> = {
  flag: 'submit-access',
  env: 'SUBMIT_ACCESS',
  value: 'WHO',
  help: 'beyond loopback, submitting is by key, local (without one from this machine alone), or open',
  shown: DEFAULT_POLICY.submit,
  fallback: DEFAULT_POLICY.submit,
  parse: oneOf(SUBMIT_POLICIES),
};
export const TRUST_PROXY: Option<readonly string[]> = {
  flag: 'trust-proxy',
  env: 'TRUST_PROXY',
  value: 'NETWORK,…',
  help: 'proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8',
  shown: 'none',
  fallback: [],
  parse: list(network, 64),
};
export const LOCAL_PEERS: Option<readonly string[]> = {
  flag: 'local-peers',
  env: 'LOCAL_PEERS',
  value: 'NETWORK,…',
  help: 'addresses that count as this machine for SUBMIT_ACCESS=local; gateway: the default route’s (in a container)',
  shown: 'none',
  fallback: [],
  parse: list(peer, 64),
};
export const WORKER_KEY_FILE: Option<string | undefined> = {
  flag: 'worker-key-file',
  env: 'WORKER_KEY_FILE',
  value: 'FILE',
  help: 'where the key of the operator’s own workers is kept: made if missing, taken in if it was made elsewhere',
  shown: 'worker.key in DATA_DIR',
  fallback: undefined,
  parse: file,
};
export const CONNECTIONS_PER_ADDRESS: Option<number> = {
  flag: 'connections-per-address',
  env: 'CONNECTIONS_PER_ADDRESS',
  value: 'N',
  help: 'most open connections of one address beyond loopback; 0: without limit',
  shown: String(DEFAULT_CONNECTIONS_PER_ADDRESS),
  fallback: DEFAULT_CONNECTIONS_PER_ADDRESS,
  parse: whole(0, 1_000_000),
};
const perSecond = (what: keyof Rates, name: string): Option<number | undefined> => ({
  flag: `rate-${what}`,
  env: `RATE_${what.toUpperCase()}`,
  value: 'N',
  help: `${name} in a second, by key or else by address; ten times as many at once; 0: without limit`,
  shown: `${DEFAULT_RATES[what]}, without limit for loopback without a key`,
  fallback: undefined,
  parse: whole(0, 1_000_000),
});
export const RATE_REQUESTS = perSecond('requests', 'HTTP requests');
export const RATE_SUBMITS = perSecond('submits', 'jobs submitted');
export const RATE_CONNECTS = perSecond('connects', 'workers connecting');
export const RATE_MESSAGES = perSecond('messages', 'messages of workers');
export const CLUSTER_SIZE: Option<number | undefined> = {
  flag: 'cluster-size',
  env: 'CLUSTER_SIZE',
  value: 'N',
  help: 'how many workers are expected; shown in status',
  fallback: undefined,
  parse: whole(1, 1_000_000),
};
export const CLUSTER_SIZE_FILE: Option<string | undefined> = {
  flag: 'cluster-size-file',
  env: 'CLUSTER_SIZE_FILE',
  value: 'FILE',
  help: 'a file with that number, read anew each time, so that scaling needs no restart; goes before CLUSTER_SIZE',
  fallback: undefined,
  parse: file,
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

export const MAX_WAITING_JOBS: Option<number> = {
  flag: 'max-waiting-jobs',
  env: 'MAX_WAITING_JOBS',
  value: 'N',
  help: 'most waiting jobs of one submitter, or of all callers without a key together',
  shown: String(DEFAULT_JOB_RULES.maxWaitingJobs),
  fallback: DEFAULT_JOB_RULES.maxWaitingJobs,
  parse: whole(1, ALL_WAITING_JOBS),
};
export const MAX_WAITING_JOBS_ADMIN: Option<number> = {
  flag: 'max-waiting-jobs-admin',
  env: 'MAX_WAITING_JOBS_ADMIN',
  value: 'N',
  help: 'most waiting jobs of one admin; without keys that is everybody on this machine',
  shown: String(DEFAULT_JOB_RULES.maxWaitingJobsAdmin),
  fallback: DEFAULT_JOB_RULES.maxWaitingJobsAdmin,
  parse: whole(1, ALL_WAITING_JOBS),
};
export const JOB_TIMEOUT_MULTIPLIER: Option<number> = {
  flag: 'job-timeout-multiplier',
  env: 'JOB_TIMEOUT_MULTIPLIER',
  value: 'N',
  help: 'a job with expected_seconds fails once it ran so many times that long',
  shown: String(DEFAULT_JOB_RULES.timeoutMultiplier),
  fallback: DEFAULT_JOB_RULES.timeoutMultiplier,
  parse: whole(1, 1_000_000),
};
export const RETENTION_DAYS: Option<number | undefined> = {
  flag: 'retention-days',
  env: 'RETENTION_DAYS',
  value: 'DAYS',
  help: 'jobs that are over for so long are forgotten, with their results',
  shown: 'kept for ever',
  fallback: undefined,
  parse: whole(1, 36_500),
};

export const SERVICE_OPTIONS: readonly Option<unknown>[] = [
  ...[
    HOST,
    COORDINATOR_PORT,
    METRICS_PORT,
    DATA_DIR,
    STORE_URL,
    STORE_URL_FILE,
    ALLOWED_ORIGINS,
    PUBLIC_URL,
    CLUSTER_SIZE,
    CLUSTER_SIZE_FILE,
    LOG_LEVEL,
  ],
  ...[
    READ_ACCESS,
    VOLUNTEER_ACCESS,
    SUBMIT_ACCESS,
    LOCAL_PEERS,
    TRUST_PROXY,
    WORKER_KEY_FILE,
    CONNECTIONS_PER_ADDRESS,
  ],
  ...[RATE_REQUESTS, RATE_SUBMITS, RATE_CONNECTS, RATE_MESSAGES],
  ...[MAX_WAITING_JOBS, MAX_WAITING_JOBS_ADMIN, JOB_TIMEOUT_MULTIPLIER, RETENTION_DAYS],
];
