/** load: how much a coordinator can take. */
import { randomBytes } from 'node:crypto';
import { CommandError, EXIT, note, print, wantsJson, type Command, type Context } from '../command.ts';
import { keyFor } from '../key.ts';
import type { StoreChoice } from '../load/fresh-store.ts';
import { namedCluster, startMeasured, type MeasuredCluster } from '../load/measured-cluster.ts';
import { measureOneWorker } from '../load/one-worker.ts';
import { checkOpenFiles } from '../load/open-files.ts';
import type { Scenario } from '../load/scenario-names.ts';
import { runScenario, type LoadChoice } from '../load/scenarios.ts';
import { measureWaitingJobs } from '../load/waiting-jobs.ts';
import { UsageError } from '../option.ts';
import * as options from '../options.ts';
import { machine, reportMarkdown, reportText, type Report } from '../report.ts';
import { stopSignal } from '../stop-signal.ts';

export const load: Command = {
  usage: 'load [--scenario NAME]',
  about:
    'Loads a coordinator with simulated workers and tells what it did and what that cost: its own on free ports, or running ones of this machine with --url.',
  options: [
    options.LOAD_SCENARIO,
    options.LOAD_WORKERS,
    options.LOAD_IDLE,
    options.LOAD_RATE,
    options.SECONDS,
    options.LOAD_STORM,
    options.BATCHES,
    options.LOAD_SEED,
    options.LOAD_PROCESSES,
    options.WAITING_JOBS,
    options.LOAD_FINISHED,
    options.LOAD_STORE,
    options.WORKER_THREADS,
    options.TARGET_URLS,
    options.TARGET_METRICS,
    options.BEYOND_LOOPBACK,
    options.API_KEY,
    options.API_KEY_FILE,
    options.MARKDOWN,
  ],
  takes: [0, 0],
  examples: [
    'load',
    'load --scenario idle --workers 15000',
    'load --scenario paced --rate 1000 --idle 5000',
    'load --scenario storm --workers 5000',
    'load --scenario churn --seed 7 --json',
    'load --load-store postgres://threads@127.0.0.1/threads --finished-jobs 100000',
  ],
  async run(context) {
    checkTargets(context);
    const interrupt = new AbortController();
    const { stopped, release } = stopSignal(() => process.exit(EXIT.failed));
    void stopped.then(() => interrupt.abort());
    const reports: Report[] = [];
    try {
      for (const name of chosen(context)) {
        note(context, `Measuring: ${name} …`);
        reports.push(await measure(context, name, interrupt.signal));
      }
    } catch (error) {
      if (interrupt.signal.aborted) return EXIT.interrupted;
      if (error instanceof UsageError) throw error;
      throw new CommandError(error instanceof Error ? error.message : String(error));
    } finally {
      release();
    }
    printReports(context, reports);
    return EXIT.done;
  },
};

type Name = Exclude<(typeof options.LOAD_SCENARIOS)[number], 'all'>;

function chosen({ settings }: Context): readonly Name[] {
  const name = settings.get(options.LOAD_SCENARIO);
  if (name !== 'all') return [name];
  return ['idle', 'paced', 'flood', 'storm', 'churn', 'waiting-jobs', 'one-worker'];
}

async function measure({ settings }: Context, name: Name, signal: AbortSignal): Promise<Report> {
  const [first, ...others] = settings.get(options.TARGET_URLS);
  const key = first === undefined ? undefined : keyFor(settings, first, 'admin');
  const threads = Math.max(1, settings.get(options.WORKER_THREADS));
  const store = {
    database: settings.get(options.LOAD_STORE),
    finishedJobs: settings.get(options.LOAD_FINISHED),
  };
  if (first !== undefined && (store.database !== undefined || store.finishedJobs > 0))
    throw new UsageError(
      '--load-store and --finished-jobs are for a coordinator of its own: leave out --url',
    );
  const on = async (
    workers: number,
    what: (cluster: MeasuredCluster) => Promise<Report>,
  ): Promise<Report> => {
    const cluster =
      first === undefined
        ? await startMeasured(settings.environment, workers, signal, { store })
        : namedCluster([first, ...others], settings.get(options.TARGET_METRICS), key);
    try {
      const report = await what(cluster);
      return { ...report, title: [report.title, ...told(store)].join(', ') };
    } finally {
      await cluster.stop();
    }
  };
  switch (name) {
    case 'waiting-jobs':
      return on(0, (cluster) => measureWaitingJobs(cluster, settings.get(options.WAITING_JOBS), key, signal));
    case 'one-worker': {
      if (first !== undefined)
        throw new UsageError('--scenario one-worker starts its own worker: leave out --url');
      const given = settings.text(options.SECONDS) !== undefined;
      return on(threads, (cluster) =>
        measureOneWorker(cluster, threads, given ? settings.get(options.SECONDS) : 60, signal),
      );
    }
    default: {
      const choice = choose({ settings }, name, key);
      checkOpenFiles(choice.workers + choice.idle);
      return on(0, (cluster) => runScenario(cluster, choice, signal));
    }
  }
}

function told({ database, finishedJobs }: StoreChoice): readonly string[] {
  return [
    ...(database === undefined ? [] : ['on PostgreSQL']),
    ...(finishedJobs === 0 ? [] : [`beside ${finishedJobs} finished jobs`]),
  ];
}

const WORKERS: Readonly<Record<Scenario, number>> = {
  idle: 1000,
  paced: 500,
  flood: 500,
  storm: 1000,
  churn: 200,
};

function choose(
  { settings }: Pick<Context, 'settings'>,
  scenario: Scenario,
  key: string | undefined,
): LoadChoice {
  const workers = settings.get(options.LOAD_WORKERS) ?? WORKERS[scenario];
  const idle = settings.get(options.LOAD_IDLE);
  if (workers + idle > 20_000) throw new UsageError('--workers and --idle: at most 20000 together');
  const own = settings.get(options.TARGET_URLS).length === 0;
  const storm =
    own || settings.text(options.LOAD_STORM) !== undefined ? settings.get(options.LOAD_STORM) : 'cut';
  if (!own && storm !== 'cut')
    throw new UsageError(`--storm ${storm}: a coordinator that --url names is not ended, take --storm cut`);
  const perSecond =
    settings.get(options.LOAD_RATE) ?? (scenario === 'paced' ? 1000 : Math.max(1, Math.round(workers / 5)));
  return {
    ...{ scenario, workers, idle, perSecond, storm, key },
    seconds: settings.get(options.SECONDS),
    batches: settings.get(options.BATCHES),
    seed: settings.get(options.LOAD_SEED) ?? randomBytes(4).toString('hex'),
    processes: settings.get(options.LOAD_PROCESSES),
  };
}

/** Load is for machines of one's own: this one, unless the operator says so. */
function checkTargets({ settings }: Context): void {
  if (settings.get(options.BEYOND_LOOPBACK)) return;
  for (const url of [...settings.get(options.TARGET_URLS), ...settings.get(options.TARGET_METRICS)]) {
    const { hostname } = new URL(url);
    if (hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)) continue;
    throw new UsageError(
      `${url} is not on this machine: load is put only on a loopback address, unless --beyond-loopback says that it may`,
    );
  }
}

export function printReports(context: Context, reports: readonly Report[]): void {
  if (wantsJson(context)) {
    print(context, JSON.stringify({ machine: machine(), reports }, null, 2));
  } else if (context.settings.get(options.MARKDOWN)) {
    print(context, [machine(), ...reports.map(reportMarkdown)].join('\n\n'));
  } else {
    print(context, [machine(), ...reports.map(reportText)].join('\n\n'));
  }
}
