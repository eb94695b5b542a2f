/** What share of a job's wall time a real CPU worker computes, and what it costs in memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../api-client.ts';
import type { Figure, Report } from '../report.ts';
import { resident } from './coordinator-reading.ts';
import type { MeasuredCluster } from './measured-cluster.ts';
import { readMetric } from './prometheus.ts';

const START = 2n ** 40n;
/** To learn the machine's rate before the job is cut to length. */
const TRIAL_NUMBERS = 2n * 10n ** 8n;
const JOB_TIMEOUT_MS = 30 * 60_000;

/** @param seconds about how long the measured job is to take */
export async function measureOneWorker(
  cluster: MeasuredCluster,
  threads: number,
  seconds: number,
  signal: AbortSignal,
): Promise<Report> {
  const { api } = cluster;
  const worker = await findWorker(api, signal);
  const trial = await runJob(api, TRIAL_NUMBERS, signal);
  const numbers = BigInt(Math.round((Number(TRIAL_NUMBERS) / trial.seconds) * seconds));

  const busyBefore = (await readMetric(worker, 'worker_busy_seconds')) ?? NaN;
  const cpuBefore = await readMetric(worker, 'process_cpu_seconds_total');
  const job = await runJob(api, numbers, signal);
  const busy = ((await readMetric(worker, 'worker_busy_seconds')) ?? NaN) - busyBefore;
  const cpuAfter = await readMetric(worker, 'process_cpu_seconds_total');
  const bytes = await readMetric(worker, 'worker_memory_bytes');
  const figures: Figure[] = [
    { what: 'wall time', value: job.seconds, unit: 's', note: 'from the first lease to the last commit' },
    {
      what: 'engine busy',
      value: (busy / job.seconds) * 100,
      unit: '% of wall time',
      note: 'as the worker counts it',
    },
    { what: 'rate', value: Number(numbers) / job.seconds, unit: 'numbers/s', note: 'statistics at 2^40' },
    ...resident('worker, resident', bytes === undefined ? undefined : bytes / 1e6),
    ...resident('coordinator, resident', await cluster.residentMb()),
  ];
  if (cpuBefore !== undefined && cpuAfter !== undefined) {
    const share = ((cpuAfter - cpuBefore) / job.seconds / threads) * 100;
    figures.push({
      what: 'CPU time',
      value: share,
      unit: '% of its threads',
      note: 'as the system counts it',
    });
  }
  return { title: `One CPU worker, ${threads} threads, a job of about ${seconds} s`, figures };
}

/** The worker's own metrics, once it is connected. */
export async function findWorker(api: ApiClient, signal: AbortSignal): Promise<string> {
  for (let i = 0; i < 300; i++) {
    signal.throwIfAborted();
    const { value } = await api.nodes();
    const url = value.nodes.find(({ state }) => state !== 'offline')?.health_url ?? null;
    if (url !== null) return `${url.replace(/\/(health)?$/, '')}/metrics`;
    await sleep(100, undefined, { signal });
  }
  throw new Error('the worker did not connect in 30 s');
}

async function runJob(api: ApiClient, numbers: bigint, signal: AbortSignal): Promise<{ seconds: number }> {
  const { value: submitted } = await api.submit({
    type: 'collatz',
    name: 'load: one worker',
    priority: 'normal',
    gpu_preferred: false,
    placement: {},
    parameters: { start: String(START), end: String(START + numbers) },
  });
  const both = AbortSignal.any([signal, AbortSignal.timeout(JOB_TIMEOUT_MS)]);
  for await (const event of api.events(submitted.job_id, both)) {
    if (event.kind !== 'end') continue;
    const { status, started_at, finished_at } = event.status;
    if (status !== 'completed' || started_at === null || finished_at === null) {
      throw new Error(`the job ${status}`);
    }
    return { seconds: (Date.parse(finished_at) - Date.parse(started_at)) / 1000 };
  }
  throw new Error('the job did not end in time');
}
