/** jobs and nodes. */
import type { JobStatus, NodeStatus } from '../../protocol/http.ts';
import {
  CLIENT_OPTIONS,
  apiClient,
  EXIT,
  note,
  print,
  printJson,
  wantsJson,
  type Command,
} from '../command.ts';
import * as options from '../options.ts';
import { ago, duration, grouped, percent, rate } from '../quantities.ts';
import { printable, table, type Column } from '../table.ts';

export const jobs: Command = {
  usage: 'jobs',
  about: 'Jobs, newest first.',
  options: [
    options.STATE_FILTER,
    options.TYPE_FILTER,
    options.OF_USER,
    options.LIMIT,
    options.CURSOR,
    ...CLIENT_OPTIONS,
  ],
  takes: [0, 0],
  async run(context) {
    const { settings } = context;
    const reply = await apiClient(context).jobs({
      status: settings.get(options.STATE_FILTER),
      type: settings.get(options.TYPE_FILTER),
      user_id: settings.get(options.OF_USER),
      limit: String(settings.get(options.LIMIT)),
      cursor: settings.get(options.CURSOR),
    });
    if (wantsJson(context)) {
      printJson(context, reply.json);
      return EXIT.done;
    }
    if (reply.value.jobs.length === 0) note(context, 'There are no such jobs.');
    else print(context, table(reply.value.jobs, jobColumns(Date.now())));
    const { next_cursor } = reply.value;
    if (next_cursor !== null) note(context, `Older ones: ${context.self} jobs --cursor ${next_cursor}`);
    return EXIT.done;
  },
};

function jobColumns(now: number): Column<JobStatus>[] {
  return [
    { title: 'JOB', text: (job) => job.job_id },
    { title: 'USER', text: (job) => printable(job.user_id ?? '–') },
    { title: 'TYPE', text: (job) => job.type },
    { title: 'STATUS', text: (job) => job.status },
    { title: 'DONE', align: 'right', text: (job) => percent(job.progress.fraction) },
    { title: 'OF', align: 'right', text: (job) => grouped(job.progress.total) },
    { title: 'RATE', align: 'right', text: (job) => rate(job.progress.rate_per_second) },
    {
      title: 'LEFT',
      align: 'right',
      text: ({ progress }) => (progress.eta_seconds === null ? '–' : duration(progress.eta_seconds)),
    },
    { title: 'SUBMITTED', text: (job) => ago(job.created_at, now) },
    { title: 'NAME', text: (job) => printable(job.name ?? '') },
  ];
}

export const nodes: Command = {
  usage: 'nodes [NODE]',
  about: 'Every worker that is or was connected, or one of them.',
  options: [...CLIENT_OPTIONS],
  takes: [0, 1],
  async run(context) {
    const api = apiClient(context);
    const [nodeId] = context.positionals;
    if (nodeId !== undefined) {
      const { value, json } = await api.node(nodeId);
      if (wantsJson(context)) printJson(context, json);
      else print(context, table([value], nodeColumns(Date.now())));
      return EXIT.done;
    }
    const { value, json } = await api.nodes();
    if (wantsJson(context)) printJson(context, json);
    else if (value.nodes.length === 0) {
      note(context, `No workers are connected. Start one with: ${context.self} worker --url ${api.url}`);
    } else print(context, table(value.nodes, nodeColumns(Date.now())));
    return EXIT.done;
  },
};

function nodeColumns(now: number): Column<NodeStatus>[] {
  return [
    { title: 'NODE', text: (node) => node.node_id },
    { title: 'KIND', text: (node) => node.kind },
    { title: 'STATE', text: (node) => node.state },
    { title: 'RATE', align: 'right', text: (node) => rate(node.rate_per_second) },
    {
      title: 'BUSY',
      align: 'right',
      text: ({ busy_fraction }) => (busy_fraction === null ? '–' : percent(busy_fraction)),
    },
    { title: 'BATCHES', align: 'right', text: (node) => grouped(node.batches_done) },
    { title: 'ERRORS', align: 'right', text: (node) => grouped(node.errors) },
    { title: 'SEEN', text: (node) => ago(node.last_heartbeat, now) },
    { title: 'DEVICE', text: (node) => printable(node.device.description) },
    { title: 'TAGS', text: (node) => node.tags.join(',') },
  ];
}
