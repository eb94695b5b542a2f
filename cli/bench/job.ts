/**
 * What a cluster loses between a kernel and its job: a real coordinator and a real worker compute a job of about a
 * minute, and its rate from submit to result is held against the rate of the kernel alone, with as many threads before
 * and after it, and with one while it runs.
 *
 * Three clocks. **Wall time** is what the user waits, but on a machine that computes other things as well it says more
 * about those. **CPU time** of the threads that compute leaves them out, but counts no moment in which a thread has
 * nothing to do. So the ratio that is told first takes wall time less the time in which such a thread could have run
 * and others had the cores, which Linux counts for each thread: what is lost then is idle or spent beside the kernel.
 * Its kernel is the one that is sampled while the job runs: on a core whose other half computed something else at one
 * time and nothing at another, the kernel's own CPU time before and after the job differed by a quarter.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../api-client.ts';
import type { GpuProbe } from '../gpu-probe.ts';
import { startMeasured, type MeasuredCluster } from '../load/measured-cluster.ts';
import { findWorker } from '../load/one-worker.ts';
import { readMetric } from '../load/prometheus.ts';
import type { Environment } from '../option.ts';
import type { Figure, Report } from '../report.ts';
import type { Case } from './cases.ts';
import { ONE_LAVAPIPE_THREAD, threadTimes, type ThreadTime } from './clocks.ts';
import { Runner } from './runner.ts';
import { spreadOf } from './spread.ts';
import type { Measured } from './subject.ts';

/** Of the kernel alone, before the job and again after it. */
const KERNEL_S = 4;
/** While the job runs: so long, and after a pause again. It is 3 % of a core. */
const SAMPLE_S = 0.2;
const SAMPLE_PAUSE_MS = 6000;
/** Beyond what it should take. */
const LATE_MS = 10 * 60_000;

export interface JobRate {
  readonly kind: 'cpu' | 'gpu';
  /** `WebAssembly, 2 threads` */
  readonly title: string;
  /** The case's name. */
  readonly what: string;
  /** Job : kernel, by the clock that leaves out only what others took; of wall time where the system can't tell. */
  readonly efficiency: number;
  readonly report: Report;
}

export interface JobOptions {
  readonly environment: Environment;
  /** Of the CPU worker; a GPU's worker has one thread of lavapipe. */
  readonly threads: number;
  /** The adapter whose worker is measured; undefined: a CPU worker. */
  readonly gpu: GpuProbe['adapters'][number] | undefined;
  /** How long the job should take. */
  readonly seconds: number;
  readonly signal: AbortSignal;
}

export async function benchJob(test: Case, options: JobOptions): Promise<JobRate> {
  const runners = await startRunners(test, options);
  try {
    return await jobBeside(runners, test, options);
  } finally {
    for (const runner of runners) runner.close();
  }
}

async function jobBeside(runners: readonly Runner[], test: Case, options: JobOptions): Promise<JobRate> {
  const { gpu, threads, signal } = options;
  const before = await kernelAlone(runners, test, options);
  const unitsPerSecond = before.units / before.wallSeconds;
  const units = BigInt(Math.max(1, Math.round(unitsPerSecond * options.seconds)));
  const gpus: GpuProbe = { adapters: gpu === undefined ? [] : [gpu], problem: null, unreachable: [] };
  const environment = { ...options.environment, ...ONE_LAVAPIPE_THREAD };
  const cluster = await startMeasured(environment, gpu === undefined ? threads : 0, signal, { gpus });
  let job: JobRun;
  let beside: readonly Measured[];
  try {
    const sampler = new Sampler(runners, test, options);
    job = await runJob(cluster, test, units, options);
    beside = await sampler.stop();
  } finally {
    await cluster.stop();
  }
  const after = await kernelAlone(runners, test, options);
  return jobRate(test, options, job, { alone: [before, after], beside });
}

/** Measures the kernel on one thread now and then. */
class Sampler {
  readonly #samples: Measured[] = [];
  readonly #stop = new AbortController();
  readonly #over: Promise<void>;

  constructor([runner]: readonly Runner[], test: Case, { gpu }: JobOptions) {
    this.#over = this.#run(async () => {
      const sample = await runner?.measure(gpu === undefined ? 'wasm' : 'wgsl', test, test.start, SAMPLE_S);
      if (sample !== undefined) this.#samples.push(sample);
    });
    // Whoever stops it hears of it; a job that fails says why by itself.
    this.#over.catch(() => undefined);
  }

  async stop(): Promise<readonly Measured[]> {
    this.#stop.abort();
    await this.#over;
    return this.#samples;
  }

  async #run(sample: () => Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await sleep(SAMPLE_PAUSE_MS, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await sample();
    }
  }
}

/** What several threads, each in a process of its own, or one GPU computed at the same time. */
interface KernelRun {
  readonly units: number;
  readonly wallSeconds: number;
  /** Of all threads. */
  readonly seconds: number;
}

/** One for each thread of the worker, ready to compute. */
async function startRunners(test: Case, options: JobOptions): Promise<readonly Runner[]> {
  const { environment, gpu, threads } = options;
  const adapter = gpu?.index ?? null;
  const runners: Runner[] = [];
  try {
    for (let thread = 0; thread < (gpu === undefined ? threads : 1); thread++) {
      const software = gpu?.software ?? false;
      runners.push(await Runner.start({ environment, adapter, software, core: undefined }));
    }
    await Promise.all(runners.map((runner) => runner.prepare(gpu === undefined ? 'wasm' : 'wgsl', test)));
  } catch (error) {
    for (const runner of runners) runner.close();
    throw error;
  }
  return runners;
}

async function kernelAlone(
  runners: readonly Runner[],
  test: Case,
  { gpu, signal }: JobOptions,
): Promise<KernelRun> {
  signal.throwIfAborted();
  const kind = gpu === undefined ? 'wasm' : 'wgsl';
  return joined(await Promise.all(runners.map((runner) => runner.measure(kind, test, test.start, KERNEL_S))));
}

function joined(runs: readonly Measured[]): KernelRun {
  return {
    units: runs.reduce((sum, { units }) => sum + units, 0),
    wallSeconds: Math.max(...runs.map(({ wallSeconds }) => wallSeconds)),
    seconds: runs.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

interface JobRun {
  readonly units: number;
  /** From the moment before it is submitted to the one in which its result is there. */
  readonly wallSeconds: number;
  /** Of the threads that compute, from their start; undefined where the system does not tell. */
  readonly computing: { readonly ran: number; readonly waited: number; readonly threads: number } | undefined;
  readonly residentMb: number | undefined;
  readonly peakMb: number | undefined;
}

async function runJob(
  cluster: MeasuredCluster,
  test: Case,
  units: bigint,
  { gpu, threads, seconds, signal }: JobOptions,
): Promise<JobRun> {
  const metrics = await findWorker(cluster.api, signal);
  const [pid] = cluster.workerPids;
  const earlier = pid === undefined ? undefined : threadTimes(pid);
  const begun_ms = performance.now();
  await submitAndWait(cluster.api, test, units, seconds, signal);
  const wallSeconds = (performance.now() - begun_ms) / 1000;
  const later = pid === undefined ? undefined : threadTimes(pid);
  const bytes = await readMetric(metrics, 'worker_memory_bytes');
  return {
    units: Number(units),
    wallSeconds,
    computing:
      gpu === undefined || gpu.software
        ? computingThreads(pid, earlier, later, gpu === undefined ? threads : 1)
        : undefined,
    residentMb: bytes === undefined ? undefined : bytes / 1e6,
    peakMb: pid === undefined ? undefined : peakMb(pid),
  };
}

/** @param count how many threads compute: those that ran most beside the main thread */
function computingThreads(
  pid: number | undefined,
  earlier: ReadonlyMap<string, ThreadTime> | undefined,
  later: ReadonlyMap<string, ThreadTime> | undefined,
  count: number,
): JobRun['computing'] {
  if (earlier === undefined || later === undefined) return undefined;
  const spent = [...later]
    .filter(([thread]) => thread !== String(pid))
    .map(([thread, { ran, waited }]) => {
      const { ran: ranBefore = 0, waited: waitedBefore = 0 } = earlier.get(thread) ?? {};
      return { ran: ran - ranBefore, waited: waited - waitedBefore };
    })
    .toSorted((a, b) => b.ran - a.ran);
  const computing = spent.slice(0, count);
  if (computing.length === 0) return undefined;
  return {
    ran: computing.reduce((sum, { ran }) => sum + ran, 0),
    waited: computing.reduce((sum, { waited }) => sum + waited, 0),
    threads: computing.length,
  };
}

/** The largest resident memory of a process; undefined where the system does not tell. */
function peakMb(pid: number): number | undefined {
  try {
    const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : (Number(kilobytes) * 1024) / 1e6;
  } catch {
    return undefined;
  }
}

async function submitAndWait(
  api: ApiClient,
  test: Case,
  units: bigint,
  seconds: number,
  signal: AbortSignal,
): Promise<void> {
  const { value: submitted } = await api.submit({
    type: test.type,
    name: `bench: ${test.name}`,
    priority: 'normal',
    gpu_preferred: false,
    placement: {},
    parameters: {
      ...test.parameters,
      ...(test.workload === 'thread'
        ? { thread_count: Number(units) }
        : { start: String(test.start), end: String(test.start + units) }),
    },
  });
  const both = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000 + LATE_MS)]);
  for await (const event of api.events(submitted.job_id, both)) {
    if (event.kind !== 'end') continue;
    if (event.status.status === 'completed') return;
    throw new Error(`the job ${event.status.status}`);
  }
  throw new Error('the job did not end in time');
}

/** What the kernel does without a cluster. */
interface Kernel {
  /** With as many threads as the worker's, before the job and after it. */
  readonly alone: readonly KernelRun[];
  /** On one thread while the job ran; none if that was too short. */
  readonly beside: readonly Measured[];
}

function jobRate(test: Case, { gpu, threads }: JobOptions, job: JobRun, kernel: Kernel): JobRate {
  const { alone, beside } = kernel;
  const kernelWall = meanOf(alone.map(({ units, wallSeconds }) => units / wallSeconds));
  const sampled = (beside.length > 0 ? beside : alone).map(({ units, seconds }) => units / seconds);
  // Of one thread.
  const kernelCpu = spreadOf(sampled).median;
  const wallRate = job.units / job.wallSeconds;
  const { computing } = job;
  const available =
    computing === undefined ? undefined : computing.threads * job.wallSeconds - computing.waited;
  const efficiency = available === undefined ? wallRate / kernelWall : job.units / available / kernelCpu;
  const unit = test.workload === 'thread' ? 'roots/s' : 'numbers/s';
  const title =
    gpu === undefined ? `WebAssembly, ${threads} thread${threads === 1 ? '' : 's'}` : `WGSL, ${gpu.name}`;
  const figures: Figure[] = [
    { what: 'job, submit to result', value: job.wallSeconds, unit: 's', note: `${job.units} units` },
    { what: 'rate, wall time', value: wallRate, unit },
    { what: 'kernel alone, wall time', value: kernelWall, unit, note: changeNote(alone) },
    { what: 'job : kernel, wall time', value: wallRate / kernelWall, unit: '' },
  ];
  if (computing !== undefined && available !== undefined) {
    figures.push(
      {
        what: 'kernel, CPU time of a thread',
        value: kernelCpu,
        unit,
        note: `median of ${sampled.length} samples ${beside.length > 0 ? 'beside the job' : 'around it'}`,
      },
      { what: 'job : kernel, CPU time', value: job.units / computing.ran / kernelCpu, unit: '' },
      {
        what: 'job : kernel, without waiting for cores',
        value: efficiency,
        unit: '',
        note: 'wall time less what others took of the cores: this one counts',
      },
      {
        what: 'threads idle',
        value: ((available - computing.ran) / available) * 100,
        unit: '%',
        note: `of the time that ${computing.threads} could have run`,
      },
      {
        what: 'threads waiting for a core',
        value: (computing.waited / (computing.threads * job.wallSeconds)) * 100,
        unit: '%',
        note: `on ${availableParallelism()} cores`,
      },
    );
  }
  for (const [what, value] of [
    ['worker, resident', job.residentMb],
    ['worker, resident at most', job.peakMb],
  ] as const) {
    if (value !== undefined) figures.push({ what, value, unit: 'MB', note: 'under 200 is wanted' });
  }
  const kind = gpu === undefined ? 'cpu' : 'gpu';
  return {
    kind,
    title,
    what: test.name,
    efficiency,
    report: { title: `Job: ${test.name}, ${title}`, figures },
  };
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function changeNote([before, after]: readonly KernelRun[]): string {
  if (before === undefined || after === undefined) return '';
  const change = after.units / after.wallSeconds / (before.units / before.wallSeconds) - 1;
  return `after the job ${change < 0 ? '' : '+'}${(change * 100).toFixed(1)} %`;
}
