import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { Heartbeat } from '../../protocol/messages.ts';
import {
  ADMIN,
  answer,
  connect,
  hello,
  RATE,
  settled,
  startCluster,
  submitSquares,
  takeLease,
  temporaryFolder,
  TestLink,
  work,
} from './test-cluster.ts';

const REQUEST = { target_ms: 10_000, rate_per_second: RATE };
const IDLE: Heartbeat = { state: 'idle', busy_fraction: 0, rate_per_second: RATE, leases: [] };
const code = (expected: ErrorCode) => (error: unknown) =>
  error instanceof ClusterError && error.code === expected;

test('batches grow from one second to the target, and shrink at the end', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  await submitSquares(cluster, 0n, 200_000n);
  const worker = connect(cluster, 'one');
  const lengths: number[] = [];
  for (;;) {
    const { lease } = await worker.session.lease(REQUEST);
    if (lease === null) break;
    lengths.push(Number(BigInt(lease.end) - BigInt(lease.start)));
    await worker.session.submit(answer(lease));
  }
  const [first = 0, second = 0] = lengths;
  assert.ok(first >= 900 && first <= 1250, `the first is a second: ${first}`);
  assert.ok(second > first && second <= 5 * first, `the second is longer, not much longer: ${second}`);
  const longest = Math.max(...lengths);
  assert.ok(longest >= 9000 && longest <= 12_500, `the longest is near the target: ${longest}`);
  assert.ok((lengths.at(-1) ?? 0) < 2100, `the last of ${lengths.join()}`);
  assert.equal(
    lengths.reduce((a, b) => a + b, 0),
    200_000,
  );
  await cluster.close();
});

test('the submitter’s batch_size is an upper limit', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const parameters = { start: '0', end: '100000', batch_size: 100 };
  await submitSquares(cluster, 0n, 1n, { parameters });
  const worker = connect(cluster, 'one');
  for (let i = 0; i < 20; i++) {
    const lease = await takeLease(worker);
    assert.ok(BigInt(lease.end) - BigInt(lease.start) <= 100n);
    await worker.session.submit(answer(lease));
  }
  await cluster.close();
});

test('a worker holds two leases, not more; ten at once ask in vain', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  await submitSquares(cluster, 0n, 1_000_000n);
  const worker = connect(cluster, 'one');
  const replies = await Promise.all(Array.from({ length: 10 }, () => worker.session.lease(REQUEST)));
  assert.equal(replies.filter(({ lease }) => lease !== null).length, 2);
  assert.equal(cluster.gauges.leases(), 2);
  await cluster.close();
});

test('a hundred workers that ask at once get disjoint ranges', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  await submitSquares(cluster, 0n, 10_000_000n);
  const workers = Array.from({ length: 100 }, (_, i) => connect(cluster, `w${i}`));
  const leases = await Promise.all(workers.map((worker) => takeLease(worker)));
  const sorted = leases.toSorted((a, b) => (BigInt(a.start) < BigInt(b.start) ? -1 : 1));
  for (const [i, lease] of sorted.entries()) {
    const next = sorted[i + 1];
    assert.ok(next === undefined || BigInt(lease.end) <= BigInt(next.start));
  }
  await cluster.close();
});

test('a silent worker loses its leases after 30 s, one that reports does not', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  await submitSquares(cluster, 0n, 2000n);
  const silent = connect(cluster, 'silent');
  const lease = await takeLease(silent);
  const other = connect(cluster, 'other');
  const held = await takeLease(other);
  const report: Heartbeat = {
    ...IDLE,
    state: 'computing',
    leases: [{ lease_id: held.lease_id, done: held.start }],
  };
  for (let i = 0; i < 3; i++) {
    await runtime.advance(10_000);
    assert.deepEqual(other.session.heartbeat(report), { revoked: [] });
  }
  await runtime.advance(1000);
  assert.equal(cluster.node('silent').state, 'silent');
  assert.equal(cluster.node('other').state, 'computing');
  const again = await takeLease(other);
  assert.equal(again.start, lease.start);
  assert.deepEqual(silent.session.heartbeat({ ...IDLE, leases: [{ lease_id: lease.lease_id, done: '0' }] }), {
    revoked: [lease.lease_id],
  });
  assert.equal(cluster.node('silent').state, 'idle', 'it is heard again');
  await runtime.advance(120_000);
  assert.match(silent.link.closed ?? '', /nothing was heard/);
  assert.equal(cluster.node('silent').state, 'offline');
  await cluster.close();
});

test('a connection that is lost keeps its leases for a while; the same worker takes them back', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  await submitSquares(cluster, 0n, 100_000n);
  const worker = connect(cluster, 'one');
  const lease = await takeLease(worker);
  const unheard = await takeLease(worker);
  worker.session.disconnected();
  await runtime.advance(10_000);
  await assert.rejects(worker.session.submit(answer(lease)), code('not_ready'));
  const back = connect(cluster, 'one', { leases: [lease.lease_id] });
  assert.deepEqual(back.session.revoked, []);
  assert.equal((await back.session.submit(answer(lease))).status, 'accepted');
  const next = await takeLease(back);
  assert.equal(next.start, unheard.start, 'a lease that it does not know of is leased again');
  await cluster.close();
});

test('a node_id belongs to one live worker; a new process of it takes over when the old is gone', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  await submitSquares(cluster, 0n, 100_000n);
  const first = connect(cluster, 'one');
  const lease = await takeLease(first);
  const session = 'c'.repeat(32);
  assert.throws(() => connect(cluster, 'one', { session }), code('node_id_in_use'));
  const same = connect(cluster, 'one', { leases: [lease.lease_id] });
  assert.match(first.link.closed ?? '', /connected again/);
  first.session.disconnected();
  assert.equal(cluster.node('one').state, 'computing', 'the end of the older connection means nothing');
  same.session.disconnected();
  const fresh = connect(cluster, 'one', { session });
  assert.equal((await takeLease(fresh)).start, lease.start, 'what the old process had is free at once');
  await runtime.advance(31_000);
  connect(cluster, 'one', { session: 'd'.repeat(32) });
  await cluster.close();
});

test('placement: only workers that have it all, and what is missing is told', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const job = async (placement: object) => (await submitSquares(cluster, 0n, 100n, { placement })).job_id;
  const waits = async (id: string) => (await cluster.status(id)).waiting_for ?? 'nothing';
  const anywhere = await job({});
  assert.match(await waits(anywhere), /none is connected/);
  await cluster.cancel(anywhere, ADMIN);
  const device = { ...hello('x').device, gpu_memory_mb: 8000 };
  const cpu = connect(cluster, 'cpu', { tags: ['eu'] });
  const gpu = connect(cluster, 'gpu', { kind: 'node-gpu', device, tags: ['eu', 'fast'] });
  const unknown = connect(cluster, 'unknown-gpu', { kind: 'browser-gpu' });
  assert.match(await waits(await job({ node_id: 'nobody' })), /worker nobody/);
  assert.match(await waits(await job({ min_gpu_memory_mb: 9000 })), /9000 MB of known memory/);
  assert.match(await waits(await job({ tags: ['eu', 'us'] })), /tags eu, us/);
  for (const id of (await cluster.list({ limit: 50, status: 'pending' })).jobs)
    await cluster.cancel(id.job_id, ADMIN);
  const can = async (placement: object): Promise<string[]> => {
    const id = await job(placement);
    const able: string[] = [];
    for (const worker of [cpu, gpu, unknown]) {
      const { lease } = await worker.session.lease(REQUEST);
      if (lease === null) continue;
      able.push(worker.session.nodeId);
      await worker.session.release({ token: lease.token, reason: 'stopping', message: '' });
    }
    await cluster.cancel(id, ADMIN);
    return able;
  };
  assert.deepEqual(await can({}), ['cpu', 'gpu', 'unknown-gpu']);
  assert.deepEqual(await can({ require_gpu: true }), ['gpu', 'unknown-gpu']);
  assert.deepEqual(await can({ min_gpu_memory_mb: 8000 }), ['gpu']);
  assert.deepEqual(await can({ tags: ['eu'] }), ['cpu', 'gpu']);
  assert.deepEqual(await can({ node_id: 'unknown-gpu' }), ['unknown-gpu']);
  await cluster.close();
});

test('a worker without the workload’s code or version gets nothing of it', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const { job_id: id } = await submitSquares(cluster, 0n, 100n);
  const old = connect(cluster, 'old', { workloads: [{ type: 'squares', version: 2 }] });
  assert.equal((await old.session.lease(REQUEST)).lease, null);
  assert.match((await cluster.status(id)).waiting_for ?? '', /knows squares version 1/);
  await cluster.close();
});

test('gpu_preferred: CPU workers take it only while no GPU worker that fits is connected', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  await submitSquares(cluster, 0n, 1_000_000n, { gpu_preferred: true });
  const cpu = connect(cluster, 'cpu');
  const lease = await takeLease(cpu);
  await cpu.session.submit(answer(lease));
  const gpu = connect(cluster, 'gpu', { kind: 'node-gpu' });
  assert.equal((await cpu.session.lease(REQUEST)).lease, null);
  await takeLease(gpu);
  gpu.session.heartbeat({ ...IDLE, state: 'paused' });
  await takeLease(cpu);
  await cluster.close();
});

test('idle workers are told when work comes', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const worker = connect(cluster, 'one');
  const reply = await worker.session.lease(REQUEST);
  assert.equal(reply.lease, null);
  assert.ok(reply.retry_after_ms > 1000);
  assert.equal(worker.link.work, 0);
  await submitSquares(cluster, 0n, 100n);
  assert.equal(worker.link.work, 1);
  await cluster.close();
});

test('a straggler’s range is leased a second time, and the loser is told to stop', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  const { job_id: id } = await submitSquares(cluster, 0n, 1000n);
  const slow = connect(cluster, 'slow');
  const lease = await takeLease(slow);
  assert.equal(lease.end, '1000');
  const fast = connect(cluster, 'fast');
  const asked = { target_ms: 10_000, rate_per_second: RATE };
  assert.equal((await fast.session.lease(asked)).lease, null, 'it would not be done sooner');
  await runtime.advance(9000);
  slow.session.heartbeat({ ...IDLE, state: 'computing', leases: [{ lease_id: lease.lease_id, done: '10' }] });
  const second = await takeLease(fast);
  assert.deepEqual([second.start, second.end], [lease.start, lease.end]);
  const third = connect(cluster, 'third');
  assert.equal((await third.session.lease(asked)).lease, null, 'not a third time');
  assert.equal((await fast.session.submit(answer(second))).status, 'accepted');
  assert.deepEqual(slow.link.revoked, [lease.lease_id]);
  await settled();
  assert.equal((await cluster.status(id)).status, 'completed');
  assert.equal((await slow.session.submit(answer(lease))).status, 'duplicate');
  await cluster.close();
});

test('that a slow worker finds no straggler says nothing of a faster one', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  await submitSquares(cluster, 0n, 1000n);
  const lease = await takeLease(connect(cluster, 'holder'));
  assert.equal(lease.end, '1000');
  const like = connect(cluster, 'like');
  assert.equal((await like.session.lease(REQUEST)).lease, null);
  assert.equal((await connect(cluster, 'another').session.lease(REQUEST)).lease, null);
  const faster = await connect(cluster, 'faster').session.lease({ ...REQUEST, rate_per_second: 100 * RATE });
  assert.equal(faster.lease?.start, lease.start);
  await runtime.advance(1000);
  await cluster.close();
});

test('low jobs get their share beside high ones', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const ids = new Map<string, string>();
  for (const priority of ['low', 'normal', 'high'] as const) {
    ids.set((await submitSquares(cluster, 0n, 100_000_000n, { priority })).job_id, priority);
  }
  const worker = connect(cluster, 'one');
  const units = new Map<string, number>();
  for (let i = 0; i < 420; i++) {
    const lease = await takeLease(worker);
    const priority = ids.get(lease.job_id) ?? '';
    const length = Number(BigInt(lease.end) - BigInt(lease.start));
    units.set(priority, (units.get(priority) ?? 0) + length);
    await worker.session.submit(answer(lease));
  }
  const low = units.get('low') ?? 0;
  assert.ok(low > 0);
  const share = (priority: string): number => (units.get(priority) ?? 0) / low;
  assert.ok(share('normal') > 3 && share('normal') < 5, `normal to low ${share('normal')}`);
  assert.ok(share('high') > 13 && share('high') < 19, `high to low ${share('high')}`);
  await cluster.close();
});

test('workers: protocol and number are limited, a stopping coordinator takes none', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t), { config: { maxWorkers: 2 } });
  assert.throws(() => connect(cluster, 'old', { protocol: 0 }), code('protocol_mismatch'));
  const one = connect(cluster, 'one');
  connect(cluster, 'two');
  assert.throws(() => connect(cluster, 'three'), code('limit_reached'));
  one.session.disconnected();
  connect(cluster, 'three');
  await cluster.close();
  assert.throws(() => cluster.connect(hello('four'), new TestLink(), true), code('not_ready'));
});

test('closing tells workers to come back, commits what has arrived and refuses the rest', async (t) => {
  const folder = temporaryFolder(t);
  const { cluster, runtime } = await startCluster(folder);
  const { job_id: id } = await submitSquares(cluster, 0n, 100_000n);
  const worker = connect(cluster, 'one');
  const lease = await takeLease(worker);
  const submitted = worker.session.submit(answer(lease));
  const closed = cluster.close();
  assert.equal(worker.link.drained, true);
  assert.equal(cluster.notReady(), 'the coordinator is stopping');
  assert.equal((await submitted).status, 'accepted');
  await closed;
  await assert.rejects(worker.session.lease(REQUEST), code('not_ready'));
  await assert.rejects(submitSquares(cluster, 0n, 10n), code('not_ready'));
  const again = await startCluster(folder, { runtime });
  assert.equal((await again.cluster.status(id)).progress.done, lease.end);
  await again.cluster.close();
});

test('a result that asks for the next lease gets it with the acknowledgement; a refusal of it undoes nothing', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  await submitSquares(cluster, 0n, 100_000n);
  const worker = connect(cluster, 'one');
  const first = await takeLease(worker);
  assert.equal((await worker.session.submit(answer(first))).next, undefined);
  const second = await takeLease(worker);
  const { status, next } = await worker.session.submit({ ...answer(second), next: REQUEST });
  assert.equal(status, 'accepted');
  assert.equal(next?.lease?.start, second.end);
  assert.ok(next.lease);
  const submitted = worker.session.submit({ ...answer(next.lease), next: REQUEST });
  const closed = cluster.close();
  const last = await submitted;
  assert.equal(last.status, 'accepted');
  assert.equal(last.next?.lease, null);
  assert.ok((last.next?.retry_after_ms ?? 0) > 0);
  await closed;
});

test('a worker that releases a lease gives its range back at once', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  await submitSquares(cluster, 0n, 100_000n);
  const worker = connect(cluster, 'one');
  const lease = await takeLease(worker);
  await worker.session.release({ token: lease.token, reason: 'stopping', message: '' });
  assert.equal(cluster.gauges.leases(), 0);
  const other = connect(cluster, 'two');
  assert.equal((await takeLease(other)).start, lease.start);
  await work(other);
  await cluster.close();
});
