/** Options of workers, and of whoever else looks for a coordinator. */
import { availableParallelism } from 'node:os';
import { nodeId, tag } from '../../protocol/messages.ts';
import type { Option } from '../option.ts';
import { whole, oneOf, list, port, coordinatorUrl, knownBy } from './values.ts';

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

export const WORKER_OPTIONS: readonly Option<unknown>[] = [
  ...[NODE_ID, NODE_TAGS, NODE_PRIORITY, NODE_GPU_MEMORY_MB, GPU_ENABLED, GPU_DEVICES, GPU_BATCH_SIZE],
  ...[WORKER_THREADS, WORKER_PORT],
];
