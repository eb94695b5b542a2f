import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { ClusterError } from '../../protocol/errors.ts';
import type { Lease } from '../../protocol/messages.ts';
import { squaresWorkload } from './test-workload.ts';
import {
  ADMIN,
  answer,
  connect,
  settled,
  squaresOf,
  startCluster,
  submitSquares,
  takeLease,
  temporaryFolder,
  work,
} from './test-cluster.ts';

/** A copy of the folder as a power cut would leave it: nothing was closed, nothing flushed by us. */
function crash(folder: string, into: string): string {
  const copy = join(into, `crashed-${Math.random().toString(36).slice(2)}`);
  cpSync(folder, copy, { recursive: true });
  return copy;
}

test('after a crash every acknowledged number is there, once, and the rest is computed', async (t) => {
  const base = temporaryFolder(t);
  const first = await startCluster(join(base, 'data'));
  const { runtime } = first;
  const { job_id: id } = await submitSquares(first.cluster, 1n, 1_000_000n);
  const workers = ['a', 'b', 'c'].map((name) => connect(first.cluster, name));
  const out: Lease[] = [];
  let acknowledged = 0n;
  for (let round = 0; round < 5; round++) {
    for (const worker of workers) {
      const lease = await takeLease(worker);
      if (round === 4) {
        out.push(lease);
        continue;
      }
      await worker.session.submit(answer(lease));
      acknowledged += BigInt(lease.end) - BigInt(lease.start);
    }
    await runtime.advance(2000);
  }
  const copy = crash(join(base, 'data'), base);
  const again = await startCluster(copy, { runtime });
  const status = await again.cluster.status(id);
  assert.equal(status.status, 'running');
  assert.equal(status.progress.done, acknowledged.toString());
  const [one, two] = out;
  assert.ok(one !== undefined && two !== undefined);
  // A batch that was out goes on: its token is good, and nobody else was given its range meanwhile.
  const back = connect(again.cluster, 'a', { leases: [one.lease_id] });
  assert.deepEqual(back.session.revoked, []);
  const fresh = await takeLease(back);
  assert.ok(BigInt(fresh.start) >= BigInt(status.progress.done), 'new work comes from beyond the cursor');
  assert.equal((await back.session.submit(answer(one))).status, 'accepted');
  assert.equal((await back.session.submit(answer(one))).status, 'duplicate');
  await back.session.submit(answer(fresh));
  await work(back);
  await runtime.advance(6000);
  await work(back);
  await settled();
  assert.equal((await again.cluster.status(id)).status, 'completed');
  assert.deepEqual((await again.cluster.results(id)).result, squaresOf({ start: '1', end: '1000000' }));
  // The batch of a worker that never came back was computed by another: its late answer is compared.
  const late = connect(again.cluster, 'b');
  const reply = await late.session.submit(answer(two)).catch((error: unknown) => error);
  assert.ok(
    (reply instanceof ClusterError && reply.code === 'lease_superseded') ||
      (typeof reply === 'object' && reply !== null && 'status' in reply && reply.status === 'duplicate'),
    String(reply),
  );
  await again.cluster.close();
  await first.cluster.close();
});

test('a result that was stored before a crash, its acknowledgement lost, is called a duplicate while workers come back', async (t) => {
  const base = temporaryFolder(t);
  const first = await startCluster(join(base, 'data'));
  const { runtime } = first;
  const { job_id: id } = await submitSquares(first.cluster, 1n, 10_000_000n);
  const slow = connect(first.cluster, 'slow');
  const stored = await takeLease(slow);
  await slow.session.submit(answer(stored));
  const again = await startCluster(crash(join(base, 'data'), base), { runtime });
  // Others are back at once, and do more than is kept apart of a job.
  const others = connect(again.cluster, 'others');
  for (let batch = 0; batch < 300; batch++) await others.session.submit(answer(await takeLease(others)));
  const late = connect(again.cluster, 'slow', { leases: [stored.lease_id] });
  assert.equal((await late.session.submit(answer(stored))).status, 'duplicate');
  // Afterwards it goes into the tally, as others do.
  await runtime.advance(30_000);
  await work(others, 3);
  await runtime.advance(10_000);
  const { covered, result } = await again.cluster.results(id);
  assert.equal(covered.length, 1);
  assert.deepEqual(result, squaresOf(covered[0] ?? { start: '1', end: '1' }));
  await again.cluster.close();
  await first.cluster.close();
});

test('a crash after the last acknowledgement completes the job at the next start', async (t) => {
  const base = temporaryFolder(t);
  const first = await startCluster(join(base, 'data'));
  const { job_id: id } = await submitSquares(first.cluster, 1n, 300n);
  const worker = connect(first.cluster, 'a');
  const lease = await takeLease(worker);
  assert.equal(lease.end, '300');
  await worker.session.submit(answer(lease));
  const copy = crash(join(base, 'data'), base);
  const again = await startCluster(copy);
  await settled();
  assert.equal((await again.cluster.status(id)).status, 'completed');
  assert.deepEqual((await again.cluster.results(id)).result, squaresOf({ start: '1', end: '300' }));
  await again.runtime.advance(3000);
  assert.deepEqual((await again.cluster.results(id)).result, squaresOf({ start: '1', end: '300' }));
  assert.equal(again.cluster.gauges.jobs().get('squares')?.get('completed'), 1);
  await again.cluster.close();
  await first.cluster.close();
});

test('many restarts at any moment: the result is that of an undisturbed run', async (t) => {
  const base = temporaryFolder(t);
  let folder = join(base, 'data');
  let running = await startCluster(folder);
  const { runtime } = running;
  const { job_id: id } = await submitSquares(running.cluster, 1n, 50_000n);
  const held = new Map<string, Lease>();
  for (let crashes = 0; crashes < 12; crashes++) {
    for (const name of ['a', 'b']) {
      const mine = held.get(name);
      const leases = mine === undefined ? [] : [mine.lease_id];
      const worker = connect(running.cluster, name, { leases });
      if (mine !== undefined) await worker.session.submit(answer(mine)).catch(() => undefined);
      await work(worker, 1 + (crashes % 3));
      const { lease } = await worker.session.lease({ target_ms: 2000, rate_per_second: 1000 });
      if (lease === null) held.delete(name);
      else held.set(name, lease);
      // Every other time an answer is on its way when the power goes.
      if (lease !== null && crashes % 2 === 0)
        void worker.session.submit(answer(lease)).catch(() => undefined);
    }
    if (crashes % 3 === 0) await runtime.advance(7000);
    folder = crash(folder, base);
    await running.cluster.close();
    running = await startCluster(folder, { runtime });
  }
  const last = connect(running.cluster, 'z');
  await runtime.advance(6000);
  await work(last);
  await settled();
  const status = await running.cluster.status(id);
  assert.equal(status.status, 'completed');
  assert.equal(status.progress.done, '49999');
  assert.deepEqual((await running.cluster.results(id)).result, squaresOf({ start: '1', end: '50000' }));
  await running.cluster.close();
});

test('holes of before a restart are leased again when nobody comes back for them', async (t) => {
  const base = temporaryFolder(t);
  const first = await startCluster(join(base, 'data'));
  const { runtime } = first;
  await submitSquares(first.cluster, 1n, 300n);
  const lease = await takeLease(connect(first.cluster, 'a'));
  const copy = crash(join(base, 'data'), base);
  const again = await startCluster(copy, { runtime });
  const other = connect(again.cluster, 'b');
  const request = { target_ms: 10_000, rate_per_second: 1000 };
  assert.equal((await other.session.lease(request)).lease, null);
  await runtime.advance(6000);
  assert.equal(other.link.work, 1, 'it is told that there is work now');
  assert.equal((await takeLease(other)).start, lease.start);
  await again.cluster.close();
  await first.cluster.close();
});

test('pending jobs keep their order, paused and cancelled ones their state', async (t) => {
  const folder = temporaryFolder(t);
  const first = await startCluster(folder);
  const ids: string[] = [];
  for (let i = 0; i < 4; i++) ids.push((await submitSquares(first.cluster, 1n, 300n)).job_id);
  const [one = '', two = '', three = '', four = ''] = ids;
  await first.cluster.pause(two, ADMIN);
  await first.cluster.cancel(three, ADMIN);
  await first.cluster.close();
  const again = await startCluster(folder);
  assert.equal((await again.cluster.status(one)).queue_position, 0);
  assert.equal((await again.cluster.status(four)).queue_position, 1);
  assert.equal((await again.cluster.status(two)).status, 'paused');
  assert.equal((await again.cluster.status(three)).status, 'cancelled');
  assert.equal((await again.cluster.resume(two, ADMIN)).status, 'pending');
  assert.deepEqual(
    [one, two, four].map((id) => id),
    (await again.cluster.list({ limit: 10, status: 'pending' })).jobs
      .map(({ job_id: id }) => id)
      .toReversed(),
  );
  await again.cluster.close();
});

test('a job whose workload is not known any more fails, and keeps what was done', async (t) => {
  const folder = temporaryFolder(t);
  const first = await startCluster(folder);
  const { job_id: id } = await submitSquares(first.cluster, 1n, 100_000n);
  await work(connect(first.cluster, 'a'), 2);
  await first.cluster.close();
  const newer = new Map([['squares', { ...squaresWorkload, version: 2 }]]);
  const again = await startCluster(folder, { workloads: newer });
  const status = await again.cluster.status(id);
  assert.equal(status.status, 'failed');
  assert.equal(status.error?.code, 'workload_unknown');
  await again.cluster.close();
});

/** As another coordinator does that opens the store. */
function takeOver(folder: string): void {
  const other = new DatabaseSync(join(folder, 'cluster.db'), { timeout: 1000 });
  other.exec('UPDATE owner SET epoch = epoch + 1');
  other.close();
}

test('a coordinator whose store was taken over stops writing, and says so', async (t) => {
  const folder = temporaryFolder(t);
  const { cluster } = await startCluster(folder);
  const { job_id: id } = await submitSquares(cluster, 1n, 100_000n);
  const worker = connect(cluster, 'a');
  const lease = await takeLease(worker);
  takeOver(folder);
  const refused = (error: unknown): boolean => error instanceof ClusterError && error.code === 'not_ready';
  await assert.rejects(worker.session.submit(answer(lease)), refused);
  await assert.rejects(submitSquares(cluster, 1n, 100n), refused);
  await assert.rejects(worker.session.lease({ target_ms: 1000, rate_per_second: 1000 }), refused);
  assert.match(cluster.notReady() ?? '', /another coordinator/);
  assert.equal((await cluster.status(id)).progress.done, '0');
  await cluster.close();
});

test('one whose store is taken over as a job ends tries to end it no more, and so can end itself', async (t) => {
  const folder = temporaryFolder(t);
  const { cluster, runtime } = await startCluster(folder);
  const { job_id: id } = await submitSquares(cluster, 1n, 500n);
  const worker = connect(cluster, 'a');
  const lease = await takeLease(worker);
  assert.equal(lease.end, '500');
  await worker.session.submit(answer(lease));
  // The result is stored; that the job is over is not yet.
  takeOver(folder);
  await settled();
  assert.match(cluster.notReady() ?? '', /another coordinator/);
  assert.equal((await cluster.status(id)).status, 'running');
  await runtime.advance(5000);
  await cluster.close();
  await runtime.advance(60_000);
  assert.equal(runtime.timers, 0, 'nothing is tried any more');
});

test('a store that was set back counts nothing twice, whatever leases of the life that is forgotten bring', async (t) => {
  const base = temporaryFolder(t);
  const first = await startCluster(join(base, 'data'));
  const { runtime } = first;
  const { job_id: id } = await submitSquares(first.cluster, 1n, 60_000n);
  await work(connect(first.cluster, 'a'), 3);
  // As a disk that is set back by itself: with the key that signs leases. `threads restore` makes another.
  const copy = crash(join(base, 'data'), base);
  // The life that is forgotten has faster workers: it cuts longer segments from the same numbers on.
  const fast = { target_ms: 10_000, rate_per_second: 4000 };
  const forgotten: Lease[] = [];
  for (let i = 0; i < 12; i++) {
    const worker = connect(first.cluster, `old${i % 3}`);
    const { lease } = await worker.session.lease(fast);
    if (lease === null) break;
    forgotten.push(lease);
    if (i % 2 === 0) await worker.session.submit(answer(lease));
  }
  const again = await startCluster(copy, { runtime });
  const slow = { target_ms: 10_000, rate_per_second: 100 };
  const late = forgotten.toReversed();
  const counts = { accepted: 0, refused: 0 };
  for (const lease of late) {
    const fresh = connect(again.cluster, 'new');
    const { lease: next } = await fresh.session.lease(slow);
    const reply = await connect(again.cluster, nodeOf(lease))
      .session.submit(answer(lease))
      .then(
        () => 'accepted' as const,
        () => 'refused' as const,
      );
    counts[reply] += 1;
    if (next !== null) await fresh.session.submit(answer(next));
  }
  t.diagnostic(`of the forgotten life’s ${late.length}: ${JSON.stringify(counts)}`);
  assert.ok(counts.refused > 0);
  const last = connect(again.cluster, 'z');
  for (let rounds = 0; rounds < 20 && (await again.cluster.status(id)).status !== 'completed'; rounds++) {
    await runtime.advance(6000);
    await work(last);
    await settled();
  }
  const status = await again.cluster.status(id);
  assert.deepEqual([status.status, status.progress.done], ['completed', '59999']);
  assert.deepEqual((await again.cluster.results(id)).result, squaresOf({ start: '1', end: '60000' }));
  await again.cluster.close();
  await first.cluster.close();
});

/** Whose lease it is, as its token says. */
function nodeOf(lease: Lease): string {
  return lease.token.split('|')[5] ?? '';
}
