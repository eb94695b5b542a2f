/** What a cluster did over some time, as Prometheus remembers it. */
import { CommandError } from '../command-error.ts';
import type { Alert, Prometheus, Sample } from './prometheus.ts';
import { firstSeenQuestion, HISTOGRAMS, latencyQuestions, questions } from './questions.ts';
import type { Histogram, Question } from './questions.ts';

export interface Throughput {
  readonly type: string;
  readonly kind: string;
  readonly units: number;
  readonly units_per_second: number;
  readonly batches: number;
}

export interface WorkerUse {
  readonly node_id: string;
  readonly kind: string;
  /** Mean over the time in which it was seen, 0 to 1. */
  readonly busy_fraction: number;
}

export interface ProcessMemory {
  /** `coordinator`, or a worker's node_id (several on one process: separated by commas). */
  readonly process: string;
  readonly highest_bytes: number;
  readonly limit_bytes: number | null;
}

/** Seconds; null without a single observation. */
export interface Latency {
  readonly count: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

export interface FiringAlert {
  readonly name: string;
  readonly severity: string;
  readonly summary: string;
  readonly command: string | null;
  readonly since: string | null;
}

export interface ClusterUsage {
  /** ISO times: what Prometheus knows of the time that was asked for. */
  readonly from: string;
  readonly to: string;
  readonly seconds: number;
  readonly throughput: readonly Throughput[];
  /** The operator's, those that run now. */
  readonly workers: readonly WorkerUse[];
  /** Of the operator's, those that were seen and are gone: after a scale, or a restart in a container. */
  readonly workers_gone: number;
  readonly workers_expected: number | null;
  /** Means over the time. */
  readonly connected: { readonly operator: number; readonly volunteer: number };
  readonly volunteers_busy_fraction: number | null;
  readonly jobs_waiting: number;
  readonly jobs_running: number;
  readonly results: {
    readonly accepted: number;
    readonly failed: number;
    readonly failed_fraction: number | null;
    /** Most first; those of a job that was over are no failures, and are not here. */
    readonly failed_by: readonly { readonly outcome: string; readonly count: number }[];
  };
  readonly leases: {
    readonly ended: number;
    readonly expired: number;
    readonly expired_fraction: number | null;
  };
  readonly memory: readonly ProcessMemory[];
  readonly disk: { readonly free_bytes: number; readonly total_bytes: number } | null;
  readonly latency: {
    readonly http: Latency;
    readonly commits: Latency;
    readonly batch_compute: readonly (Latency & { readonly kind: string })[];
  };
  readonly http_failed_fraction: number | null;
  readonly alerts: readonly FiringAlert[];
  /** Names of alerts that fired meanwhile and are silent now. */
  readonly alerts_over: readonly string[];
}

/**
 * @param since what is asked for; the answer covers what Prometheus has of it
 * @throws UnreachableError; CommandError if Prometheus knows of no coordinator in that time
 */
export async function clusterUsage(prometheus: Prometheus, since: Date, to: Date): Promise<ClusterUsage> {
  const from = await firstSeen(prometheus, since, to);
  const seconds = (to.getTime() - from.getTime()) / 1000;
  // One more than it takes, so that the first sample itself is within.
  const w = `${Math.ceil(seconds) + 1}s`;
  const asked = Object.entries(questions(w)).map(
    async ([name, question]): Promise<[string, readonly Sample[]]> => [
      name,
      await prometheus.query(question, to),
    ],
  );
  const found = new Map(await Promise.all(asked));
  const [http, commits, batchCompute, alerts] = await Promise.all([
    latencies(prometheus, HISTOGRAMS.http, w, to),
    latencies(prometheus, HISTOGRAMS.commits, w, to),
    latencies(prometheus, HISTOGRAMS.batch_compute, w, to),
    prometheus.alerts(),
  ]);
  const of = (name: Question): readonly Sample[] => found.get(name) ?? [];
  const one = (name: Question): number | null => of(name)[0]?.value ?? null;

  const firing = firingAlerts(alerts);
  const connected = byLabel(of('connected'), 'whose');
  const volunteer = connected.get('volunteer') ?? 0;
  const [free_bytes, total_bytes] = [one('disk_free'), one('disk_total')];
  return {
    from: from.toISOString(),
    to: to.toISOString(),
    seconds,
    throughput: throughput(of('units'), of('batches'), seconds),
    ...workers(of('busy'), of('kinds'), of('present')),
    workers_expected: one('expected'),
    connected: { operator: connected.get('operator') ?? 0, volunteer },
    volunteers_busy_fraction: share(one('volunteers_busy') ?? 0, volunteer),
    jobs_waiting: one('waiting') ?? 0,
    jobs_running: one('running') ?? 0,
    results: results(byLabel(of('outcomes'), 'outcome')),
    leases: leases(byLabel(of('leases_ended'), 'how')),
    memory: [
      ...coordinatorMemory(one('coordinator_memory'), one('coordinator_limit')),
      ...workerMemory(of('worker_memory'), of('worker_limits'), of('worker_places')),
    ],
    disk: free_bytes === null || total_bytes === null ? null : { free_bytes, total_bytes },
    latency: { http: http[0] ?? NEVER, commits: commits[0] ?? NEVER, batch_compute: batchCompute },
    http_failed_fraction: httpFailed(byLabel(of('http_by_status'), 'status')),
    alerts: firing,
    alerts_over: of('fired')
      .map(({ labels }) => labels['alertname'] ?? '')
      .filter((name) => !firing.some((alert) => alert.name === name))
      .toSorted(),
  };
}

async function firstSeen(prometheus: Prometheus, since: Date, to: Date): Promise<Date> {
  const asked_s = Math.max(1, Math.ceil((to.getTime() - since.getTime()) / 1000));
  const [sample] = await prometheus.query(firstSeenQuestion(asked_s), to);
  if (sample === undefined) {
    throw new CommandError(
      `Prometheus at ${prometheus.url} has seen no coordinator since ${since.toISOString()}: ` +
        `ask for a longer time by --hours, or look at ${prometheus.url}/targets for what it reaches`,
    );
  }
  return new Date(Math.max(since.getTime(), sample.value * 1000));
}

function byLabel(samples: readonly Sample[], label: string): ReadonlyMap<string, number> {
  return new Map(samples.map(({ labels, value }) => [labels[label] ?? '', value]));
}

/** Of increases, which Prometheus extrapolates to fractions. */
const whole = (value: number | undefined) => Math.round(value ?? 0);

const share = (part: number, all: number): number | null => (all > 0 ? part / all : null);

function throughput(
  units: readonly Sample[],
  batches: readonly Sample[],
  seconds: number,
): readonly Throughput[] {
  const key = ({ labels }: Sample) => `${labels['type'] ?? ''} ${labels['kind'] ?? ''}`;
  const counts = new Map(batches.map((sample) => [key(sample), sample.value]));
  return units
    .filter(({ value }) => value > 0)
    .map((sample) => ({
      type: sample.labels['type'] ?? '',
      kind: sample.labels['kind'] ?? '',
      units: whole(sample.value),
      units_per_second: sample.value / Math.max(1, seconds),
      batches: whole(counts.get(key(sample))),
    }))
    .toSorted((a, b) => a.type.localeCompare(b.type) || b.units - a.units);
}

function workers(busy: readonly Sample[], kinds: readonly Sample[], present: readonly Sample[]) {
  const kind = new Map(kinds.map(({ labels }) => [labels['node_id'] ?? '', labels['kind'] ?? '']));
  const here = byLabel(present, 'node_id');
  const all = busy.map(({ labels, value }) => {
    const node_id = labels['node_id'] ?? '';
    return { node_id, kind: kind.get(node_id) ?? '', busy_fraction: value };
  });
  const running = all.filter(({ node_id }) => here.has(node_id));
  return {
    workers: running.toSorted((a, b) => a.node_id.localeCompare(b.node_id)),
    workers_gone: all.length - running.length,
  };
}

function results(outcomes: ReadonlyMap<string, number>): ClusterUsage['results'] {
  const taken = ['accepted', 'duplicate'];
  const failures = [...outcomes].filter(([outcome]) => !taken.includes(outcome));
  const failed_by = failures
    .map(([outcome, count]) => ({ outcome, count: whole(count) }))
    .filter(({ count }) => count > 0)
    .toSorted((a, b) => b.count - a.count);
  const failed = failed_by.reduce((sum, { count }) => sum + count, 0);
  const good = taken.reduce((sum, outcome) => sum + whole(outcomes.get(outcome)), 0);
  return {
    accepted: whole(outcomes.get('accepted')),
    failed,
    failed_fraction: share(failed, failed + good),
    failed_by,
  };
}

function leases(ends: ReadonlyMap<string, number>): ClusterUsage['leases'] {
  const ended = [...ends.values()].reduce((sum, count) => sum + whole(count), 0);
  const expired = whole(ends.get('expired'));
  return { ended, expired, expired_fraction: share(expired, ended) };
}

function coordinatorMemory(highest: number | null, limit: number | null): readonly ProcessMemory[] {
  return highest === null ? [] : [{ process: 'coordinator', highest_bytes: highest, limit_bytes: limit }];
}

/** Of the processes that run now. */
function workerMemory(
  highest: readonly Sample[],
  limits: readonly Sample[],
  places: readonly Sample[],
): readonly ProcessMemory[] {
  const most = byLabel(highest, 'instance');
  const nodes = Map.groupBy(places, ({ labels }) => labels['instance'] ?? '');
  return limits
    .flatMap(({ labels, value }) => {
      const instance = labels['instance'] ?? '';
      const names = (nodes.get(instance) ?? []).map((place) => place.labels['node_id'] ?? '').toSorted();
      const process = names.length === 0 ? instance : names.join(', ');
      const bytes = most.get(instance);
      return bytes === undefined ? [] : [{ process, highest_bytes: bytes, limit_bytes: value }];
    })
    .toSorted((a, b) => a.process.localeCompare(b.process));
}

const NEVER: Latency = { count: 0, p50: null, p90: null, p99: null };

/** One for each kind of device where the histogram has kinds, else one. */
async function latencies(
  prometheus: Prometheus,
  histogram: Histogram,
  w: string,
  at: Date,
): Promise<readonly (Latency & { readonly kind: string })[]> {
  const ask = latencyQuestions(histogram, w);
  const [counts, p50, p90, p99] = await Promise.all(
    [ask.count, ask.p50, ask.p90, ask.p99].map((question) => prometheus.query(question, at)),
  );
  const of = (samples: readonly Sample[] | undefined, kind: string): number | null =>
    byLabel(samples ?? [], 'kind').get(kind) ?? null;
  return (counts ?? [])
    .filter(({ value }) => value > 0)
    .map(({ labels, value }) => {
      const kind = labels['kind'] ?? '';
      return { kind, count: whole(value), p50: of(p50, kind), p90: of(p90, kind), p99: of(p99, kind) };
    })
    .toSorted((a, b) => a.kind.localeCompare(b.kind));
}

function httpFailed(byStatus: ReadonlyMap<string, number>): number | null {
  const all = [...byStatus.values()].reduce((sum, count) => sum + count, 0);
  return share(byStatus.get('5xx') ?? 0, all);
}

function firingAlerts(alerts: readonly Alert[]): readonly FiringAlert[] {
  return alerts
    .filter(({ state }) => state === 'firing')
    .map(({ labels, annotations, activeAt }) => ({
      name: labels['alertname'] ?? '',
      severity: labels['severity'] ?? '',
      summary: annotations['summary'] ?? '',
      command: annotations['command'] ?? null,
      since: activeAt ?? null,
    }))
    .toSorted((a, b) => a.severity.localeCompare(b.severity) || a.name.localeCompare(b.name));
}
