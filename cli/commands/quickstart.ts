/** quickstart: the whole way once, on free ports and in a folder of its own, and nothing left behind. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from '../api-client.ts';
import { privatePlan } from '../cluster-plan.ts';
import { CommandError, EXIT, note, print, type Command, type Context, type ExitCode } from '../command.ts';
import { probeGpus } from '../gpu-probe.ts';
import { startLocalCluster } from '../local-cluster.ts';
import * as options from '../options.ts';
import { duration, grouped, rate } from '../quantities.ts';
import { compareWithOeis, type Comparison } from '../records.ts';
import { stopSignal } from '../stop-signal.ts';
import type { Supervisor } from '../supervisor.ts';
import { table } from '../table.ts';
import { followJob } from '../watch.ts';
import { gpuLine } from './up.ts';

const END = 10n ** 8n;
/** Where there is no terminal to draw a bar on. */
const LINE_EVERY_MS = 3000;
/** A cluster that counts nothing for so long is stuck. Slow machines count something every few seconds. */
const STUCK_MS = 120_000;
const LOG_CHARACTERS = 20_000;

export const quickstart: Command = {
  usage: 'quickstart',
  about:
    'Starts a cluster on free ports, finds the Collatz records below 10^8 with it, compares them with OEIS, and stops.',
  options: [options.GPU_ENABLED, options.GPU_DEVICES, options.WORKER_THREADS],
  takes: [0, 0],
  async run(context) {
    const dataDir = mkdtempSync(join(tmpdir(), 'threads-quickstart-'));
    const log = new LogTail();
    let supervisor: Supervisor | undefined;
    const interrupt = new AbortController();
    const { stopped, release } = stopSignal(() => {
      supervisor?.kill();
      rmSync(dataDir, { recursive: true, force: true });
      process.exit(EXIT.failed);
    });
    void stopped.then(() => interrupt.abort());
    try {
      const code = await showTheWay(context, dataDir, log, interrupt.signal, (made) => (supervisor = made));
      if (code === EXIT.done) farewell(context);
      else note(context, 'Stopped. Nothing is left behind.');
      return code;
    } catch (error) {
      if (interrupt.signal.aborted) {
        note(context, 'Stopped. Nothing is left behind.');
        return EXIT.interrupted;
      }
      if (log.text !== '') note(context, log.text);
      throw failure(error);
    } finally {
      await supervisor?.stop();
      supervisor?.kill();
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
      release();
    }
  },
};

async function showTheWay(
  context: Context,
  dataDir: string,
  log: LogTail,
  signal: AbortSignal,
  started: (supervisor: Supervisor) => void,
): Promise<ExitCode> {
  const { settings } = context;
  const choice = settings.get(options.GPU_ENABLED);
  const gpus = await probeGpus(choice);
  if (choice === 'true' && gpus.adapters.length === 0)
    throw new CommandError(gpus.problem ?? 'there is no GPU');
  const threads = settings.get(options.WORKER_THREADS);
  const plan = privatePlan({
    variables: settings.environment,
    dataDir,
    threads: gpus.adapters.length === 0 ? Math.max(1, threads) : threads,
    gpuDevices: settings.get(options.GPU_DEVICES),
    env: { GPU_ENABLED: choice },
  });
  const say = (line: string) => note(context, line);
  const cluster = await startLocalCluster(plan, gpus, { say, stderr: (text) => log.add(text) }, started);
  if (signal.aborted) return EXIT.interrupted;
  say(`A coordinator runs at ${cluster.url}.`);
  say(`CPU: one worker with ${plan.threads} threads`);
  say(gpuLine(gpus));

  const api = new ApiClient(cluster.url);
  const { job_id } = (
    await api.submit({
      type: 'collatz',
      name: 'quick start',
      priority: 'normal',
      gpu_preferred: false,
      placement: {},
      parameters: { start: '1', end: String(END), mode: 'statistics' },
    })
  ).value;
  say(`Job ${job_id}: delays and peaks of all Collatz paths from 1 to ${grouped(END - 1n)}`);
  const startedAt = performance.now();
  const last = await Promise.race([
    followJob(context, api, job_id, signal, LINE_EVERY_MS),
    cluster.failed.then((reason) => Promise.reject(new CommandError(reason))),
    stuck(api, job_id, signal),
  ]);
  if (last === undefined) return EXIT.interrupted;
  if (last.status !== 'completed') {
    throw new CommandError(`the job ${last.status}: ${last.error?.message ?? 'no reason is known'}`);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  say(`Done in ${duration(seconds)}, ${rate(Number(END) / seconds)}.`);
  const { value } = await api.results(job_id);
  if (value.partial)
    throw new CommandError('the cluster says that the job is completed, but its result is partial');
  const comparison = compareWithOeis(value.result, END);
  print(context, recordsText(comparison));
  if (comparison.differences.length > 0) {
    const shown = comparison.differences.slice(0, 10).join('; ');
    throw new CommandError(`the cluster’s records are not those of OEIS: ${shown}`);
  }
  return EXIT.done;
}

/** Rejects when nothing was counted for STUCK_MS. */
async function stuck(api: ApiClient, jobId: string, signal: AbortSignal): Promise<never> {
  let done = '';
  let changedAt = performance.now();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 2000).unref());
    if (signal.aborted) return new Promise(() => undefined);
    // A failed request counts as no progress.
    const status = await api.status(jobId).catch(() => undefined);
    if (status !== undefined && (status.value.progress.done !== done || status.value.finished_at !== null)) {
      done = status.value.progress.done;
      changedAt = performance.now();
    }
    if (performance.now() - changedAt > STUCK_MS) {
      const why = status?.value.waiting_for ?? 'no reason is known';
      throw new CommandError(`nothing was computed for ${STUCK_MS / 1000} s (waiting for: ${why})`);
    }
  }
}

const SHOWN = 8;

function recordsText({ delays, peaks, differences }: Comparison): string {
  const agreement = (name: string) =>
    differences.length === 0 ? `, every one as in OEIS ${name}` : `, NOT as in OEIS ${name}`;
  const number = (text: string) => grouped(text);
  return [
    `\n${delays.length} delay records below ${grouped(END)}${agreement('A006877')}; the largest:`,
    table(delays.slice(-SHOWN), [
      { title: 'n', align: 'right', text: ({ n }) => number(n) },
      { title: 'steps to 1', align: 'right', text: ({ delay }) => String(delay) },
    ]),
    `\n${peaks.length} path records${agreement('A006884')}; the largest:`,
    table(peaks.slice(-SHOWN), [
      { title: 'n', align: 'right', text: ({ n }) => number(n) },
      { title: 'climbs to', align: 'right', text: ({ peak }) => number(peak) },
    ]),
    '',
  ].join('\n');
}

function farewell(context: Context): void {
  print(
    context,
    [
      'The cluster is stopped. To start one that stays:',
      '  npm run -s threads -- up',
      'then open http://127.0.0.1:3000/ in a browser, or submit a job:',
      '  npm run -s threads -- submit collatz --start 1 --end 1e9 --watch',
    ].join('\n'),
  );
}

function failure(error: unknown): CommandError {
  return new CommandError(
    `The quick start failed: ${error instanceof Error ? error.message : String(error)}`,
  );
}

/** The end of what the services logged, shown only if something fails. */
class LogTail {
  text = '';

  add(piece: string): void {
    this.text = (this.text + piece).slice(-LOG_CHARACTERS);
  }
}
