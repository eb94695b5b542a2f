/** status, results, cancel, pause, resume: one job, or the cluster at a glance. */
import type { ClusterStatus, JobStatus } from '../../protocol/http.ts';
import type { ApiClient, Reply } from '../api-client.ts';
import {
  CLIENT_OPTIONS,
  apiClient,
  EXIT,
  jobOf,
  print,
  printJson,
  wantsJson,
  type Command,
  type Context,
  type ExitCode,
} from '../command.ts';
import * as options from '../options.ts';
import { ago, duration, grouped, percent, rate } from '../quantities.ts';
import { resultText } from '../result-text.ts';
import { pairs, printable } from '../table.ts';
import { exitCodeOf, watchJob } from '../watch.ts';
import { watchAndPrint } from './submit.ts';

export const status: Command = {
  usage: 'status [JOB]',
  about: 'The state of a job; without one, that of the cluster.',
  options: [options.WATCH, ...CLIENT_OPTIONS],
  takes: [0, 1],
  async run(context) {
    const api = apiClient(context);
    if (context.positionals.length === 0) {
      const overview = await api.overview();
      if (wantsJson(context)) printJson(context, overview.json);
      else print(context, overviewText(overview.value));
      return EXIT.done;
    }
    const jobId = jobOf(context);
    const code = context.settings.get(options.WATCH) ? await watchJob(context, api, jobId) : EXIT.done;
    if (code === EXIT.interrupted) return code;
    printStatus(context, await api.status(jobId));
    return code;
  },
};

export const results: Command = {
  usage: 'results JOB',
  about: 'The result of a job; while it runs, over what is done so far.',
  options: [options.WATCH, ...CLIENT_OPTIONS],
  takes: [1, 1],
  async run(context) {
    if (context.settings.get(options.WATCH)) return watchAndPrint(context);
    const api = apiClient(context);
    const reply = await api.results(jobOf(context));
    if (wantsJson(context)) printJson(context, reply.json);
    else print(context, resultText(reply.value));
    const ended = reply.value.status === 'failed' || reply.value.status === 'cancelled';
    return ended ? exitCodeOf(context, (await api.status(jobOf(context))).value) : EXIT.done;
  },
};

type Step = (api: ApiClient, jobId: string) => Promise<Reply<JobStatus>>;

/** A command that moves a job into another state. */
function step(name: string, about: string, move: Step): Command {
  return {
    usage: `${name} JOB`,
    about,
    options: [...CLIENT_OPTIONS],
    takes: [1, 1],
    async run(context): Promise<ExitCode> {
      printStatus(context, await move(apiClient(context), jobOf(context)));
      return EXIT.done;
    },
  };
}

export const cancel = step('cancel', 'Ends a job for good; what is computed so far stays.', (api, job) =>
  api.cancel(job),
);
export const pause = step('pause', 'Lets a job rest; workers hand back what they have begun.', (api, job) =>
  api.pause(job),
);
export const resume = step('resume', 'Lets a paused job go on.', (api, job) => api.resume(job));

function printStatus(context: Context, reply: Reply<JobStatus>): void {
  if (wantsJson(context)) printJson(context, reply.json);
  else print(context, statusText(reply.value));
}

function statusText(job: JobStatus): string {
  const { progress, parameters, error } = job;
  const now = Date.now();
  const done = `${grouped(progress.done)} of ${grouped(progress.total)} ${job.unit}, ${percent(progress.fraction)}`;
  const entries: [string, string | null][] = [
    ['job', job.job_id],
    ['name', job.name === null ? null : printable(job.name)],
    ['user', job.user_id === null ? null : printable(job.user_id)],
    ['workload', job.type],
    ...Object.entries(parameters).map(([name, value]): [string, string] => [
      `  ${name.replaceAll('_', ' ')}`,
      /^\d+$/.test(String(value)) ? grouped(value) : printable(String(value)),
    ]),
    ['status', job.status],
    ['why', error === null ? null : printable(error.message)],
    ['waiting for', job.waiting_for === null ? null : printable(job.waiting_for)],
    ['in the queue', job.queue_position === null ? null : `number ${job.queue_position + 1}`],
    ['priority', job.priority],
    ['expected', job.expected_seconds === null ? null : duration(job.expected_seconds)],
    ['done', done],
    ['rate', progress.rate_per_second === null ? null : rate(progress.rate_per_second)],
    ['time left', progress.eta_seconds === null ? null : duration(progress.eta_seconds)],
    ['submitted', ago(job.created_at, now)],
    ['started', job.started_at === null ? null : ago(job.started_at, now)],
    ['finished', job.finished_at === null ? null : ago(job.finished_at, now)],
  ];
  return pairs(entries.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const])));
}

function overviewText(cluster: ClusterStatus): string {
  const { workers, jobs } = cluster;
  const tally = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .filter(([, n]) => n > 0)
      .map(([name, n]) => `${n} ${name}`)
      .join(', ') || 'none';
  const expected = workers.expected === null ? '' : ` of ${workers.expected} expected`;
  const speeds = cluster.throughput
    .filter(({ units_per_second }) => units_per_second > 0)
    .map(({ type, kind, units_per_second }) => `${type} on ${kind} ${rate(units_per_second)}`);
  const entries: [string, string][] = [
    ['version', `${cluster.version}, protocol ${cluster.protocol}`],
    ['up for', duration(cluster.uptime_seconds) + (cluster.draining ? ', stopping' : '')],
    ['store', cluster.store === 'ok' ? 'ok' : 'cannot be written: see the coordinator’s log'],
    [
      'workers',
      `${workers.connected}${expected} connected: ${tally(workers.by_kind)}; ${tally(workers.by_state)}`,
    ],
    ['jobs', tally(jobs)],
    ['last minute', speeds.length === 0 ? 'nothing computed' : speeds.join('; ')],
    ...cluster.waiting
      .slice(0, 10)
      .map(({ job_id, waiting_for }): [string, string] => [
        'waiting',
        `${job_id}: ${printable(waiting_for)}`,
      ]),
  ];
  return pairs(entries);
}
