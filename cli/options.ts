/**
 * Every option of the project, declared once: environment variable, flag, help, default, and what is expected
 * when a value is not usable. Nothing else reads the environment.
 */
import { availableParallelism } from 'node:os';
import type { LogLevel } from '../coordinator/log.ts';
import { PRIORITIES, jobState, type JobState, type Priority } from '../protocol/http.ts';
import { nodeId, tag } from '../protocol/messages.ts';
import { parseNumber } from './number.ts';
import type { Environment, Option } from './option.ts';

export const environment: Environment = process.env;

/** How the user called this program, so that hints can be copied. */
export function selfName(variables: Environment): string {
  return variables['npm_lifecycle_event'] === undefined ? 'threads' : 'npm run -s threads --';
}

/** Throws what is expected, unless `ok`. */
function expect(ok: boolean, expected: string): void {
  if (!ok) throw new Error(expected);
}

function whole(min: number, max: number): (text: string) => number {
  const expected = `a whole number from ${min} to ${max}`;
  return (text) => {
    const value = /^-\d+$/.test(text) ? Number(text) : Number(parsed(text, expected));
    expect(value >= min && value <= max, expected);
    return value;
  };
}

function parsed(text: string, expected: string): bigint {
  try {
    return parseNumber(text);
  } catch {
    throw new Error(expected);
  }
}

function oneOf<T extends string>(choices: readonly T[]): (text: string) => T {
  return (text) => {
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new Error(`one of ${choices.join(', ')}`);
    return found;
  };
}

function list<T>(item: (text: string) => T, most: number): (text: string) => readonly T[] {
  return (text) => {
    const parts = text.split(',').map((part) => part.trim());
    expect(parts.length <= most, `at most ${most}, separated by commas`);
    return parts.filter((part) => part !== '').map(item);
  };
}

const port = (text: string) => {
  expect(/^\d{1,5}$/.test(text) && Number(text) <= 65535, 'a port from 0 to 65535 (0 takes a free one)');
  return Number(text);
};

const host = (text: string) => {
  expect(/^[A-Za-z0-9.:_-]{1,253}$/.test(text), 'an address or host name, such as 127.0.0.1 or 0.0.0.0');
  return text;
};

const folder = (text: string) => {
  expect(!text.includes('\0') && text.length <= 4096, 'the path of a folder');
  return text;
};

/** Accepts 127.0.0.1:3000 too; gives an origin without a slash at its end. */
function coordinatorUrl(text: string): string {
  const expected = 'the address of a coordinator, such as http://127.0.0.1:3000';
  return siteAddress(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`, expected);
}

/** Gives an origin without a slash at its end. */
function publicUrl(text: string): string {
  return siteAddress(text, 'an address of HTTP or HTTPS, such as https://cluster.example.org');
}

function siteAddress(text: string, expected: string): string {
  expect(URL.canParse(text), expected);
  const url = new URL(text);
  expect(url.protocol === 'http:' || url.protocol === 'https:', expected);
  expect(url.pathname === '/' && url.search === '' && url.hash === '', `${expected}, without a path`);
  expect(url.username === '' && url.password === '', `${expected}, without a user`);
  return url.origin;
}

function origin(text: string): string {
  expect(/^https?:\/\/[^/?#@]+$/.test(text) && URL.canParse(text), 'origins such as https://example.org');
  return new URL(text).origin;
}

const knownBy = (schema: typeof nodeId) => (text: string) => {
  const result = schema.safeParse(text);
  if (result.success) return result.data;
  throw new Error((result.error.issues[0]?.message ?? '').replace(/^expected /, ''));
};

const switched = (text: string) => {
  expect(text === 'true' || text === 'false', 'true or false');
  return text === 'true';
};

// Every command.
export const HELP: Option<boolean> = { flag: 'help', help: 'this text', fallback: false, parse: switched };
export const JSON_OUTPUT: Option<boolean> = {
  flag: 'json',
  help: 'the API’s own JSON instead of a table',
  fallback: false,
  parse: switched,
};

// Services.
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
export const PUBLIC_URL: Option<string | undefined> = {
  flag: 'public-url',
  env: 'PUBLIC_URL',
  value: 'URL',
  help: 'where others reach the pages, such as https://cluster.example.org: previews on other sites name it',
  fallback: undefined,
  parse: publicUrl,
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

// Workers, and whoever else looks for a coordinator.
export const COORDINATOR_URL: Option<string | undefined> = {
  flag: 'url',
  env: 'COORDINATOR_URL',
  value: 'URL',
  help: 'where the coordinator is',
  shown: 'http://127.0.0.1:COORDINATOR_PORT',
  fallback: undefined,
  parse: coordinatorUrl,
};
export const WORKER_KINDS = ['auto', 'cpu', 'gpu'] as const;
export const KIND: Option<(typeof WORKER_KINDS)[number]> = {
  flag: 'kind',
  value: 'KIND',
  help: 'cpu, gpu, or auto: all that this machine has',
  shown: 'auto',
  fallback: 'auto',
  parse: oneOf(WORKER_KINDS),
};
export const NODE_ID: Option<string | undefined> = {
  flag: 'node-id',
  env: 'NODE_ID',
  value: 'ID',
  help: 'this worker’s name in the cluster',
  shown: 'host name and a random part, kept in DATA_DIR',
  fallback: undefined,
  parse: knownBy(nodeId),
};
export const NODE_TAGS: Option<readonly string[]> = {
  flag: 'tags',
  env: 'NODE_TAGS',
  value: 'TAG,…',
  help: 'tags that jobs can ask for',
  shown: 'none',
  fallback: [],
  parse: list(knownBy(tag), 32),
};
export const NODE_PRIORITY: Option<number> = {
  flag: 'node-priority',
  env: 'NODE_PRIORITY',
  value: 'N',
  help: 'workers with more are preferred, -100 … 100',
  shown: '0',
  fallback: 0,
  parse: whole(-100, 100),
};
export const NODE_GPU_MEMORY_MB: Option<number | undefined> = {
  flag: 'gpu-memory-mb',
  env: 'NODE_GPU_MEMORY_MB',
  value: 'MB',
  help: 'GPU memory, where it cannot be found out; unknown memory satisfies no minimum',
  fallback: undefined,
  parse: whole(1, 1_000_000_000),
};
export const GPU_CHOICES = ['auto', 'true', 'false'] as const;
export type GpuChoice = (typeof GPU_CHOICES)[number];
export const GPU_ENABLED: Option<GpuChoice> = {
  flag: 'gpu',
  env: 'GPU_ENABLED',
  value: 'CHOICE',
  help: 'auto: hardware GPUs; true: software adapters too, an error if there is none; false: none',
  shown: 'auto',
  fallback: 'auto',
  parse: oneOf(GPU_CHOICES),
};
export const GPU_DEVICES: Option<readonly number[] | undefined> = {
  flag: 'gpu-devices',
  env: 'GPU_DEVICES',
  value: 'INDEX,…',
  help: 'which adapters to use, by their index in `threads doctor`',
  shown: 'all',
  fallback: undefined,
  parse: (text) => (text === 'all' ? undefined : list(whole(0, 63), 64)(text)),
};
export const GPU_BATCH_SIZE: Option<number | undefined> = {
  flag: 'gpu-batch-size',
  env: 'GPU_BATCH_SIZE',
  value: 'N',
  help: 'most numbers (roots) in one dispatch',
  fallback: undefined,
  parse: whole(1, Number.MAX_SAFE_INTEGER),
};
export const WORKER_THREADS: Option<number> = {
  flag: 'threads',
  env: 'WORKER_THREADS',
  value: 'N',
  help: 'CPU threads of a worker; `up` starts no CPU worker with 0',
  shown: 'the number of cores',
  fallback: availableParallelism(),
  parse: whole(0, 1024),
};
export const WORKER_PORT: Option<number> = {
  flag: 'worker-port',
  env: 'WORKER_PORT',
  value: 'PORT',
  help: 'a worker’s own /health and /metrics, on HOST; 0 takes a free one',
  shown: '0',
  fallback: 0,
  parse: port,
};

// Submitting and looking.
export const NAME: Option<string | undefined> = {
  flag: 'name',
  value: 'TEXT',
  help: 'a name for the job',
  fallback: undefined,
  parse: (text) => text,
};
export const PRIORITY: Option<Priority> = {
  flag: 'priority',
  value: 'LEVEL',
  help: PRIORITIES.join(', '),
  shown: 'normal',
  fallback: 'normal',
  parse: oneOf(PRIORITIES),
};
export const GPU_PREFERRED: Option<boolean> = {
  flag: 'gpu-preferred',
  help: 'CPU workers take it only while no GPU worker that fits is connected',
  fallback: false,
  parse: switched,
};
export const ON_NODE: Option<string | undefined> = {
  flag: 'on-node',
  value: 'ID',
  help: 'only this worker',
  fallback: undefined,
  parse: knownBy(nodeId),
};
export const REQUIRE_GPU: Option<boolean> = {
  flag: 'require-gpu',
  help: 'only GPU workers',
  fallback: false,
  parse: switched,
};
export const MIN_GPU_MEMORY_MB: Option<number | undefined> = {
  flag: 'min-gpu-memory-mb',
  value: 'MB',
  help: 'only GPUs that are known to have this much memory',
  fallback: undefined,
  parse: whole(0, 1_000_000_000),
};
export const REQUIRE_TAGS: Option<readonly string[]> = {
  flag: 'require-tags',
  value: 'TAG,…',
  help: 'only workers with all of these tags',
  fallback: [],
  parse: list(knownBy(tag), 16),
};
export const IDEMPOTENCY_KEY: Option<string | undefined> = {
  flag: 'idempotency-key',
  value: 'KEY',
  help: 'the same submit with the same key makes one job',
  fallback: undefined,
  parse: (text) => text,
};
export const WATCH: Option<boolean> = {
  flag: 'watch',
  help: 'follow the job to its end, then print its result',
  fallback: false,
  parse: switched,
};
export const STATE_FILTER: Option<JobState | undefined> = {
  flag: 'status',
  value: 'STATE',
  help: `only jobs that are ${jobState.options.join(', ')}`,
  fallback: undefined,
  parse: oneOf(jobState.options),
};
export const TYPE_FILTER: Option<string | undefined> = {
  flag: 'type',
  value: 'TYPE',
  help: 'only jobs of this workload',
  fallback: undefined,
  parse: (text) => text,
};
export const LIMIT: Option<number> = {
  flag: 'limit',
  value: 'N',
  help: 'how many, at most 500',
  shown: '50',
  fallback: 50,
  parse: whole(1, 500),
};
export const CURSOR: Option<string | undefined> = {
  flag: 'cursor',
  value: 'CURSOR',
  help: 'the page after this one',
  fallback: undefined,
  parse: (text) => text,
};

// Measuring.
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

export const BENCH_SECONDS: Option<number> = {
  flag: 'seconds',
  value: 'N',
  help: 'how long to measure each figure',
  shown: '1',
  fallback: 1,
  parse: whole(1, 60),
};

export const SERVICE_OPTIONS: readonly Option<unknown>[] = [
  ...[
    HOST,
    COORDINATOR_PORT,
    METRICS_PORT,
    DATA_DIR,
    STORE_URL,
    ALLOWED_ORIGINS,
    PUBLIC_URL,
    CLUSTER_SIZE,
    LOG_LEVEL,
  ],
];
export const WORKER_OPTIONS: readonly Option<unknown>[] = [
  ...[NODE_ID, NODE_TAGS, NODE_PRIORITY, NODE_GPU_MEMORY_MB, GPU_ENABLED, GPU_DEVICES, GPU_BATCH_SIZE],
  ...[WORKER_THREADS, WORKER_PORT],
];
