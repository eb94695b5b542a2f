/** How many results a coordinator takes per second, and what many connections cost it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LeaseReply } from '../../protocol/messages.ts';
import { percentile, type Figure, type Report } from '../report.ts';
import type { MeasuredCluster } from './measured-cluster.ts';
import { connectMany, type PlayedWorker } from './played-worker.ts';
import { TinyBatches } from './tiny-batches.ts';

export type Batches = 'verify' | 'thread' | 'statistics';

interface TinyJob {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string | number>>;
}

const START = 2n ** 40n;
const FAR = { start: String(START), end: String(START + 2n ** 60n) };
/** Jobs whose ends are far away, cut into batches that take microseconds to compute. */
const JOBS: Readonly<Record<Batches, TinyJob & { readonly batch_size: number }>> = {
  verify: { type: 'collatz', parameters: { ...FAR, mode: 'verify' }, batch_size: 64 },
  thread: { type: 'thread', parameters: { thread_count: 2 ** 32, max_depth: 0 }, batch_size: 1 },
  statistics: { type: 'collatz', parameters: FAR, batch_size: 64 },
};

/** A run is bounded in count too. */
const MAX_ROUND_TRIPS = 10_000_000;
/** Not counted: connections warm up, the coordinator's code is compiled. */
const WARM_UP_MS = 2000;
const SETTLE_MS = 3000;

export async function submitTinyJob(
  { api }: MeasuredCluster,
  name: string,
  batches: Batches,
): Promise<string> {
  const { type, parameters, batch_size } = JOBS[batches];
  const reply = await api.submit({
    type,
    name,
    priority: 'normal',
    gpu_preferred: false,
    placement: {},
    parameters: { ...parameters, batch_size },
  });
  return reply.value.job_id;
}

/** Every connection in turn: compute, submit, wait until it is durable; the answer brings the next lease. */
export async function measureRoundTrips(
  cluster: MeasuredCluster,
  connections: number,
  seconds: number,
  kind: Batches,
  signal: AbortSignal,
): Promise<Report> {
  const jobId = await submitTinyJob(cluster, 'load: round trips', kind);
  const workers = await connectMany(cluster.url, connections, signal);
  try {
    const idle_mb = await cluster.residentMb();
    const batches = new TinyBatches();
    const run = new Run(signal);
    const lanes = workers.map((worker) => run.lane(worker, batches));
    await sleep(WARM_UP_MS, undefined, { signal });
    run.startCounting();
    const busyBefore = process.cpuUsage();
    const cpuBefore = await cluster.cpuSeconds();
    await sleep(seconds * 1000, undefined, { signal });
    const counted = run.stop();
    const generator = process.cpuUsage(busyBefore);
    const cpuAfter = await cluster.cpuSeconds();
    const busy_mb = await cluster.residentMb();
    await Promise.allSettled(lanes);
    const { value: status } = await cluster.api.status(jobId);
    const durable = Number(status.progress.done) / JOBS[kind].batch_size;
    if (durable < run.accepted) {
      throw new Error(
        `${run.accepted} results were acknowledged, but only ${durable} are in the job: a defect`,
      );
    }
    const latencies = Float64Array.from(counted.latencies_ms).sort();
    const generatorShare = (generator.user + generator.system) / 1e6 / counted.seconds;
    return {
      title: `Durable round trips, ${connections} connections, ${seconds} s, results of ${kind}`,
      figures: [
        { what: 'size of a result', value: run.resultBytes, unit: 'bytes' },
        {
          what: 'round trips',
          value: latencies.length / counted.seconds,
          unit: '/s',
          note: 'compute, submit and ask for the next lease, acknowledged after the commit',
        },
        { what: 'submit and next lease, median', value: percentile(latencies, 0.5), unit: 'ms' },
        { what: 'submit and next lease, 99 %', value: percentile(latencies, 0.99), unit: 'ms' },
        { what: 'failed requests', value: run.failures.length, unit: '', note: run.failures[0] ?? '' },
        {
          what: 'load generator',
          value: generatorShare * 100,
          unit: '% of a core',
          note: 'on the same machine',
        },
        ...cpu(cpuBefore, cpuAfter, counted),
        ...resident('coordinator, resident, connected', idle_mb),
        ...resident('coordinator, resident, under load', busy_mb),
      ],
    };
  } finally {
    for (const worker of workers) worker.close();
    await cluster.api.cancel(jobId).catch(() => undefined);
  }
}

/** Connections that do nothing but send heartbeats. */
export async function measureIdle(
  cluster: MeasuredCluster,
  connections: number,
  seconds: number,
  signal: AbortSignal,
): Promise<Report> {
  const before_mb = await cluster.residentMb();
  const workers = await connectMany(cluster.url, connections, signal);
  try {
    await sleep(Math.max(SETTLE_MS, seconds * 1000), undefined, { signal });
    const lost = workers.filter(({ ended }) => ended !== undefined);
    return {
      title: `${connections} idle workers, ${seconds} s`,
      figures: [
        ...resident('coordinator, resident, alone', before_mb),
        ...resident(`coordinator, resident, ${connections} workers`, await cluster.residentMb()),
        { what: 'connections lost', value: lost.length, unit: '', note: lost[0]?.ended ?? '' },
      ],
    };
  } finally {
    for (const worker of workers) worker.close();
  }
}

export function resident(what: string, mb: number | undefined): Figure[] {
  return mb === undefined ? [] : [{ what, value: mb, unit: 'MB' }];
}

/** Unlike the rate, the cost of one round trip hardly depends on what else the machine does. */
function cpu(
  before: number | undefined,
  after: number | undefined,
  { seconds, latencies_ms }: Counted,
): Figure[] {
  if (before === undefined || after === undefined) return [];
  return [
    { what: 'coordinator', value: ((after - before) / seconds) * 100, unit: '% of a core' },
    {
      what: 'coordinator, per round trip',
      value: ((after - before) / latencies_ms.length) * 1e6,
      unit: 'µs of CPU',
    },
  ];
}

interface Counted {
  readonly seconds: number;
  readonly latencies_ms: readonly number[];
}

class Run {
  readonly failures: string[] = [];
  /** Acknowledged as durable, warm-up included. */
  accepted = 0;
  /** Of one of them, as JSON. */
  resultBytes = 0;
  readonly #signal: AbortSignal;
  #latencies: number[] = [];
  #countedFrom: number | undefined;
  #over = false;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  startCounting(): void {
    this.#latencies = [];
    this.#countedFrom = performance.now();
  }

  stop(): Counted {
    this.#over = true;
    const seconds = (performance.now() - (this.#countedFrom ?? performance.now())) / 1000;
    return { seconds, latencies_ms: [...this.#latencies] };
  }

  async lane(worker: PlayedWorker, batches: TinyBatches): Promise<void> {
    try {
      let reply: LeaseReply | undefined;
      while (!this.#over && !this.#signal.aborted && this.accepted < MAX_ROUND_TRIPS) {
        reply ??= await worker.lease();
        const leasedAt = performance.now();
        const { lease, retry_after_ms } = reply;
        if (lease === null) {
          await worker.waitForWork(Math.min(1000, Math.max(10, retry_after_ms)));
          reply = undefined;
          continue;
        }
        const aggregate = await batches.compute(lease);
        if (this.resultBytes === 0) this.resultBytes = JSON.stringify(aggregate).length;
        const computedAt = performance.now();
        reply = await worker.submit(lease.token, lease.end, aggregate, Math.max(0.01, computedAt - leasedAt));
        this.accepted += 1;
        this.#latencies.push(performance.now() - computedAt);
      }
    } catch (error) {
      if (!this.#over) this.failures.push(error instanceof Error ? error.message : String(error));
    }
  }
}
