/**
 * What the coordinator tells Prometheus. Counters start at 0 with the process; gauges are read from the core
 * at scrape time. Labels take only values of closed sets (workload types, kinds, states, error codes), so the
 * number of series does not grow with workers or jobs. The only home of prom-client here.
 */
import type { IncomingMessage, Server } from 'node:http';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { ClusterError } from '../../protocol/errors.ts';
import type { ClusterGauges, ConnectedWorkers, Observer } from '../cluster.ts';
import type { ExpectedWorkers } from '../expected-workers.ts';
import { JOB_STATES } from '../../protocol/http.ts';
import { WORKER_KINDS } from '../../protocol/messages.ts';
import { httpServer } from '../http-server.ts';
import type { Log } from '../log.ts';
import { httpRequests } from './http-requests.ts';
import type { AnsweredRequest } from './http-requests.ts';
import { diskGauges, memoryLimitGauge, networkCounter } from './machine.ts';
import { RateWindow } from './rate-window.ts';

const RATE_WINDOW_MS = 60_000;
const SHARE_WINDOW_MS = 600_000;

/** Counts beside the core's own. */
export interface SurroundingGauges {
  readonly sockets: () => number;
  readonly eventStreams: () => number;
  /** Types of jobs there can be. */
  readonly workloads: readonly string[];
  readonly dataDir: string;
}

export interface Metrics {
  readonly observer: Observer;
  /** Takes the time of a request whose answer is over. */
  readonly answered: (request: AnsweredRequest) => void;
  /** Counts the bytes of a server's connections; before it listens. */
  countTraffic(server: Server): void;
  /** Makes the gauges readable, once the core stands. */
  attach(gauges: ClusterGauges, surroundings: SurroundingGauges): void;
  /** Asks before each answer; before it is set, everything is refused. @param admit throws what refuses the reader */
  guard(admit: (request: IncomingMessage) => void): void;
  /** Serves GET /metrics and nothing else. */
  readonly server: Server;
  /** Prometheus text format. */
  text(): Promise<string>;
}

/** @param now milliseconds, never going back */
export function createMetrics(
  log: Log,
  expectedWorkers: ExpectedWorkers,
  now: () => number = () => performance.now(),
): Metrics {
  const registry = new Registry();
  const { observer, begin } = createObserver(registry, now);
  collectDefaultMetrics({ register: registry });
  memoryLimitGauge(registry);
  // Gauges with the name of a counter: promtool complains. nodejs_active_resources says what they say.
  for (const what of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${what}_total`);
  }
  new Gauge({
    name: 'cluster_workers_expected',
    help: 'Workers that the operator expects (CLUSTER_SIZE, CLUSTER_SIZE_FILE); no value if not said.',
    registers: [registry],
    collect() {
      const expected = expectedWorkers();
      if (expected === null) this.remove();
      else this.set(expected);
    },
  });
  const text = () => registry.metrics();
  let admit: (request: IncomingMessage) => void = () => {
    throw new ClusterError('not_ready', 'the coordinator starts: come back in a moment');
  };
  return {
    guard: (asks) => (admit = asks),
    observer,
    answered: httpRequests(registry),
    countTraffic: (server) => networkCounter(registry, server),
    attach: (gauges, surroundings) => {
      begin(surroundings.workloads);
      addGauges(registry, gauges, surroundings);
      diskGauges(registry, surroundings.dataDir);
    },
    server: metricsServer({
      text,
      contentType: registry.contentType,
      admit: (request) => admit(request),
      log,
    }),
    text,
  };
}

const WHOSE = ['operator', 'volunteer'] as const;
const whose = (own: boolean): (typeof WHOSE)[number] => (own ? 'operator' : 'volunteer');
const LEASE_ENDS = ['submitted', 'released', 'expired', 'revoked'] as const;

interface Counting {
  readonly observer: Observer;
  /** Sets to 0 what can be named before it happens: of a counter that comes with its first count, that count is lost. */
  begin(workloads: readonly string[]): void;
}

function createObserver(registry: Registry, now: () => number): Counting {
  const registers = [registry];
  const jobs = new Counter({
    name: 'cluster_jobs_total',
    help: 'Jobs that came into a status since the coordinator started.',
    labelNames: ['type', 'status'],
    registers,
  });
  const granted = new Counter({
    name: 'cluster_leases_granted_total',
    help: 'Leases given to workers.',
    labelNames: ['type', 'kind'],
    registers,
  });
  const ended = new Counter({
    name: 'cluster_leases_ended_total',
    help: 'Leases that ended, by how.',
    labelNames: ['type', 'how'],
    registers,
  });
  const batches = new Counter({
    name: 'cluster_batches_total',
    help: 'Results of batches that workers sent, by outcome: accepted, duplicate, or the error that refused them.',
    labelNames: ['type', 'kind', 'outcome', 'whose'],
    registers,
  });
  const units = new Counter({
    name: 'cluster_units_total',
    help: 'Numbers (or roots) whose results were accepted.',
    labelNames: ['type', 'kind', 'whose'],
    registers,
  });
  const compute = new Histogram({
    name: 'cluster_batch_compute_seconds',
    help: 'How long a worker computed on an accepted batch.',
    labelNames: ['kind'],
    buckets: [0.1, 0.5, 1, 2, 5, 10, 20, 60, 300],
    registers,
  });
  const differed = new Counter({
    name: 'cluster_answers_differed_total',
    help: 'Ranges for which two answers differed, by which was wrong after recomputation.',
    labelNames: ['type', 'wrong'],
    registers,
  });
  const forwarded = new Counter({
    name: 'cluster_forwarded_results_total',
    help: 'Results for a range of another coordinator that were sent on to it, by what it said.',
    labelNames: ['outcome'],
    registers,
  });
  const takeOvers = new Counter({
    name: 'cluster_takeovers_total',
    help: 'Jobs of which this coordinator took something over that another one had left.',
    registers,
  });
  const coordinatorsLost = new Counter({
    name: 'cluster_coordinators_lost_total',
    help: 'Other coordinators that gave no sign any more, and whose work this one took over. Those that stopped in order are not among them.',
    registers,
  });
  const commitSeconds = new Histogram({
    name: 'cluster_commit_seconds',
    help: 'How long a durable commit of the store took.',
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5],
    registers,
  });
  const commitResults = new Histogram({
    name: 'cluster_commit_results',
    help: 'Results that shared one commit.',
    buckets: [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    registers,
  });
  const commitBytes = new Histogram({
    name: 'cluster_commit_bytes',
    help: 'Bytes of aggregates and tallies in one commit.',
    buckets: [1e3, 1e4, 1e5, 1e6, 1e7, 1e8],
    registers,
  });
  const rates = new RateWindow(RATE_WINDOW_MS, 60, now);
  new Gauge({
    name: 'cluster_units_per_second',
    help: 'Numbers (or roots) accepted per second, over the last minute.',
    labelNames: ['type', 'kind'],
    registers,
    collect() {
      for (const [key, sum] of rates.sums()) {
        const [type = '', kind = ''] = key.split(' ');
        this.set({ type, kind }, sum / (RATE_WINDOW_MS / 1000));
      }
    },
  });
  const shares = new RateWindow(SHARE_WINDOW_MS, 60, now);
  new Gauge({
    name: 'cluster_batches_failed_ratio',
    help: 'Share of the results of the last ten minutes that were refused; no value without results.',
    registers,
    collect() {
      const sums = shares.sums();
      const refused = sums.get('refused') ?? 0;
      const all = refused + (sums.get('taken') ?? 0);
      if (all > 0) this.set(refused / all);
      else this.remove();
    },
  });

  const observer: Observer = {
    jobChanged: (type, _from, to) => jobs.inc({ type, status: to }),
    leaseGranted: (type, kind) => granted.inc({ type, kind }),
    leaseEnded: (type, how) => ended.inc({ type, how }),
    submissionSettled: ({ type, kind, own, outcome, units: counted, computeMs }) => {
      batches.inc({ type, kind, outcome, whose: whose(own) });
      const taken = outcome === 'accepted' || outcome === 'duplicate';
      shares.add(taken ? 'taken' : 'refused', 1);
      if (outcome !== 'accepted') return;
      compute.observe({ kind }, computeMs / 1000);
      units.inc({ type, kind, whose: whose(own) }, Number(counted));
      rates.add(`${type} ${kind}`, Number(counted));
    },
    answersDiffered: (type, wrong) => differed.inc({ type, wrong }),
    resultForwarded: (outcome) => forwarded.inc({ outcome }),
    tookOver: (jobs) => takeOvers.inc(jobs),
    coordinatorsLost: (count) => coordinatorsLost.inc(count),
    committed: ({ results, bytes, seconds }) => {
      commitSeconds.observe(seconds);
      commitResults.observe(results);
      commitBytes.observe(bytes);
    },
  };
  const begin = (workloads: readonly string[]): void => {
    for (const outcome of ['accepted', 'duplicate', 'lease_superseded', 'not_ready'])
      forwarded.inc({ outcome }, 0);
    for (const type of workloads) {
      for (const status of JOB_STATES) jobs.inc({ type, status }, 0);
      for (const how of LEASE_ENDS) ended.inc({ type, how }, 0);
      for (const kind of WORKER_KINDS) {
        granted.inc({ type, kind }, 0);
        for (const who of WHOSE) {
          batches.inc({ type, kind, outcome: 'accepted', whose: who }, 0);
          units.inc({ type, kind, whose: who }, 0);
        }
      }
    }
  };
  return { observer, begin };
}

function addGauges(registry: Registry, gauges: ClusterGauges, surroundings: SurroundingGauges): void {
  const registers = [registry];
  new Gauge({
    name: 'cluster_jobs_by_status',
    help: 'Jobs there are, by status.',
    labelNames: ['type', 'status'],
    registers,
    collect() {
      this.reset();
      for (const [type, byStatus] of gauges.jobs()) {
        for (const [status, jobs] of byStatus) this.set({ type, status }, jobs);
      }
    },
  });
  new Gauge({
    name: 'cluster_workers',
    help: 'Workers that are known, by state.',
    labelNames: ['state'],
    registers,
    collect() {
      this.reset();
      for (const [state, workers] of gauges.workers()) this.set({ state }, workers);
    },
  });
  const byOwner = (name: string, help: string, of: (workers: ConnectedWorkers) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['kind', 'whose'],
      registers,
      collect() {
        for (const workers of gauges.connected()) {
          this.set({ kind: workers.kind, whose: whose(workers.own) }, of(workers));
        }
      },
    });
  byOwner(
    'cluster_connected_workers',
    'Workers that are connected, by kind and whose they are: the operator’s own, or volunteers’.',
    ({ workers }) => workers,
  );
  byOwner(
    'cluster_busy_workers',
    'Busy shares of the connected workers added up, as their heartbeats say: two at 60 % are 1.2.',
    ({ busy }) => busy,
  );
  new Gauge({
    name: 'cluster_store_available',
    help: '1 while the store can be written.',
    registers,
    collect() {
      this.set(Number(gauges.storeAvailable()));
    },
  });
  new Gauge({
    name: 'cluster_replicas',
    help: 'Coordinators on this store that live, as this one sees it, itself counted.',
    registers,
    collect() {
      this.set(gauges.replicas());
    },
  });
  new Gauge({
    name: 'cluster_leases',
    help: 'Leases that are held now.',
    registers,
    collect() {
      this.set(gauges.leases());
    },
  });
  new Gauge({
    name: 'cluster_queue_depth',
    help: 'What waits: jobs for their first lease, results for their commit.',
    labelNames: ['of'],
    registers,
    collect() {
      const { jobs, results } = gauges.queueDepth();
      this.set({ of: 'jobs' }, jobs);
      this.set({ of: 'results' }, results);
    },
  });
  new Gauge({
    name: 'cluster_sockets',
    help: 'Workers connected by socket.',
    registers,
    collect() {
      this.set(surroundings.sockets());
    },
  });
  new Gauge({
    name: 'cluster_event_streams',
    help: 'Open streams of server-sent events.',
    registers,
    collect() {
      this.set(surroundings.eventStreams());
    },
  });
}

function metricsServer(options: {
  readonly text: () => Promise<string>;
  readonly contentType: string;
  readonly admit: (request: IncomingMessage) => void;
  readonly log: Log;
}): Server {
  const { text, contentType, admit, log } = options;
  return httpServer((request, response) => {
    request.resume();
    const path = request.url?.split('?', 1)[0];
    const say = (status: number, line: string): void => {
      response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
      response.end(`${line}\n`);
    };
    if (path !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      say(404, 'GET /metrics is all there is here');
      return;
    }
    try {
      admit(request);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      if (error.status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
      if (error.retryAfterSeconds !== undefined) response.setHeader('Retry-After', error.retryAfterSeconds);
      say(error.status, error.message);
      return;
    }
    text().then(
      (body) => {
        response.writeHead(200, { 'Content-Type': contentType, 'Cache-Control': 'no-store' });
        response.end(body);
      },
      (error: unknown) => {
        log.error({ err: error }, 'metrics could not be read');
        response.writeHead(500).end();
      },
    );
  });
}
