/**
 * A real Prometheus looks on while real processes compute: every metric that rules, dashboards and the report name is one
 * that somebody exports, every question is one that Prometheus answers, and the report says what was done.
 */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import { z } from 'zod';
import { run } from '../../cli/program.ts';
import { Prometheus } from '../../cli/watching/prometheus.ts';
import { freePort, startCoordinator, startWorker, type Ending } from '../cluster/processes.ts';
import { temporaryFolder } from '../cluster/temporary.ts';
import { runCommand } from '../setup/command.ts';
import { findPrometheus } from '../setup/prometheus.ts';
import { expressionsOf } from './watching/dashboards.ts';
import { dashboards, list, read, recorded, reported, ROOT, rules } from './watching/files.ts';
import {
  locally,
  readConfiguration,
  startAlertmanager,
  startPrometheus,
  until,
} from './watching/programs.ts';
import { exportedBy, unknownTo } from './watching/promql.ts';

const found = await findPrometheus();

const now_s = Math.round(Date.now() / 1000);
/** Stands in for nginx: what its certificate watcher writes. */
const NGINX_METRICS = `# TYPE certificate_not_after_seconds gauge
certificate_not_after_seconds{issuer="local"} ${now_s + 90 * 86_400}
# TYPE certificate_checked_seconds gauge
certificate_checked_seconds{issuer="local"} ${now_s}
# TYPE load_balancer_upstreams gauge
load_balancer_upstreams 1
`;
/** Stands in for what backs a PostgreSQL up. */
const STORE_METRICS = `# TYPE store_backup_success_seconds gauge
store_backup_success_seconds ${now_s}
# TYPE store_backup_bytes gauge
store_backup_bytes 1000000
`;
const CERTAIN_ALERT = `groups:
  - name: of-this-test
    rules:
      - alert: AlwaysThere
        expr: vector(1)
        labels: { severity: warning, component: watching }
        annotations: { summary: It always fires., command: look at it }
`;

interface Watched {
  readonly prometheus: Prometheus;
  /** What each process answers to GET /metrics, by its job's name. */
  readonly texts: ReadonlyMap<string, string>;
  /** What Alertmanager posted to the operator's address. */
  readonly notified: readonly string[];
}

/** The project's configuration with a webhook, as deploy-cluster.sh makes it; it waits for no companions of an alert. */
async function alertmanagerFile(folder: string, webhook: string): Promise<string> {
  const script = join(ROOT, 'monitoring/alertmanager/render.sh');
  const { ok, stdout, problem } = await runCommand(script, [], { env: { ALERT_WEBHOOK_URL: webhook } });
  assert.ok(ok, problem);
  const file = join(folder, 'alertmanager.yml');
  writeFileSync(file, stdout.replace('group_wait: 30s', 'group_wait: 0s'));
  return file;
}

/** A server on a free port. @returns its address */
async function serve(ending: Ending, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ending.after(() => void server.close());
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return `127.0.0.1:${address.port}`;
}

/** A cluster that computed a job of each type, with a Prometheus that has seen it. */
async function watchedCluster(ending: Ending): Promise<Watched> {
  if ('missing' in found) throw new Error(found.missing);
  const folder = temporaryFolder(ending);
  const [port, metricsPort, workerPort] = [await freePort(), await freePort(), await freePort()];
  const coordinator = await startCoordinator(ending, {
    dataDir: join(folder, 'data'),
    port,
    env: { METRICS_PORT: String(metricsPort), CLUSTER_SIZE: '3' },
  });
  const env = { WORKER_PORT: String(workerPort) };
  const worker = startWorker(ending, { url: coordinator.url, nodeId: 'watched', env });
  await coordinator.api.worker('watched');

  const nginx = await serve(ending, (_request, response) => {
    // Prometheus 3 asks for the type.
    response.setHeader('Content-Type', 'text/plain; version=0.0.4').end(NGINX_METRICS);
  });
  const backups = await serve(ending, (_request, response) => {
    response.setHeader('Content-Type', 'text/plain; version=0.0.4').end(STORE_METRICS);
  });
  const notified: string[] = [];
  const operator = await serve(ending, (request, response) => {
    void text(request).then((body) => notified.push(body));
    response.end();
  });
  const alertmanager = await startAlertmanager(
    ending,
    found.tools,
    await alertmanagerFile(folder, `http://${operator}/alerts`),
  );
  const certain = join(folder, 'certain.yml');
  writeFileSync(certain, CERTAIN_ALERT);
  const targets: Record<string, string> = {
    coordinator: `127.0.0.1:${metricsPort}`,
    worker: `127.0.0.1:${workerPort}`,
    nginx,
    'store-backups': backups,
    alertmanager,
  };
  const own = await startPrometheus(ending, found.tools, (self) =>
    locally(readConfiguration(read('monitoring/prometheus/prometheus.yml')), {
      targets,
      ruleFiles: [...list('monitoring/prometheus/rules').map((path) => join(ROOT, path)), certain],
      alertmanager,
      own: self,
    }),
  );
  const prometheus = new Prometheus(`http://${own}`);
  const holds = (question: string) =>
    until(
      async () => (await prometheus.query(question, new Date())).length > 0,
      () => `${question}\n${coordinator.process.output}\n${worker.output}`,
    );
  // Counters have to be seen before they count.
  await holds('count(up == 1) == 6');
  // The times of batches appear with the first one, and what they have then is no increase.
  const first = { type: 'collatz', parameters: { start: '1', end: '100000' } } as const;
  await coordinator.api.end((await coordinator.api.submit(first)).job_id, 60_000);
  await holds('sum(cluster_batch_compute_seconds_count) > 0');
  const jobs = [
    await coordinator.api.submit({ type: 'collatz', parameters: { start: '1', end: '30000000' } }),
    await coordinator.api.submit({ type: 'thread', parameters: { thread_count: 2000, max_depth: 10 } }),
  ];
  for (const { job_id } of jobs) await coordinator.api.end(job_id, 60_000);
  // What is done has been seen, and the rules that look at it have been run.
  await holds('sum by (type) (increase(cluster_units_total{type="thread"}[1m])) > 0');
  await holds('cluster:batches_accepted:increase10m > 0 and on () cluster:commit_seconds:p99_5m');
  await holds('ALERTS{alertstate="firing",alertname="AlwaysThere"}');

  const texts = new Map<string, string>();
  for (const [job, target] of [...Object.entries(targets), ['prometheus', own]] as const) {
    texts.set(job, await (await fetch(`http://${target}/metrics`)).text());
  }
  return { prometheus, texts, notified };
}

suite('a watched cluster', { skip: 'missing' in found ? found.missing : false }, () => {
  const ends: (() => Promise<void> | void)[] = [];
  let watched: Watched;
  before(async () => {
    watched = await watchedCluster({ after: (end) => void ends.push(end) });
  });
  after(async () => {
    for (const end of ends.toReversed()) await end();
  });

  const named = () => [
    ...rules.map(({ expr }) => expr),
    ...dashboards.flatMap((file) => expressionsOf(file).map(({ expr }) => expr)),
    ...reported,
  ];

  test('every metric and label that is named is exported by somebody', (t) => {
    const exported = exportedBy([...watched.texts.values()].join('\n'));
    const expressions = named();
    assert.deepEqual(
      expressions.flatMap((expression) => unknownTo(exported, recorded, expression)),
      [],
    );
    t.diagnostic(`${expressions.length} expressions; ${exported.size} metrics are exported`);
  });

  test('every expression is one that Prometheus answers', async (t) => {
    let empty = 0;
    for (const expression of named()) {
      const samples = await watched.prometheus.query(expression, new Date());
      empty += Number(samples.length === 0);
    }
    t.diagnostic(`${empty} of them have no value here: alerts that are silent, devices that are not there`);
    for (const name of recorded) {
      // No worker of this cluster fails, and no lease expires before it ends.
      const samples = await watched.prometheus.query(name, new Date());
      assert.ok(samples.length > 0, `${name} has no value`);
    }
  });

  test('every panel shows something, but for what this cluster does not have', async () => {
    const bare: string[] = [];
    for (const file of dashboards) {
      const panels = Map.groupBy(expressionsOf(file), ({ title }) => title);
      for (const [title, queries] of panels) {
        const shown = await Promise.all(
          queries.map(({ expr }) => watched.prometheus.query(expr, new Date())),
        );
        if (shown.every((samples) => samples.length === 0)) bare.push(`${basename(file.name)} ${title}`);
      }
    }
    // Nothing is refused here, and there is neither a GPU nor a volunteer, nor another coordinator.
    assert.deepEqual(bare.toSorted(), [
      'jobs.json Refused results',
      'overview.json GPU use',
      'volunteers.json Busy share',
      'volunteers.json Refused results',
    ]);
  });

  test('promtool finds nothing to say of what coordinator and worker export', async () => {
    for (const job of ['coordinator', 'worker']) {
      const file = join(temporaryFolder({ after: (end) => void ends.push(end) }), 'metrics.txt');
      writeFileSync(file, watched.texts.get(job) ?? '');
      const promtool = 'missing' in found ? '' : found.tools.promtool;
      const { ok, problem, stdout } = await runCommand('sh', [
        '-c',
        '"$0" check metrics < "$1"',
        promtool,
        file,
      ]);
      assert.ok(ok, `${job}: ${problem}\n${stdout}`);
    }
  });

  test('the operator is told of an alert by the webhook of render.sh', async () => {
    await until(
      async () => watched.notified.length > 0,
      () => 'nothing was posted',
    );
    const body = z
      .object({
        receiver: z.string(),
        alerts: z.array(z.object({ labels: z.record(z.string(), z.string()) })),
      })
      .parse(JSON.parse(watched.notified[0] ?? ''));
    assert.equal(body.receiver, 'operator');
    assert.equal(body.alerts[0]?.labels['alertname'], 'AlwaysThere');
  });

  const threads = async (...args: string[]) => {
    let stdout = '';
    let stderr = '';
    const code = await run(['report', ...args], {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      environment: { PROMETHEUS_URL: watched.prometheus.url },
    });
    return { code, stdout, stderr };
  };

  test('the report says what was done, by whom and how fast', async (t) => {
    const { code, stdout, stderr } = await threads('--hours', '1', '--json');
    assert.equal(code, 0, stderr);
    const fraction = z.number().min(0).max(1);
    const latency = z.object({ count: z.int().min(1), p50: z.number(), p90: z.number(), p99: z.number() });
    const usage = z
      .object({
        seconds: z.number().min(1).max(600),
        throughput: z.array(
          z.object({ type: z.string(), kind: z.literal('cpu'), units: z.int().min(1), batches: z.int() }),
        ),
        workers: z.tuple([
          z.object({ node_id: z.literal('watched'), kind: z.literal('cpu'), busy_fraction: fraction.gt(0) }),
        ]),
        workers_expected: z.literal(3),
        connected: z.object({ operator: z.number().gt(0), volunteer: z.literal(0) }),
        results: z.object({ accepted: z.int().min(2), failed: z.literal(0), failed_fraction: z.literal(0) }),
        memory: z.array(
          z.object({ process: z.string(), highest_bytes: z.number().min(1e7), limit_bytes: z.number() }),
        ),
        disk: z.object({ free_bytes: z.number().min(1), total_bytes: z.number().min(1) }),
        latency: z.object({ http: latency, commits: latency, batch_compute: z.tuple([latency]) }),
        alerts: z.array(z.object({ name: z.string(), command: z.string() })),
        advice: z.array(z.string()),
      })
      .parse(JSON.parse(stdout));
    assert.deepEqual(
      usage.throughput.map(({ type }) => type),
      ['collatz', 'thread'],
    );
    // Increases between two looks are estimated at their ends: the sum is right to a few looks.
    const collatz = usage.throughput[0]?.units ?? 0;
    assert.ok(collatz > 15e6 && collatz < 60e6, `${collatz} numbers of 30 million`);
    assert.deepEqual(
      usage.memory.map(({ process }) => process),
      ['coordinator', 'watched'],
    );
    assert.ok(usage.alerts.some(({ name, command }) => name === 'AlwaysThere' && command === 'look at it'));
    assert.match(usage.advice.join('\n'), /of 3 expected workers were connected/);
    t.diagnostic(`${collatz} numbers reported of 29 999 999`);

    const printed = await threads('--hours', '1');
    assert.equal(printed.code, 0, printed.stderr);
    assert.match(printed.stdout, /Throughput\n +TYPE +KIND +UNITS +RATE +BATCHES\n +collatz +cpu/);
    assert.match(printed.stdout, /NODE +KIND +BUSY\n +watched +cpu +[\d.]+ %/);
    assert.match(printed.stdout, /commits +\d+ +[\d.]+ ms/);
    assert.match(printed.stdout, /AlwaysThere +warning +It always fires\. +look at it/);
    assert.match(printed.stdout, /Advice\n +- /);
    t.diagnostic(`\n${printed.stdout}`);
  });

  test('a time of which Prometheus knows nothing is said to be one', async () => {
    // Asked of another Prometheus, that has seen nothing but itself.
    if ('missing' in found) return;
    const empty = await startPrometheus(
      { after: (end) => void ends.push(end) },
      found.tools,
      () => 'global: {}\n',
    );
    const { code, stdout, stderr } = await threads('--prometheus', `http://${empty}`);
    assert.equal(code, 1);
    assert.match(stderr, /has seen no coordinator since .*--hours.*\/targets/);
    assert.equal(stdout, '');
  });
});
