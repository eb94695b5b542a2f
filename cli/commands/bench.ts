/** bench: how fast this machine computes, how fast its disk makes results durable, and what a job loses between. */
import { CASES, type Case } from '../bench/cases.ts';
import { pinnedCore } from '../bench/clocks.ts';
import { benchJob, type JobRate } from '../bench/job.ts';
import {
  kernelMarkdown,
  kernelText,
  ratiosMarkdown,
  ratiosText,
  type KernelFindings,
} from '../bench/kernel-report.ts';
import { benchKernels } from '../bench/kernels.ts';
import type { ProgramName } from '../bench/names.ts';
import { openPrograms } from '../bench/programs.ts';
import { ratiosOf, type Ratio } from '../bench/ratios.ts';
import { benchStore } from '../bench/store.ts';
import { CommandError, EXIT, note, print, wantsJson, type Command, type Context } from '../command.ts';
import { probeGpus, type GpuProbe } from '../gpu-probe.ts';
import { startMeasured } from '../load/measured-cluster.ts';
import { runScenario, type LoadChoice } from '../load/scenarios.ts';
import { UsageError } from '../option.ts';
import * as options from '../options.ts';
import { machine, reportMarkdown, reportText, type Report } from '../report.ts';
import { stopSignal } from '../stop-signal.ts';

const STORE_S = 1;
const ROUND_TRIPS: LoadChoice = {
  ...{ scenario: 'flood', workers: 64, idle: 0, perSecond: 0, seconds: 3 },
  ...{ batches: 'verify', storm: 'cut', seed: 'bench', processes: 1, key: undefined },
};

export const bench: Command = {
  usage: 'bench [--only PART,…]',
  about:
    'Measures every engine against its yardsticks, in turn and with their results compared; the store; the way of a result; and what a job loses between its kernel and its result.',
  options: [
    options.BENCH_ONLY,
    options.BENCHED_WORKLOADS,
    options.BENCHED_ENGINES,
    options.BENCHED_PLACES,
    options.BENCH_SECONDS,
    options.BENCH_ROUNDS,
    options.JOB_SECONDS,
    options.WORKER_THREADS,
    options.GPU_ENABLED,
    options.MARKDOWN,
  ],
  takes: [0, 0],
  examples: [
    'bench',
    'bench --only kernels --workloads verify --at 2^40 --gpu true',
    'bench --only job --threads 1',
  ],
  async run(context) {
    const choice = readChoice(context);
    const interrupt = new AbortController();
    const { stopped, release } = stopSignal(() => process.exit(EXIT.failed));
    void stopped.then(() => interrupt.abort());
    let findings: Findings;
    try {
      findings = await measure(context, choice, interrupt.signal);
    } catch (error) {
      if (interrupt.signal.aborted) return EXIT.interrupted;
      throw new CommandError(error instanceof Error ? error.message : String(error));
    } finally {
      release();
    }
    printFindings(context, findings);
    return EXIT.done;
  },
};

interface Findings {
  readonly kernels: KernelFindings | undefined;
  readonly ratios: readonly Ratio[];
  readonly reports: readonly Report[];
}

/** What was asked for, read before anything is measured. */
interface Choice {
  readonly parts: readonly options.BenchPart[];
  readonly cases: readonly Case[];
  readonly jobCases: readonly Case[];
  readonly engines: readonly ProgramName[];
  readonly gpu: options.GpuChoice;
  readonly seconds: number;
  readonly rounds: number;
  readonly jobSeconds: number;
  readonly threads: number;
}

/** @throws UsageError */
function readChoice({ settings }: Context): Choice {
  const workloads = settings.get(options.BENCHED_WORKLOADS);
  const places = settings.get(options.BENCHED_PLACES);
  const cases = CASES.filter(({ workload, place }) => workloads.includes(workload) && places.includes(place));
  if (cases.length === 0) {
    throw new UsageError(
      `no case is left: --at ${places.join(',')} names no place of ${workloads.join(', ')}; numbers begin at 1, 2^32, 2^40, 2^68 or 2^95, and thread has the sets A to G`,
    );
  }
  // A job takes a minute on each engine: one case, unless more are named.
  const anyWorkload = settings.text(options.BENCHED_WORKLOADS) === undefined;
  const anyPlace = settings.text(options.BENCHED_PLACES) === undefined;
  return {
    parts: settings.get(options.BENCH_ONLY),
    cases,
    jobCases: cases.filter(
      ({ workload, place }) =>
        (!anyWorkload || workload === 'verify') && (!anyPlace || place === '2^40' || place === 'A'),
    ),
    engines: settings.get(options.BENCHED_ENGINES),
    gpu: settings.get(options.GPU_ENABLED),
    seconds: settings.get(options.BENCH_SECONDS),
    rounds: settings.get(options.BENCH_ROUNDS),
    jobSeconds: settings.get(options.JOB_SECONDS),
    threads: Math.max(1, settings.get(options.WORKER_THREADS)),
  };
}

async function measure(context: Context, choice: Choice, signal: AbortSignal): Promise<Findings> {
  const { environment } = context.settings;
  const { parts } = choice;
  const computes = parts.includes('kernels') || parts.includes('job');
  const gpus = await probeGpus(computes ? choice.gpu : 'false');
  const reports: Report[] = [];

  const kernels = parts.includes('kernels') ? await measureKernels(context, choice, gpus, signal) : undefined;
  if (parts.includes('store')) {
    note(context, 'store …');
    reports.push(await benchStore(STORE_S, signal));
  }
  if (parts.includes('round-trips')) {
    note(context, 'round trips …');
    const cluster = await startMeasured(environment, 0, signal);
    try {
      reports.push(await runScenario(cluster, ROUND_TRIPS, signal));
    } finally {
      await cluster.stop();
    }
  }
  const jobs = parts.includes('job') ? await measureJobs(context, choice, gpus, signal) : [];
  reports.push(...jobs.map(({ report }) => report));
  return { kernels, reports, ratios: ratiosOf(kernels?.kernels.rates ?? [], jobs) };
}

async function measureKernels(
  context: Context,
  { cases, engines, gpu, seconds, rounds }: Choice,
  gpus: GpuProbe,
  signal: AbortSignal,
): Promise<KernelFindings> {
  const core = pinnedCore();
  const { programs, skipped } = await openPrograms({
    engines,
    workloads: [...new Set(cases.map(({ workload }) => workload))],
    gpus,
    software: gpu === 'true',
    environment: context.settings.environment,
    core,
  });
  try {
    const progress = (line: string) => note(context, line);
    const kernels = await benchKernels(cases, programs, engines, { seconds, rounds, signal, note: progress });
    return { kernels, skipped, core };
  } finally {
    for (const program of programs) program.close();
  }
}

async function measureJobs(
  context: Context,
  { jobCases, engines, threads, jobSeconds: seconds }: Choice,
  gpus: GpuProbe,
  signal: AbortSignal,
): Promise<readonly JobRate[]> {
  const { environment } = context.settings;
  const cpu = engines.includes('wasm') ? [undefined] : [];
  const workers = [...cpu, ...(engines.includes('wgsl') ? gpus.adapters : [])];
  const jobs: JobRate[] = [];
  for (const test of jobCases) {
    for (const gpu of workers) {
      note(context, `job: ${test.name}, ${gpu === undefined ? 'a CPU worker' : gpu.name} …`);
      jobs.push(await benchJob(test, { environment, threads, gpu, seconds, signal }));
    }
  }
  return jobs;
}

function printFindings(context: Context, { kernels, ratios, reports }: Findings): void {
  if (wantsJson(context)) {
    print(context, JSON.stringify({ machine: machine(), ...kernels, ratios, reports }, null, 2));
    return;
  }
  const markdown = context.settings.get(options.MARKDOWN);
  const parts = [machine()];
  if (kernels !== undefined) parts.push(...(markdown ? kernelMarkdown : kernelText)(kernels));
  parts.push(...reports.map(markdown ? reportMarkdown : reportText));
  if (ratios.length > 0) parts.push((markdown ? ratiosMarkdown : ratiosText)(ratios));
  print(context, parts.join('\n\n'));
}
