/** load: how much a coordinator can take. */
import { CommandError, EXIT, note, print, wantsJson, type Command, type Context } from '../command.ts';
import { measureIdle, measureRoundTrips } from '../load/round-trips.ts';
import { measureOneWorker } from '../load/one-worker.ts';
import { measureWaitingJobs } from '../load/waiting-jobs.ts';
import { namedCluster, startMeasured, type MeasuredCluster } from '../load/measured-cluster.ts';
import { UsageError } from '../option.ts';
import * as options from '../options.ts';
import { machine, reportMarkdown, reportText, type Report } from '../report.ts';
import { stopSignal } from '../stop-signal.ts';

export const load: Command = {
  usage: 'load [--mode MODE]',
  about:
    'Measures a coordinator: its own on free ports, or a running one of this machine with --url. The load stays on the loopback addresses.',
  options: [
    options.LOAD_MODE,
    options.CONNECTIONS,
    options.SECONDS,
    options.BATCHES,
    options.WAITING_JOBS,
    options.WORKER_THREADS,
    options.TARGET_URL,
    options.MARKDOWN,
  ],
  takes: [0, 0],
  examples: ['load', 'load --mode idle --connections 1000', 'load --mode all --markdown'],
  async run(context) {
    const { settings } = context;
    const url = settings.get(options.TARGET_URL);
    if (url !== undefined) checkLoopback(url);
    const interrupt = new AbortController();
    const { stopped, release } = stopSignal(() => process.exit(EXIT.failed));
    void stopped.then(() => interrupt.abort());
    const reports: Report[] = [];
    try {
      for (const mode of chosenModes(context)) {
        note(context, `Measuring: ${mode} …`);
        reports.push(await measure(context, mode, url, interrupt.signal));
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

type Mode = Exclude<(typeof options.LOAD_MODES)[number], 'all'>;

function chosenModes({ settings }: Context): readonly Mode[] {
  const mode = settings.get(options.LOAD_MODE);
  return mode === 'all' ? ['round-trips', 'idle', 'waiting-jobs', 'one-worker'] : [mode];
}

async function measure(
  { settings }: Context,
  mode: Mode,
  url: string | undefined,
  signal: AbortSignal,
): Promise<Report> {
  const threads = Math.max(1, settings.get(options.WORKER_THREADS));
  const connections = settings.get(options.CONNECTIONS);
  const seconds = settings.get(options.SECONDS);
  const given = settings.text(options.SECONDS) !== undefined;
  const on = async (
    workers: number,
    what: (cluster: MeasuredCluster) => Promise<Report>,
  ): Promise<Report> => {
    const cluster =
      url === undefined ? await startMeasured(settings.environment, workers, signal) : namedCluster(url);
    try {
      return await what(cluster);
    } finally {
      await cluster.stop();
    }
  };
  switch (mode) {
    case 'round-trips':
      return on(0, (cluster) =>
        measureRoundTrips(cluster, connections, seconds, settings.get(options.BATCHES), signal),
      );
    case 'idle': {
      const many = settings.text(options.CONNECTIONS) === undefined ? 1000 : connections;
      return on(0, (cluster) => measureIdle(cluster, many, seconds, signal));
    }
    case 'waiting-jobs':
      return on(0, (cluster) => measureWaitingJobs(cluster, settings.get(options.WAITING_JOBS), signal));
    case 'one-worker':
      if (url !== undefined) throw new UsageError('--mode one-worker starts its own worker: leave out --url');
      return on(threads, (cluster) => measureOneWorker(cluster, threads, given ? seconds : 60, signal));
  }
}

/** Load is for machines of one's own: this one. */
function checkLoopback(url: string): void {
  const { hostname } = new URL(url);
  if (hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)) return;
  throw new UsageError(`--url ${url} is not on this machine: load is put only on a loopback address`);
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
