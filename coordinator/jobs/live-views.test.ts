/** What pages show of the moment: batches as they finish, who is late, what a worker did. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_BATCHES } from '../../protocol/live.ts';
import { RecentBatches } from './recent-batches.ts';
import {
  answer,
  connect,
  RATE,
  startCluster,
  submitSquares,
  takeLease,
  temporaryFolder,
  work,
  wrongAnswer,
} from './test-cluster.ts';

test('a batch is told once it is durable, with who computed it and what; after a minute no more', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  const { job_id } = await submitSquares(cluster, 1n, 100_000n);
  const worker = connect(cluster, 'one');
  const lease = await takeLease(worker);
  assert.deepEqual(cluster.batches(0, 100).batches, []);
  await worker.session.submit(answer(lease));
  await worker.session.submit(answer(lease));
  const { now, batches, last } = cluster.batches(0, 100);
  assert.equal(now, new Date(runtime.now()).toISOString());
  const [start, end] = [lease.start, lease.end];
  assert.deepEqual(
    batches,
    [{ at: now, node_id: 'one', kind: 'cpu', type: 'squares', job_id, start, end }],
    'a duplicate is no second batch',
  );
  assert.deepEqual(cluster.batches(last, 100).batches, []);
  await work(worker, 3);
  assert.equal(cluster.batches(last, 100).batches.length, 3);
  const newest = cluster.batches(last, 2).batches;
  assert.deepEqual(newest, cluster.batches(0, 100).batches.slice(-2));
  await runtime.advance(61_000);
  assert.deepEqual(cluster.batches(0, 100).batches, []);
});

test('however many batches finish, a fixed number of them is kept', () => {
  const recent = new RecentBatches();
  for (let i = 0; i < 3 * MAX_BATCHES; i++) {
    const range = { start: BigInt(i), end: BigInt(i + 1) };
    recent.add({
      at: 1000,
      nodeId: 'one',
      kind: 'cpu',
      type: 'squares',
      jobId: 'job',
      range,
      elsewhere: false,
    });
  }
  const { batches, last } = recent.after(0, 10 * MAX_BATCHES, 2000);
  assert.equal(last, 3 * MAX_BATCHES);
  assert.deepEqual(
    batches.map(({ start }) => Number(start)),
    Array.from({ length: MAX_BATCHES }, (_, i) => 2 * MAX_BATCHES + i),
  );
});

test('a lease says when it should be done: after those before it, by the worker’s rate', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  await submitSquares(cluster, 1n, 10_000_000n);
  const worker = connect(cluster, 'one');
  const unknown = await takeLease(worker, { target_ms: 10_000, rate_per_second: 0 });
  assert.deepEqual(
    cluster.node('one').leases.map(({ expected_at }) => expected_at),
    [null],
  );
  await worker.session.submit(answer(unknown));
  const began = runtime.now();
  const lengths: number[] = [];
  for (let i = 0; i < 2; i++) {
    const lease = await takeLease(worker);
    lengths.push((Number(BigInt(lease.end) - BigInt(lease.start)) / RATE) * 1000);
  }
  const due = cluster.node('one').leases.map(({ expected_at }) => Date.parse(expected_at ?? '') - began);
  const [first = 0, second = 0] = lengths;
  assert.ok(Math.abs((due[0] ?? 0) - first) <= 1, String(due));
  assert.ok(Math.abs((due[1] ?? 0) - (first + second)) <= 1, String(due));
});

test('a worker’s last hour is kept while it is away', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  const heartbeat = (busy_fraction: number) => ({
    state: 'idle' as const,
    busy_fraction,
    rate_per_second: 0,
    leases: [],
  });
  const worker = connect(cluster, 'one');
  worker.session.heartbeat(heartbeat(0.95));
  await runtime.advance(30_000);
  worker.session.heartbeat(heartbeat(0.3));
  await runtime.advance(10_000);
  assert.equal(cluster.node('one').activity, `${'-'.repeat(118)}93`);
  worker.session.disconnected();
  await runtime.advance(5 * 60_000);
  assert.equal(cluster.node('one').activity, `${'-'.repeat(108)}93${'-'.repeat(10)}`);
  connect(cluster, 'one', { session: 'b'.repeat(32) });
  assert.equal(cluster.node('one').activity, `${'-'.repeat(108)}93${'-'.repeat(9)}0`);
});

test('of many workers those heard of last are shown', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  for (const name of ['a', 'b', 'c', 'd']) {
    connect(cluster, name, { session: name.repeat(32) });
    await runtime.advance(100);
  }
  const { nodes, total } = cluster.recentNodes(2);
  assert.equal(total, 4);
  assert.deepEqual(
    nodes.map(({ node_id }) => node_id),
    ['c', 'd'],
  );
  assert.deepEqual(cluster.recentNodes(9), { nodes: cluster.nodes(), total: 4 });
});

test('answers that differed are in the history, with who was wrong', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  await submitSquares(cluster, 1n, 500n);
  const liar = connect(cluster, 'liar');
  const lease = await takeLease(liar);
  await runtime.advance(31_000);
  const honest = connect(cluster, 'honest', { session: 'b'.repeat(32) });
  const again = await takeLease(honest);
  await honest.session.submit(answer(again));
  await assert.rejects(liar.session.submit(wrongAnswer(lease)));
  await runtime.advance(2000);
  const { events } = await cluster.throughput(3600);
  const differed = events.filter(({ event }) => event === 'differed');
  assert.deepEqual(
    differed.map(({ node_id }) => node_id),
    ['liar'],
  );
});
