/** Whether jobs that wait slow down the lease of one that runs. */
import { percentile, type Figure, type Report } from '../report.ts';
import { resident } from './coordinator-reading.ts';
import { LeaseTaker } from './lease-taker.ts';
import type { MeasuredCluster } from './measured-cluster.ts';
import { submitTinyJob } from './tiny-jobs.ts';

const LEASES = 2000;
const SUBMITTERS = 32;
/** In turn, one request at a time: on one alone they would come faster than a coordinator takes from a worker. */
const WORKERS = 8;

export async function measureWaitingJobs(
  cluster: MeasuredCluster,
  jobs: number,
  key: string | undefined,
  signal: AbortSignal,
): Promise<Report> {
  await submitTinyJob(cluster.api, 'load: the first job', 'verify', true);
  const workers = await Promise.all(
    Array.from({ length: WORKERS }, (_, index) =>
      LeaseTaker.connect(cluster.url, `load-${process.pid}-${index}`, key),
    ),
  );
  try {
    await leaseTimes(workers, 200);
    const alone = await leaseTimes(workers, LEASES);
    const before_mb = await cluster.residentMb();
    const submit_ms = await submitMany(cluster, jobs, signal);
    const { value: overview } = await cluster.api.overview();
    const crowded = await leaseTimes(workers, LEASES);
    return {
      title: `Leases beside ${jobs} waiting jobs`,
      figures: [
        {
          what: 'jobs waiting',
          value: (overview.jobs.pending ?? 0) + (overview.jobs.running ?? 0),
          unit: '',
        },
        ...latency('lease and release, one job', alone),
        ...latency(`lease and release, ${jobs} jobs`, crowded),
        { what: 'slower by', value: percentile(crowded, 0.5) / percentile(alone, 0.5), unit: 'x' },
        ...latency('submit a job', submit_ms),
        ...resident('coordinator, resident, one job', before_mb),
        ...resident(`coordinator, resident, ${jobs} jobs`, await cluster.residentMb()),
      ],
    };
  } finally {
    for (const worker of workers) worker.close();
  }
}

function latency(what: string, sorted_ms: Float64Array): Figure[] {
  return [
    { what: `${what}, median`, value: percentile(sorted_ms, 0.5), unit: 'ms' },
    { what: `${what}, 99 %`, value: percentile(sorted_ms, 0.99), unit: 'ms' },
  ];
}

/** Each lease is given back, so that all are of the same kind. */
async function leaseTimes(workers: readonly LeaseTaker[], count: number): Promise<Float64Array> {
  const times: number[] = [];
  while (times.length < count) {
    for (const worker of workers) {
      const start = performance.now();
      const lease = await worker.take();
      if (lease === null) throw new Error('the coordinator gives no lease although jobs wait');
      await worker.giveBack(lease);
      times.push(performance.now() - start);
    }
  }
  return Float64Array.from(times).sort();
}

async function submitMany(
  cluster: MeasuredCluster,
  count: number,
  signal: AbortSignal,
): Promise<Float64Array> {
  const times: number[] = [];
  const indices = Array.from({ length: count }, (_, i) => i).values();
  const lane = async () => {
    for (const index of indices) {
      signal.throwIfAborted();
      const start = performance.now();
      await submitTinyJob(cluster.api, `load: waiting ${index}`, 'verify', true);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: SUBMITTERS }, lane));
  return Float64Array.from(times).sort();
}
