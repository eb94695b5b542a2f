/** A collatz job's result, read from the API's JSON. */
import type { JobResults, JobStatus } from '../../../protocol/http.ts';

export interface RecordRow {
  readonly n: bigint;
  readonly value: bigint;
}

interface Shared {
  readonly count: bigint;
  readonly maxPeak: RecordRow | undefined;
  readonly peakRecords: readonly RecordRow[];
}

export interface StatisticsResult extends Shared {
  readonly mode: 'statistics';
  readonly delaySum: bigint;
  /** Entry d: how many numbers need d steps. */
  readonly histogram: readonly bigint[];
  readonly maxDelay: RecordRow | undefined;
  readonly delayRecords: readonly RecordRow[];
}

export interface VerifyResult extends Shared {
  readonly mode: 'verify';
  readonly verified: bigint;
  readonly candidates: bigint;
  readonly failures: readonly bigint[];
}

export type CollatzResult = StatisticsResult | VerifyResult;

/** @returns undefined while nothing is covered, or for a result of another shape */
export function readResult(result: JobResults['result']): CollatzResult | undefined {
  if (result === null) return undefined;
  const count = decimal(result['count']);
  if (count === undefined) return undefined;
  const shared = {
    count,
    maxPeak: record(result['max_peak'], 'peak'),
    peakRecords: records(result['peak_records'], 'peak'),
  };
  const verified = decimal(result['verified']);
  const candidates = decimal(result['candidates']);
  if (verified !== undefined && candidates !== undefined) {
    return { ...shared, mode: 'verify', verified, candidates, failures: decimals(result['failures']) };
  }
  const delaySum = decimal(result['delay_sum']);
  if (delaySum === undefined) return undefined;
  return {
    ...shared,
    mode: 'statistics',
    delaySum,
    histogram: decimals(result['delay_histogram']),
    maxDelay: record(result['max_delay'], 'delay'),
    delayRecords: records(result['delay_records'], 'delay'),
  };
}

export interface JobRange {
  readonly start: bigint;
  readonly end: bigint;
  readonly mode: 'statistics' | 'verify';
}

/** @returns undefined for a job of another workload */
export function readJobRange({ type, parameters }: JobStatus): JobRange | undefined {
  const start = decimal(String(parameters['start']));
  const end = decimal(String(parameters['end']));
  if (type !== 'collatz' || start === undefined || end === undefined) return undefined;
  return { start, end, mode: parameters['mode'] === 'verify' ? 'verify' : 'statistics' };
}

const LIVE_FIRST = ['running', 'paused', 'pending'];

/** What to show first: a running job, else the newest with results, else whatever there is. `jobs` is newest first. */
export function firstToShow(jobs: readonly JobStatus[]): JobStatus | undefined {
  const collatz = jobs.filter(({ type }) => type === 'collatz');
  return (
    collatz.find(({ status, progress }) => status === 'running' && progress.done !== '0') ??
    collatz.find(({ status }) => LIVE_FIRST.includes(status)) ??
    collatz.find(({ status }) => status === 'completed') ??
    collatz[0]
  );
}

/** The newest finished statistics job other than this one, to compare with. */
export function earlierJob(jobs: readonly JobStatus[], shown: string): JobStatus | undefined {
  return jobs.find(
    (job) => job.job_id !== shown && job.status === 'completed' && readJobRange(job)?.mode === 'statistics',
  );
}

function decimal(value: unknown): bigint | undefined {
  return typeof value === 'string' && /^\d+$/.test(value) ? BigInt(value) : undefined;
}

function decimals(value: unknown): bigint[] {
  return Array.isArray(value) ? value.map((entry: unknown) => decimal(entry) ?? 0n) : [];
}

function record(value: unknown, name: 'delay' | 'peak'): RecordRow | undefined {
  if (typeof value !== 'object' || value === null || !('n' in value)) return undefined;
  const n = decimal(value.n);
  const figure: unknown = Reflect.get(value, name);
  const read = typeof figure === 'number' ? BigInt(figure) : decimal(figure);
  return n === undefined || read === undefined ? undefined : { n, value: read };
}

function records(value: unknown, name: 'delay' | 'peak'): RecordRow[] {
  if (!Array.isArray(value)) return [];
  return value.map((entry: unknown) => record(entry, name)).filter((row) => row !== undefined);
}
