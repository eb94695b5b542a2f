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
import { openPrograms } from '../bench/programs.ts';
import { ratiosOf, type Ratio } from '../bench/ratios.ts';
import { benchStore } from '../bench/store.ts';
import { CommandError, EXIT, note, print, wantsJson, type Command, type Context } from '../command.ts';
import { probeGpus, type GpuProbe } from '../gpu-probe.ts';
import { startMeasured } from '../load/measured-cluster.ts';
import { measureRoundTrips } from '../load/round-trips.ts';
import { UsageError } from '../option.ts';
import * as options from '../options.ts';
import { machine, reportMarkdown, reportText, type Report } from '../report.ts';
import { stopSignal } from '../stop-signal.ts';

const CONNECTIONS = 64;
const STORE_S = 1;
const ROUND_TRIPS_S = 3;

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
    const interrupt = new AbortController();
    const { stopped, release } = stopSignal(() => process.exit(EXIT.failed));
    void stopped.then(() => interrupt.abort());
    let findings: Findings;
    try {
      findings = await measure(context, interrupt.signal);
    } catch (error) {
      if (interrupt.signal.aborted) return EXIT.interrupted;
      if (error instanceof UsageError) throw error;
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

async function measure(context: Context, signal: AbortSignal): Promise<Findings> {
  const { settings } = context;
  const parts = settings.get(options.BENCH_ONLY);
  const cases = chosenCases(context);
  const jobCases = parts.includes('job') ? chosenJobCases(context) : [];
  const choice = settings.get(options.GPU_ENABLED);
  const computes = parts.includes('kernels') || parts.includes('job');
  const gpus = await probeGpus(computes ? choice : 'false');
  const reports: Report[] = [];

  const kernels = parts.includes('kernels') ? await measureKernels(context, cases, gpus, signal) : undefined;
  if (parts.includes('store')) {
    note(context, 'store …');
    reports.push(await benchStore(STORE_S, signal));
  }
  if (parts.includes('round-trips')) {
    note(context, 'round trips …');
    const cluster = await startMeasured(settings.environment, 0, signal);
    try {
      reports.push(await measureRoundTrips(cluster, CONNECTIONS, ROUND_TRIPS_S, 'verify', signal));
    } finally {
      await cluster.stop();
    }
  }
  const jobs = await measureJobs(context, jobCases, gpus, signal);
  reports.push(...jobs.map(({ report }) => report));
  return { kernels, reports, ratios: ratiosOf(kernels?.kernels.rates ?? [], jobs) };
}

/** @throws UsageError if the options name no case */
function chosenCases({ settings }: Context): readonly Case[] {
  const workloads = settings.get(options.BENCHED_WORKLOADS);
  const places = settings.get(options.BENCHED_PLACES);
  const chosen = CASES.filter(
    ({ workload, place }) => workloads.includes(workload) && places.includes(place),
  );
  if (chosen.length > 0) return chosen;
  throw new UsageError(
    `no case is left: --at ${places.join(',')} names no place of ${workloads.join(', ')}; numbers begin at 1, 2^32, 2^40, 2^68 or 2^95, and thread has the sets A to G`,
  );
}

/** A job takes a minute for each engine: one case, unless more are named. */
function chosenJobCases(context: Context): readonly Case[] {
  const { settings } = context;
  const named = settings.text(options.BENCHED_PLACES) !== undefined;
  const workloads =
    settings.text(options.BENCHED_WORKLOADS) === undefined
      ? ['verify']
      : settings.get(options.BENCHED_WORKLOADS);
  return chosenCases(context).filter(
    ({ workload, place }) => workloads.includes(workload) && (named || place === '2^40' || place === 'A'),
  );
}

async function measureKernels(
  context: Context,
  cases: readonly Case[],
  gpus: GpuProbe,
  signal: AbortSignal,
): Promise<KernelFindings> {
  const { settings } = context;
  const engines = settings.get(options.BENCHED_ENGINES);
  const core = pinnedCore();
  const { programs, skipped } = await openPrograms({
    engines,
    workloads: [...new Set(cases.map(({ workload }) => workload))],
    gpus,
    software: settings.get(options.GPU_ENABLED) === 'true',
    environment: settings.environment,
    core,
  });
  try {
    const kernels = await benchKernels(cases, programs, engines, {
      seconds: settings.get(options.BENCH_SECONDS),
      rounds: settings.get(options.BENCH_ROUNDS),
      signal,
      note: (line) => note(context, line),
    });
    return { kernels, skipped, core };
  } finally {
    for (const program of programs) program.close();
  }
}

async function measureJobs(
  context: Context,
  cases: readonly Case[],
  gpus: GpuProbe,
  signal: AbortSignal,
): Promise<readonly JobRate[]> {
  const { settings } = context;
  const engines = settings.get(options.BENCHED_ENGINES);
  const workers = [
    ...(engines.includes('wasm') ? [undefined] : []),
    ...(engines.includes('wgsl') ? gpus.adapters : []),
  ];
  const jobs: JobRate[] = [];
  for (const test of cases) {
    for (const gpu of workers) {
      note(context, `job: ${test.name}, ${gpu === undefined ? 'a CPU worker' : gpu.name} …`);
      const job = await benchJob(test, {
        environment: settings.environment,
        threads: Math.max(1, settings.get(options.WORKER_THREADS)),
        gpu,
        seconds: settings.get(options.JOB_SECONDS),
        signal,
      });
      jobs.push(job);
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
