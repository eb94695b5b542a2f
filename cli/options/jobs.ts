/** Options of submitting jobs and looking at them. */
import {
  DEFAULT_MAX_ATTEMPTS,
  MAX_ATTEMPTS,
  MAX_EXPECTED_SECONDS,
  PRIORITIES,
  jobState,
  type JobState,
  type Priority,
} from '../../protocol/http.ts';
import { userName } from '../../protocol/access.ts';
import { nodeId, tag } from '../../protocol/messages.ts';
import type { Option } from '../option.ts';
import { whole, oneOf, list, knownBy, switched } from './values.ts';

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
export const EXPECTED_SECONDS: Option<number | undefined> = {
  flag: 'expected-seconds',
  value: 'SECONDS',
  help: 'how long it should run; it fails after JOB_TIMEOUT_MULTIPLIER times that',
  shown: 'no limit',
  fallback: undefined,
  parse(text) {
    const seconds = Number(text);
    if (/^[0-9.]+$/.test(text) && seconds > 0 && seconds <= MAX_EXPECTED_SECONDS) return seconds;
    throw new Error(`seconds above 0, at most ${MAX_EXPECTED_SECONDS}`);
  },
};
export const BATCH_ATTEMPTS: Option<number | undefined> = {
  flag: 'max-attempts',
  value: 'N',
  help: 'how often one batch may fail before the job does',
  shown: String(DEFAULT_MAX_ATTEMPTS),
  fallback: undefined,
  parse: whole(1, MAX_ATTEMPTS),
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
export const OF_USER: Option<string | undefined> = {
  flag: 'user',
  value: 'NAME',
  help: 'only jobs of this user',
  fallback: undefined,
  parse: knownBy(userName),
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
