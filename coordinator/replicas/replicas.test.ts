import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterError } from '../../protocol/errors.ts';
import type { ClusterStatus, NodeStatus } from '../../protocol/http.ts';
import type { Lease } from '../../protocol/messages.ts';
import { providePostgres, startPostgres } from '../../tests/setup/postgres.ts';
import type { RunningPostgres } from '../../tests/setup/postgres.ts';
import {
  ADMIN,
  answer,
  connect,
  connectStranger,
  RATE,
  squaresOf,
  submitSquares,
  takeLease,
  work,
} from '../jobs/test-cluster.ts';
import type { TestWorker } from '../jobs/test-cluster.ts';
import { PATIENCE_MS, startReplica, until } from './test-replicas.ts';
import type { TestReplica } from './test-replicas.ts';

const missing = await providePostgres();
const code = (wanted: string) => (error: unknown) => error instanceof ClusterError && error.code === wanted;

suite('coordinators on one PostgreSQL', { skip: missing ?? false }, () => {
  const ends: (() => Promise<void>)[] = [];
  let server: RunningPostgres;
  let databases = 0;

  before(async () => {
    server = await startPostgres({ after: (end) => void ends.push(end) }, { fsync: false });
  });
  after(async () => {
    for (const end of ends.toReversed()) await end();
  });

  const urls = new Map<TestReplica, string>();
  const urlOf = (replica: TestReplica): string => urls.get(replica) ?? '';
  type Ending = Parameters<typeof startReplica>[0];
  const replicas = async (t: Ending, count: number): Promise<TestReplica[]> => {
    databases += 1;
    const url = await server.createDatabase(`replicas${databases}`);
    const started: TestReplica[] = [];
    for (let i = 0; i < count; i++) started.push(await startReplica(t, url));
    for (const each of started) urls.set(each, url);
    await until('everybody sees everybody', () =>
      started.every(({ cluster }) => cluster.gauges.replicas() === count),
    );
    return started;
  };
  const completed = async ({ cluster }: TestReplica, jobId: string): Promise<void> => {
    await until(`${jobId} is completed`, async () => (await cluster.status(jobId)).status === 'completed');
  };
  const seen = ({ cluster }: TestReplica, jobId: string, state: string) =>
    until(`${state} is seen`, async () => (await cluster.status(jobId)).status === state);
  /** Another coordinator that does not answer within a second tells nothing. */
  const toldNode = async (cluster: TestReplica['cluster'], name: string): Promise<NodeStatus> => {
    let node: NodeStatus | undefined;
    await until(`${name} is told`, async () => {
      node = await cluster.findNode(name).catch(() => undefined);
      return node !== undefined;
    });
    assert.ok(node);
    return node;
  };
  const known = (replica: TestReplica) =>
    until('the job is leased here', async () => (await replica.cluster.list({ limit: 5 })).jobs.length > 0);
  const leaseOnce = async (worker: TestWorker): Promise<Lease> => {
    let lease: Lease | null = null;
    await until('a lease', async () => {
      ({ lease } = await worker.session.lease({ target_ms: 10_000, rate_per_second: RATE }));
      return lease !== null;
    });
    assert.ok(lease !== null);
    return lease;
  };

  test('a job is computed everywhere, and every one of them shows all of it', async (t) => {
    const [a, b, c] = await replicas(t, 3);
    assert.ok(a && b && c);
    const { job_id: id } = await submitSquares(a.cluster, 1n, 400_001n);
    const [one, two] = [connect(a.cluster, 'one'), connect(b.cluster, 'two')];
    const [first, second] = [await leaseOnce(one), await leaseOnce(two)];
    await until('both leases are seen at the third', async () => {
      const { leased } = await c.cluster.coverage(id);
      return leased.length === 2;
    });
    assert.notEqual(first.start, second.start, 'no number is leased by two');
    await one.session.submit(answer(first));
    await two.session.submit(answer(second));
    const done = BigInt(first.end) - BigInt(first.start) + BigInt(second.end) - BigInt(second.start);
    for (const { cluster } of [a, b, c]) {
      assert.equal((await cluster.status(id)).progress.done, done.toString());
      assert.deepEqual((await cluster.results(id)).partial, true);
      let names: readonly string[] = [];
      await until('all tell their nodes', async () => {
        const { nodes, total } = await cluster.allNodes();
        names = nodes.map(({ node_id: node }) => node).toSorted();
        return total === 2;
      });
      assert.deepEqual(names, ['one', 'two']);
      assert.equal((await toldNode(cluster, 'two')).batches_done, 1);
    }
    await until('workers of all are counted', () => c.cluster.overview().workers.connected === 2);
    await until('batches of all are shown', () => c.cluster.batches(0, 100).batches.length === 2);
    await Promise.all([
      until(
        'one has nothing left',
        async () => (await work(one)) === 0 && (await a.cluster.status(id)).status === 'completed',
      ),
      until(
        'two has nothing left',
        async () => (await work(two)) === 0 && (await b.cluster.status(id)).status === 'completed',
      ),
    ]);
    for (const replica of [a, b, c]) {
      await completed(replica, id);
      const results = await replica.cluster.results(id);
      assert.deepEqual(results.result, squaresOf({ start: '1', end: '400001' }));
      assert.deepEqual(results.covered, [{ start: '1', end: '400001' }]);
      await until('jobs are counted alike', () => replica.cluster.overview().jobs.completed === 1);
      assert.equal(replica.cluster.overview().jobs.running, 0);
    }
  });

  test('a result for a range of another one is counted there, once and only once', async (t) => {
    const [a, b] = await replicas(t, 2);
    assert.ok(a && b);
    const { job_id: id } = await submitSquares(a.cluster, 1n, 100_001n);
    const before = connect(a.cluster, 'mover', { session: 'b'.repeat(32) });
    const lease = await leaseOnce(before);
    const other = await takeLease(before);
    const moved = connect(b.cluster, 'mover', { session: 'b'.repeat(32), leases: [lease.lease_id] });
    await until('its old connection is closed', () => before.link.closed !== undefined);
    await until(
      'what it holds no more is open again',
      async () => (await a.cluster.coverage(id)).leased.length === 1,
    );
    assert.deepEqual(await moved.session.submit(answer(lease)), { status: 'accepted' });
    const units = (BigInt(lease.end) - BigInt(lease.start)).toString();
    assert.equal((await a.cluster.status(id)).progress.done, units);
    assert.equal((await b.cluster.status(id)).progress.done, units);
    assert.deepEqual(await moved.session.submit(answer(lease)), { status: 'duplicate' });
    assert.equal((await b.cluster.findNode('mover')).batches_done, 1);
    assert.equal((await b.cluster.status(id)).progress.done, units);
    await moved.session.submit(answer(other));
    assert.equal(b.observer.get('forwarded accepted'), 2);
    // Another's token is refused where it arrives.
    const thief = connectStranger(b.cluster, 'thief');
    await assert.rejects(thief.session.submit(answer(other)), code('lease_foreign'));
  });

  test('what one that dies has left is taken over, its workers’ results with it', async (t) => {
    const [a, b, c] = await replicas(t, 3);
    assert.ok(a && b && c);
    const { job_id: id } = await submitSquares(a.cluster, 1n, 60_001n);
    const worker = connect(a.cluster, 'survivor');
    const done = await leaseOnce(worker);
    await worker.session.submit(answer(done));
    const held = await takeLease(worker);
    a.hang();
    const moved = connect(b.cluster, 'survivor', { leases: [held.lease_id] });
    const ms = await until(
      'somebody takes over',
      () => b.observer.get('take-overs') + c.observer.get('take-overs') > 0,
    );
    t.diagnostic(`taken over ${ms.toFixed(0)} ms after the last sign, patience ${PATIENCE_MS} ms`);
    assert.equal(b.observer.get('coordinators lost') + c.observer.get('coordinators lost'), 1);
    let status = '';
    await until('the result is taken', async () => {
      status = (await moved.session.submit(answer(held)).catch(() => ({ status: '' }))).status;
      return status !== '';
    });
    assert.equal(status, 'accepted');
    const counted = BigInt(done.end) - BigInt(done.start) + BigInt(held.end) - BigInt(held.start);
    assert.equal((await c.cluster.status(id)).progress.done, counted.toString());
    await until(
      'the rest is computed',
      async () => (await work(moved), (await b.cluster.status(id)).status === 'completed'),
    );
    await completed(c, id);
    assert.deepEqual((await c.cluster.results(id)).result, squaresOf({ start: '1', end: '60001' }));
    // The one that hung is fenced out at the next thing that it writes.
    await assert.rejects(submitSquares(a.cluster, 1n, 9n), code('not_ready'));
    assert.match(a.cluster.notReady() ?? '', /another coordinator has taken over/);
  });

  test('one that stops hands everything over, and what its workers hold is still good', async (t) => {
    const [a, b] = await replicas(t, 2);
    assert.ok(a && b);
    const { job_id: id } = await submitSquares(a.cluster, 1n, 40_001n);
    const worker = connect(a.cluster, 'traveller');
    const held = await leaseOnce(worker);
    await a.cluster.close();
    assert.ok(worker.link.drained, 'it is told to go elsewhere');
    const moved = connect(b.cluster, 'traveller', { leases: [held.lease_id] });
    const ms = await until('it is taken over', () => b.observer.get('take-overs') > 0);
    t.diagnostic(`taken over ${ms.toFixed(0)} ms after the end`);
    assert.equal(b.observer.get('coordinators lost'), 0, 'it is no death');
    assert.deepEqual(await moved.session.submit(answer(held)), { status: 'accepted' });
    await until(
      'the rest is computed',
      async () => (await work(moved), (await b.cluster.status(id)).status === 'completed'),
    );
    assert.deepEqual((await b.cluster.results(id)).result, squaresOf({ start: '1', end: '40001' }));
  });

  test('cancel and pause act everywhere within a second', async (t) => {
    const [a, b] = await replicas(t, 2);
    assert.ok(a && b);
    const { job_id: id } = await submitSquares(a.cluster, 1n, 1n << 40n);
    const worker = connect(a.cluster, 'busy');
    const lease = await leaseOnce(worker);
    await b.cluster.pause(id, ADMIN);
    t.diagnostic(`paused elsewhere after ${(await seen(a, id, 'paused')).toFixed(0)} ms`);
    assert.equal((await worker.session.lease({ target_ms: 1, rate_per_second: 1 })).lease, null);
    await b.cluster.resume(id, ADMIN);
    await seen(a, id, 'running');
    const next = await leaseOnce(worker);
    await b.cluster.cancel(id, ADMIN);
    const ms = await until('the leases are revoked', () => worker.link.revoked.length === 2);
    t.diagnostic(`revoked elsewhere after ${ms.toFixed(0)} ms`);
    assert.deepEqual([...worker.link.revoked].toSorted(), [lease.lease_id, next.lease_id].toSorted());
    await assert.rejects(worker.session.submit(answer(lease)), code('lease_superseded'));
    assert.equal((await a.cluster.status(id)).status, 'cancelled');
    await assert.rejects(a.cluster.resume(id, ADMIN), code('state_conflict'));
  });

  test('two that change a job at the same moment: one wins, and the other one says what is so', async (t) => {
    const [a, b] = await replicas(t, 2);
    assert.ok(a && b);
    for (let i = 0; i < 10; i++) {
      const { job_id: id } = await submitSquares(a.cluster, 1n, 1n << 40n);
      await until(
        'it is known',
        async () => (await b.cluster.status(id).catch(() => undefined)) !== undefined,
      );
      await known(b);
      const paused = b.cluster.pause(id, ADMIN).catch((error: unknown) => error);
      await a.cluster.cancel(id, ADMIN);
      for (const replica of [a, b]) await seen(replica, id, 'cancelled');
      const refused = await paused;
      if (refused instanceof Error) assert.ok(code('state_conflict')(refused));
    }
    const { jobs } = await a.cluster.list({ limit: 50 });
    // One that starts later has none of them in memory when it is asked to cancel them once more.
    const c = await startReplica(t, urlOf(a));
    for (const { job_id: id } of jobs) {
      for (const { cluster } of [a, b, c]) await cluster.cancel(id, ADMIN);
      await assert.rejects(c.cluster.pause(id, ADMIN), code('state_conflict'));
    }
    for (const { cluster } of [a, b, c]) assert.equal(cluster.overview().jobs.cancelled, 10);
  });

  test('of two that cancel at the same moment both fold what they have, once', async (t) => {
    databases += 1;
    const url = await server.createDatabase(`replicas${databases}`);
    const a = await startReplica(t, url, {}, { commit: () => sleep(100) });
    const b = await startReplica(t, url, {}, { commit: () => sleep(100) });
    await until('both see each other', () => a.cluster.gauges.replicas() === 2);
    const { job_id: id } = await submitSquares(a.cluster, 1n, 1n << 40n);
    const workers = [connect(a.cluster, 'one'), connect(b.cluster, 'two')];
    let units = 0n;
    for (const worker of workers) {
      const lease = await leaseOnce(worker);
      await worker.session.submit(answer(lease));
      units += BigInt(lease.end) - BigInt(lease.start);
    }
    await Promise.all([a.cluster.cancel(id, ADMIN), b.cluster.cancel(id, ADMIN)]);
    await until('nothing is left in the journal', async () => {
      const snapshot = await a.store.findSnapshot(id);
      return snapshot?.results.length === 0;
    });
    const snapshot = await b.store.findSnapshot(id);
    assert.equal(snapshot?.job.done, units, 'all of it is in the shares');
    assert.equal((await b.cluster.status(id)).progress.done, units.toString());
  });

  test('what is rung before its commit is answered is the same job, and computed once', async (t) => {
    databases += 1;
    const url = await server.createDatabase(`replicas${databases}`);
    const a = await startReplica(t, url, {}, { commit: () => sleep(60) });
    const b = await startReplica(t, url, {}, { commit: () => sleep(60) });
    await until('both see each other', () => a.cluster.gauges.replicas() === 2);
    const { job_id: id } = await submitSquares(a.cluster, 1n, 8001n);
    assert.equal(a.cluster.overview().jobs.pending, 1);
    const [one, two] = [connect(a.cluster, 'one'), connect(b.cluster, 'two')];
    await until('all is computed', async () => {
      await Promise.all([work(one), work(two)]);
      return (await a.cluster.status(id)).status === 'completed';
    });
    assert.deepEqual((await b.cluster.results(id)).result, squaresOf({ start: '1', end: '8001' }));
    const accepted = a.observer.get('accepted') + b.observer.get('accepted');
    const refused = a.observer.get('lease_superseded') + b.observer.get('lease_superseded');
    assert.ok(accepted > 0);
    assert.equal(refused, 0, 'no number was leased twice');
    for (const { cluster } of [a, b]) {
      await until('jobs are counted alike', () => cluster.overview().jobs.completed === 1);
      assert.equal(cluster.overview().jobs.pending + cluster.overview().jobs.running, 0);
    }
  });

  test('a job that is done while jobs are counted is counted once, where it was computed and elsewhere', async (t) => {
    databases += 1;
    const url = await server.createDatabase(`replicas${databases}`);
    const gate = Promise.withResolvers<undefined>();
    const both: TestReplica[] = [];
    // What is shown as each count after the gap is heard.
    const shown: ClusterStatus['jobs'][][] = [[], []];
    let isGap = false;
    const count = (i: number) => async (): Promise<void> => {
      const replica = both[i];
      if (!isGap || replica === undefined) return;
      if (shown[i]?.push(replica.cluster.overview().jobs) === 1) await gate.promise;
    };
    const patienceMs = 10 * PATIENCE_MS;
    for (const i of [0, 1]) both.push(await startReplica(t, url, {}, { countJobs: count(i), patienceMs }));
    await until('both see each other', () => both.every(({ cluster }) => cluster.gauges.replicas() === 2));
    // Bells may have been missed, so both count; the answer, from before the job, is heard when the job is over.
    isGap = true;
    await server.ask(
      url,
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await until('both count', () => shown.every(({ length }) => length === 1));
    const [a] = both;
    assert.ok(a);
    const { job_id: id } = await submitSquares(a.cluster, 1n, 100_001n);
    const one = connect(a.cluster, 'one');
    await until('all is computed', async () => {
      await work(one);
      return (await a.cluster.status(id)).status === 'completed';
    });
    for (const { cluster } of both) await until('it is seen', () => cluster.overview().jobs.completed === 1);
    gate.resolve(undefined);
    await until('both have counted again', () => shown.every(({ length }) => length >= 2));
    for (const { cluster } of both) shown.push([cluster.overview().jobs]);
    for (const jobs of shown) {
      const { pending, running, completed: over } = jobs.at(-1) ?? {};
      assert.deepEqual([pending, running, over], [0, 0, 1]);
    }
  });

  test('the same submit at two at once is one job', async (t) => {
    const [a, b] = await replicas(t, 2);
    assert.ok(a && b);
    const submit = ({ cluster }: TestReplica, key: string, end = '100') =>
      cluster.submit(
        {
          type: 'squares',
          priority: 'normal',
          gpu_preferred: false,
          placement: {},
          parameters: { start: '1', end },
        },
        { by: ADMIN, idempotencyKey: key },
      );
    for (let i = 0; i < 10; i++) {
      const first = submit(a, `k${i}`);
      const second = await submit(b, `k${i}`);
      assert.equal((await first).job_id, second.job_id);
    }
    await assert.rejects(submit(b, 'k3', '101'), code('idempotency_conflict'));
    assert.equal((await a.cluster.list({ limit: 50 })).jobs.length, 10);
  });

  test('idle workers of one get what busy ones of another have not begun', async (t) => {
    const [a, b] = await replicas(t, 2);
    assert.ok(a && b);
    const { job_id: id } = await submitSquares(a.cluster, 1n, 80_001n);
    const busy = connect(a.cluster, 'busy');
    const held = await leaseOnce(busy);
    const idle = connect(b.cluster, 'idle');
    await known(b);
    const given = await leaseOnce(idle);
    t.diagnostic(`given [${given.start}, ${given.end}), held [${held.start}, ${held.end})`);
    assert.ok(BigInt(given.start) >= BigInt(held.end));
    await idle.session.submit(answer(given));
    await busy.session.submit(answer(held));
    await until('all is computed', async () => {
      await Promise.all([work(busy), work(idle)]);
      return (await a.cluster.status(id)).status === 'completed';
    });
    assert.deepEqual((await b.cluster.results(id)).result, squaresOf({ start: '1', end: '80001' }));
    const shares = await Promise.all(['busy', 'idle'].map((name) => toldNode(a.cluster, name)));
    const units = shares.map(({ units_done: done }) => BigInt(done));
    assert.equal(
      units.reduce((sum, each) => sum + each, 0n),
      80_000n,
    );
    assert.ok(
      units.every((each) => each > 0n),
      'both have computed',
    );
  });

  test('a worker that is gone leaves no hole behind where nobody else is', async (t) => {
    const [a, b] = await replicas(t, 2);
    assert.ok(a && b);
    const { job_id: id } = await submitSquares(a.cluster, 1n, 30_001n);
    const leaver = connect(a.cluster, 'leaver');
    const lost = await leaseOnce(leaver);
    const later = await takeLease(leaver);
    await leaver.session.submit(answer(later));
    await leaver.session.release({ token: lost.token, reason: 'stopping', message: '' });
    leaver.session.disconnected();
    const stayer = connect(b.cluster, 'stayer');
    await until(
      'the other one computes it',
      async () => (await work(stayer), (await b.cluster.status(id)).status === 'completed'),
    );
    assert.deepEqual((await a.cluster.results(id)).result, squaresOf({ start: '1', end: '30001' }));
  });

  test('what a page hands back to another one than it was connected to counts', async (t) => {
    const [a, b] = await replicas(t, 2);
    assert.ok(a && b);
    const { job_id: id } = await submitSquares(a.cluster, 1n, 100_001n);
    const page = connectStranger(a.cluster, 'page');
    const [done, open] = [await leaseOnce(page), await takeLease(page)];
    const { token, end, aggregate, compute_ms } = answer(done);
    const { leases } = await b.cluster.handBack({
      leases: [
        { token, result: { end, aggregate, compute_ms } },
        { token: open.token, result: null },
      ],
    });
    assert.deepEqual(
      leases.map(({ status }) => status),
      ['accepted', 'released'],
    );
    await until('its range is open again', async () => (await a.cluster.coverage(id)).leased.length === 0);
    assert.equal(
      (await b.cluster.status(id)).progress.done,
      (BigInt(done.end) - BigInt(done.start)).toString(),
    );
  });

  test('while the database is away nothing is acknowledged, and all of them say so; then it goes on', async (t) => {
    const own = await startPostgres(t);
    const url = await own.createDatabase('away');
    // How soon each is back depends on the machine; that this is no death has tests of its own, by a clock (patience.test.ts).
    const manners = { patienceMs: 10 * PATIENCE_MS };
    const a = await startReplica(t, url, {}, manners);
    const b = await startReplica(t, url, {}, manners);
    const { job_id: id } = await submitSquares(a.cluster, 1n, 20_001n);
    const [one, two] = [connect(a.cluster, 'one'), connect(b.cluster, 'two')];
    const held = [await leaseOnce(one), await leaseOnce(two)];
    await own.kill();
    for (const { cluster } of [a, b]) {
      await until('it is unready, though nobody asked it for anything', () => cluster.notReady() !== null);
      assert.equal(cluster.overview().store, 'unavailable');
    }
    for (const [i, worker] of [one, two].entries()) {
      const lease = held[i];
      assert.ok(lease !== undefined);
      await assert.rejects(worker.session.submit(answer(lease)), code('store_unavailable'));
    }
    await assert.rejects(b.cluster.status(id), code('store_unavailable'));
    await own.start();
    for (const { cluster } of [a, b]) await until('it is ready again', () => cluster.notReady() === null);
    assert.equal(a.observer.get('take-overs') + b.observer.get('take-overs'), 0, 'nobody was taken over');
    for (const [i, worker] of [one, two].entries()) {
      const lease = held[i];
      assert.ok(lease !== undefined);
      assert.deepEqual(await worker.session.submit(answer(lease)), { status: 'accepted' });
    }
    await until('all is computed', async () => {
      await Promise.all([work(one), work(two)]);
      return (await a.cluster.status(id)).status === 'completed';
    });
    assert.deepEqual((await b.cluster.results(id)).result, squaresOf({ start: '1', end: '20001' }));
  });

  test('keys that one adds or revokes are known to the others', async (t) => {
    const [a, b] = await replicas(t, 2);
    assert.ok(a && b);
    let rings = 0;
    b.cluster.onKeysChanged(() => (rings += 1));
    const key = {
      id: '0123456789ab',
      user: 'ada',
      role: 'submitter',
      hash: new Uint8Array(32),
      createdAt: 1,
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
    } as const;
    await a.cluster.records.write([{ kind: 'key_added', key }]);
    await until('the ring', () => rings > 0);
    assert.deepEqual(
      (await b.cluster.records.loadKeys()).map(({ id }) => id),
      [key.id],
    );
  });
});
