/** The report as text: tables, then what to do. */
import { bytes, duration, grouped, percent, rate } from '../quantities.ts';
import { pairs, printable, table, type Column } from '../table.ts';
import type { ClusterUsage, FiringAlert, Latency, ProcessMemory, Throughput, WorkerUse } from './usage.ts';

export function usageText(usage: ClusterUsage, advice: readonly string[]): string {
  const { workers, workers_gone: gone, alerts } = usage;
  const rows = latencyRows(usage);
  return [
    `${minute(usage.from)} to ${minute(usage.to)} UTC, ${duration(usage.seconds)}`,
    part('Throughput', usage.throughput.length === 0 ? 'nothing computed' : table(usage.throughput, WORK)),
    part(
      'Workers',
      workers.length === 0 ? 'none that Prometheus reaches' : table(workers, WORKERS),
      gone === 0 ? '' : `and ${gone} that came and went`,
    ),
    part('Results', pairs(resultPairs(usage))),
    part('Memory, at most', table(usage.memory, MEMORY)),
    part('Latency', rows.length === 0 ? 'nothing to measure' : table(rows, LATENCY)),
    part(
      'Alerts',
      alerts.length === 0 ? 'none is firing' : table(alerts, ALERTS),
      usage.alerts_over.length === 0 ? '' : `fired meanwhile: ${usage.alerts_over.map(printable).join(', ')}`,
    ),
    part('Advice', advice.length === 0 ? 'nothing stands out' : advice.map((line) => `- ${line}`).join('\n')),
  ].join('\n\n');
}

const part = (title: string, ...lines: readonly string[]) =>
  [title, ...lines.filter((line) => line !== '').map((line) => line.replaceAll(/^/gm, '  '))].join('\n');

const minute = (time: string) => time.replace('T', ' ').slice(0, 16);

const WORK: Column<Throughput>[] = [
  { title: 'TYPE', text: ({ type }) => printable(type) },
  { title: 'KIND', text: ({ kind }) => printable(kind) },
  { title: 'UNITS', align: 'right', text: ({ units }) => grouped(units) },
  { title: 'RATE', align: 'right', text: ({ units_per_second }) => rate(units_per_second) },
  { title: 'BATCHES', align: 'right', text: ({ batches }) => grouped(batches) },
];

const WORKERS: Column<WorkerUse>[] = [
  { title: 'NODE', text: ({ node_id }) => printable(node_id) },
  { title: 'KIND', text: ({ kind }) => printable(kind) },
  { title: 'BUSY', align: 'right', text: ({ busy_fraction }) => percent(busy_fraction) },
];

const MEMORY: Column<ProcessMemory>[] = [
  { title: 'PROCESS', text: ({ process }) => printable(process) },
  { title: 'MEMORY', align: 'right', text: ({ highest_bytes }) => bytes(highest_bytes) },
  {
    title: 'OF',
    align: 'right',
    text: ({ limit_bytes }) => (limit_bytes === null ? '–' : bytes(limit_bytes)),
  },
];

interface LatencyRow extends Latency {
  readonly what: string;
}

function latencyRows({ latency: { http, commits, batch_compute } }: ClusterUsage): readonly LatencyRow[] {
  return [
    { what: 'HTTP requests', ...http },
    { what: 'commits', ...commits },
    ...batch_compute.map((one) => ({ ...one, what: `batches on ${printable(one.kind)}` })),
  ].filter(({ count }) => count > 0);
}

const LATENCY: Column<LatencyRow>[] = [
  { title: 'OF', text: ({ what }) => what },
  { title: 'COUNT', align: 'right', text: ({ count }) => grouped(count) },
  { title: 'MEDIAN', align: 'right', text: ({ p50 }) => seconds(p50) },
  { title: '90 %', align: 'right', text: ({ p90 }) => seconds(p90) },
  { title: '99 %', align: 'right', text: ({ p99 }) => seconds(p99) },
];

function seconds(value: number | null): string {
  if (value === null) return '–';
  if (value < 1) return `${Number((value * 1000).toPrecision(2))} ms`;
  return value < 60 ? `${Number(value.toPrecision(2))} s` : duration(value);
}

const ALERTS: Column<FiringAlert>[] = [
  { title: 'ALERT', text: ({ name }) => printable(name) },
  { title: 'SEVERITY', text: ({ severity }) => printable(severity) },
  { title: 'SUMMARY', text: ({ summary }) => printable(summary) },
  { title: 'BEGIN WITH', text: ({ command }) => printable(command ?? '–') },
];

function resultPairs(usage: ClusterUsage): readonly (readonly [string, string])[] {
  const { results, leases, connected, volunteers_busy_fraction: busy } = usage;
  const by = results.failed_by.map(({ outcome, count }) => `${grouped(count)} ${printable(outcome)}`);
  const none = (fraction: number | null) => (fraction === null ? '' : ` (${percent(fraction)})`);
  const volunteers = busy === null ? '' : `, busy ${percent(busy)}`;
  return [
    ['accepted', grouped(results.accepted)],
    [
      'refused',
      `${grouped(results.failed)}${none(results.failed_fraction)}${by.length === 0 ? '' : `: ${by.join(', ')}`}`,
    ],
    [
      'leases',
      `${grouped(leases.ended)} ended, ${grouped(leases.expired)} expired${none(leases.expired_fraction)}`,
    ],
    [
      'workers',
      `${tenths(connected.operator)} of the operator, ${tenths(connected.volunteer)} volunteers${volunteers}, on average`,
    ],
    ['jobs', `${tenths(usage.jobs_running)} running, ${tenths(usage.jobs_waiting)} waiting, on average`],
  ];
}

const tenths = (value: number) => String(Math.round(value * 10) / 10);
