import assert from 'node:assert/strict';
import { totalmem } from 'node:os';
import { test } from 'node:test';
import fc from 'fast-check';
import { runCoordinator } from '../../tests/coordinator/running.ts';
import { answerOf, join } from '../../tests/coordinator/worker-socket.ts';
import { createLog } from '../log.ts';
import { createMetrics } from './metrics.ts';
import { RateWindow } from './rate-window.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** The samples of a text in Prometheus format. */
function samples(text: string): ReadonlyMap<string, number> {
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const space = line.lastIndexOf(' ');
        return [line.slice(0, space), Number(line.slice(space + 1))];
      }),
  );
}

test('a job that is computed shows in every metric that it touches', async (t) => {
  const coordinator = await runCoordinator(t, { clusterSize: 7 });
  const worker = await join(t, coordinator.url);
  await coordinator.submit('1000');
  const lease = await worker.lease();
  const held = samples(await (await fetch(coordinator.metricsUrl)).text());
  assert.equal(held.get('cluster_leases'), 1);
  assert.equal(held.get('cluster_jobs_by_status{type="collatz",status="running"}'), 1);
  const answer = answerOf(lease);
  await worker.request('submit', { ...answer, aggregate: {} });
  await worker.request('submit', answer);
  await worker.request('submit', answer);
  const now = samples(await (await fetch(coordinator.metricsUrl)).text());
  const units = Number(lease.end) - Number(lease.start);
  assert.equal(now.get('cluster_jobs_total{type="collatz",status="pending"}'), 1);
  assert.equal(now.get('cluster_jobs_total{type="collatz",status="running"}'), 1);
  assert.equal(now.get('cluster_leases_granted_total{type="collatz",kind="cpu"}'), 1);
  // A result that contradicts itself costs its worker the lease.
  const ended = [...now].filter(
    ([name, leases]) => name.startsWith('cluster_leases_ended_total{') && leases > 0,
  );
  assert.deepEqual(
    ended.map(([, leases]) => leases),
    [1],
  );
  assert.equal(
    now.get('cluster_batches_total{type="collatz",kind="cpu",outcome="accepted",whose="operator"}'),
    1,
  );
  assert.equal(
    now.get('cluster_batches_total{type="collatz",kind="cpu",outcome="result_contradicts",whose="operator"}'),
    1,
  );
  assert.equal(now.get('cluster_units_total{type="collatz",kind="cpu",whose="operator"}'), units);
  assert.equal(now.get('cluster_units_per_second{type="collatz",kind="cpu"}'), units / 60);
  assert.ok((now.get('cluster_batches_failed_ratio') ?? 0) > 0);
  assert.ok((now.get('cluster_commit_seconds_count') ?? 0) >= 1);
  assert.ok((now.get('cluster_commit_bytes_sum') ?? 0) > 0);
  assert.equal(now.get('cluster_batch_compute_seconds_count{kind="cpu"}'), 1);
  assert.equal(now.get('cluster_sockets'), 1);
  assert.equal(now.get('cluster_workers_expected'), 7);
  assert.equal(now.get('cluster_queue_depth{of="results"}'), 0);
  assert.ok((now.get('process_resident_memory_bytes') ?? 0) > 1e7);
  const workers = [...now].filter(([name]) => name.startsWith('cluster_workers{'));
  assert.equal(
    workers.reduce((sum, [, value]) => sum + value, 0),
    1,
  );
});

test('disk, memory, network and whose the workers are', async (t) => {
  const coordinator = await runCoordinator(t);
  const read = async () => samples(await (await fetch(coordinator.metricsUrl)).text());
  const before = await read();
  const free = before.get('cluster_data_free_bytes') ?? 0;
  assert.ok(free > 0 && free <= (before.get('cluster_data_total_bytes') ?? 0));
  assert.ok((before.get('cluster_store_bytes') ?? 0) >= 4096, 'the database has a page at least');
  const limit = before.get('cluster_memory_limit_bytes') ?? 0;
  assert.ok(limit > (before.get('process_resident_memory_bytes') ?? 0) && limit <= totalmem());
  assert.equal(before.get('cluster_store_available'), 1);
  assert.equal(before.get('cluster_connected_workers{kind="cpu",whose="operator"}'), 0);
  assert.equal(before.get('cluster_units_total{type="thread",kind="cpu",whose="volunteer"}'), 0);

  await join(t, coordinator.url);
  await coordinator.ask('/openapi.json');
  const now = await read();
  assert.equal(now.get('cluster_connected_workers{kind="cpu",whose="operator"}'), 1);
  assert.equal(now.get('cluster_connected_workers{kind="cpu",whose="volunteer"}'), 0);
  assert.equal(now.get('cluster_busy_workers{kind="browser-gpu",whose="volunteer"}'), 0);
  const bytes = (direction: string) => now.get(`cluster_network_bytes_total{direction="${direction}"}`) ?? 0;
  assert.ok(bytes('sent') > 1000, `${bytes('sent')} bytes sent: /openapi.json alone is more`);
  assert.ok(bytes('received') > 100);
});

test('nothing but /metrics is on its port', async (t) => {
  const coordinator = await runCoordinator(t);
  const origin = new URL(coordinator.metricsUrl).origin;
  assert.equal((await fetch(coordinator.metricsUrl)).status, 200);
  assert.equal((await fetch(`${coordinator.metricsUrl}?format=text`)).status, 200);
  for (const path of ['/', '/health', '/api/status', '/metrics/more', '/docs']) {
    assert.equal((await fetch(`${origin}${path}`)).status, 404, path);
  }
  assert.equal((await fetch(coordinator.metricsUrl, { method: 'POST', body: 'x' })).status, 404);
  assert.equal((await fetch(`${coordinator.url}/metrics`)).status, 404);
});

test('every metric has a name by the conventions, a help line and a type', async () => {
  const metrics = createMetrics(createLog('silent'), () => 3);
  metrics.attach(
    {
      jobs: () => new Map([['collatz', new Map([['running', 1]])]]),
      workers: () => new Map([['idle', 2]]),
      leases: () => 3,
      queueDepth: () => ({ jobs: 4, results: 5 }),
      connected: () => [{ kind: 'cpu', own: true, workers: 2, busy: 1.5 }],
      storeAvailable: () => true,
      replicas: () => 1,
    },
    { sockets: () => 6, eventStreams: () => 7, workloads: ['collatz'], dataDir: '/' },
  );
  metrics.observer.answersDiffered('collatz', 'first');
  const text = await metrics.text();
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
  const helped = new Set([...text.matchAll(/^# HELP (\S+) \S.*$/gm)].map(([, name]) => name));
  for (const [name, type] of types) {
    assert.ok(helped.has(name), name);
    assert.ok(type === 'counter' || !name?.endsWith('_total'), name);
    if (!name?.startsWith('cluster_')) continue;
    assert.match(name, /^[a-z][a-z_]*[a-z]$/);
    assert.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
    assert.doesNotMatch(name, /_ms$|milliseconds|percent|_count$|_sum$|_bucket$/);
  }
});

test('the rate of the last minute forgets what is older', async () => {
  let now = 0;
  const { observer, text } = createMetrics(
    createLog('silent'),
    () => null,
    () => now,
  );
  const accepted = {
    type: 'thread',
    kind: 'cpu',
    own: true,
    outcome: 'accepted',
    units: 600n,
    computeMs: 1,
  } as const;
  observer.submissionSettled(accepted);
  const rate = async () => samples(await text()).get('cluster_units_per_second{type="thread",kind="cpu"}');
  assert.equal(await rate(), 10);
  now = 30_000;
  observer.submissionSettled(accepted);
  assert.equal(await rate(), 20);
  now = 61_000;
  assert.equal(await rate(), 10);
  now = 3_600_000;
  assert.equal(await rate(), 0);
});

test('the failed share has no value before there are results', async () => {
  const { observer, text } = createMetrics(createLog('silent'), () => null);
  assert.equal(samples(await text()).has('cluster_batches_failed_ratio'), false);
  const settled = { type: 'thread', kind: 'cpu', own: true, units: 0n, computeMs: 1 } as const;
  observer.submissionSettled({ ...settled, outcome: 'lease_expired' });
  for (let i = 0; i < 3; i++) observer.submissionSettled({ ...settled, outcome: 'duplicate' });
  assert.equal(samples(await text()).get('cluster_batches_failed_ratio'), 0.25);
});

test(`a window sums exactly what was added within it (seed ${seed})`, () => {
  const step = fc.record({ wait: fc.nat(4000), amount: fc.nat(100) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let now = 0;
      const window = new RateWindow(10_000, 10, () => now);
      const added: { readonly bucket: number; readonly amount: number }[] = [];
      for (const { wait, amount } of steps) {
        now += wait;
        window.add('k', amount);
        added.push({ bucket: Math.floor(now / 1000), amount });
        const oldest = Math.floor(now / 1000) - 10;
        const expected = added.reduce((sum, one) => sum + (one.bucket > oldest ? one.amount : 0), 0);
        assert.equal(window.sums().get('k'), expected);
      }
    }),
    { seed },
  );
});
