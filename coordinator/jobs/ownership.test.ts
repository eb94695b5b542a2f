import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobListQuery, nodeStatus, submitBody } from '../../protocol/http.ts';
import { ClusterError } from '../../protocol/errors.ts';
import type { Store } from '../store/store.ts';
import {
  ADMIN,
  answer,
  connect,
  connectStranger,
  settled,
  startCluster,
  submitSquares,
  submitter,
  takeLease,
  temporaryFolder,
} from './test-cluster.ts';

const code = (expected: string) => (error: unknown) =>
  error instanceof ClusterError && error.code === expected;
const REQUEST = { target_ms: 10_000, rate_per_second: 1000 };
const ada = submitter('ada');
const bob = submitter('bob');

test('a job is its submitter’s: told, listed, and remembered by the store', async (t) => {
  const folder = temporaryFolder(t);
  const { cluster, runtime } = await startCluster(folder);
  const { job_id: adas } = await submitSquares(
    cluster,
    0n,
    1000n,
    { expected_seconds: 12.5, max_attempts: 3 },
    ada,
  );
  const { job_id: bobs } = await submitSquares(cluster, 0n, 1000n, {}, bob);
  const { job_id: nobodys } = await submitSquares(cluster, 0n, 1000n);
  assert.equal(await cluster.owner(adas), 'ada');
  assert.equal(await cluster.owner(nobodys), null);
  await assert.rejects(cluster.owner('nosuchjob'), code('not_found'));
  const listed = await cluster.list(jobListQuery.parse({ user_id: 'bob' }));
  assert.deepEqual(
    listed.jobs.map((job) => [job.job_id, job.user_id]),
    [[bobs, 'bob']],
  );
  await cluster.cancel(adas, ada);
  await cluster.close();
  const again = await startCluster(folder, { runtime });
  assert.equal(await again.cluster.owner(adas), 'ada', 'also of one that is over');
  const status = await again.cluster.status(adas);
  assert.deepEqual([status.expected_seconds, status.max_attempts], [12.5, 3]);
  const usual = await again.cluster.status(nobodys);
  assert.deepEqual([usual.expected_seconds, usual.max_attempts, usual.user_id], [null, 20, null]);
  await again.cluster.close();
});

test('keys of idempotency of two users never meet, and what a body says of time and attempts is part of it', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const body = (more: object = {}) =>
    submitBody.parse({ type: 'squares', parameters: { start: 1, end: 100 }, ...more });
  const submit = (by: typeof ada, more: object = {}) =>
    cluster.submit(body(more), { by, idempotencyKey: 'nightly' });
  const [first, second] = await Promise.all([submit(ada), submit(bob)]);
  assert.notEqual(first.job_id, second.job_id);
  assert.equal((await submit(ada)).job_id, first.job_id);
  assert.equal((await submit(ada, { max_attempts: 20 })).job_id, first.job_id, 'the default, spelled out');
  await assert.rejects(submit(ada, { max_attempts: 19 }), code('idempotency_conflict'));
  await assert.rejects(submit(ada, { expected_seconds: 60 }), code('idempotency_conflict'));
  await cluster.close();
});

test('who changed a job is in the audit log with the change; what changed nothing is not', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const { job_id: id } = await submitSquares(cluster, 0n, 1000n, {}, ada);
  await cluster.pause(id, ada);
  await cluster.pause(id, ada);
  await cluster.resume(id, ADMIN);
  await cluster.cancel(id, bob);
  await cluster.cancel(id, bob);
  await assert.rejects(cluster.resume(id, ada), code('state_conflict'));
  const lines = (await cluster.records.listAudit({ target: id, limit: 100 })).toReversed();
  assert.deepEqual(
    lines.map(({ user, role, action, outcome }) => [user, role, action, outcome]),
    [
      ['ada', 'submitter', 'job.submit', 'done'],
      ['ada', 'submitter', 'job.pause', 'done'],
      [null, 'admin', 'job.resume', 'done'],
      ['bob', 'submitter', 'job.cancel', 'done'],
    ],
  );
  assert.deepEqual([lines[0]?.keyId, lines[0]?.address, lines[0]?.target], [ada.keyId, ada.address, id]);
  await cluster.close();
});

/** Fails the next commits as a full disk does. */
function fullDisk() {
  const disk = { full: false };
  const wrap = (inner: Store): Store =>
    new Proxy(inner, {
      get(target, name: keyof Store): unknown {
        if (name === 'commit' && disk.full) {
          return () => Promise.reject(new ClusterError('store_unavailable', 'the disk is full'));
        }
        const member: unknown = target[name];
        if (typeof member !== 'function') return member;
        const bound: unknown = member.bind(target);
        return bound;
      },
    });
  return { disk, wrap };
}

test('records: written when durable, noted with the next commit that succeeds', async (t) => {
  const { disk, wrap } = fullDisk();
  const { cluster, runtime } = await startCluster(temporaryFolder(t), { wrap });
  const key = {
    id: 'a1b2c3d4e5f6',
    user: 'ada',
    role: 'submitter',
    hash: new Uint8Array(32),
    createdAt: runtime.now(),
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
  } as const;
  await cluster.records.write([{ kind: 'key_added', key }]);
  assert.deepEqual(
    (await cluster.records.loadKeys()).map(({ id }) => id),
    [key.id],
  );
  disk.full = true;
  const at = runtime.now();
  const entry = { ...ada, at, action: 'access.refused', target: null, outcome: 'forbidden' } as const;
  cluster.records.note({ kind: 'audited', entry });
  cluster.records.note({ kind: 'key_used', keyId: key.id, at });
  await settled();
  await assert.rejects(
    cluster.records.write([{ kind: 'key_revoked', keyId: key.id, at }]),
    code('store_unavailable'),
  );
  assert.equal((await cluster.records.listAudit({ limit: 10 })).length, 0);
  disk.full = false;
  await runtime.advance(2000);
  assert.deepEqual(
    (await cluster.records.listAudit({ limit: 10 })).map(({ action }) => action),
    ['access.refused'],
  );
  const [kept] = await cluster.records.loadKeys();
  assert.deepEqual([kept?.lastUsedAt, kept?.revokedAt], [at, null]);
  await cluster.close();
});

test('what a stranger says of its tags, its priority or its name draws no work to it', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const stranger = connectStranger(cluster, 'mill', { tags: ['fast'], priority: 100 });
  await submitSquares(cluster, 0n, 1000n, { placement: { tags: ['fast'] } });
  await submitSquares(cluster, 0n, 1000n, { placement: { node_id: 'mill' } });
  assert.equal((await stranger.session.lease(REQUEST)).lease, null);
  const seen = nodeStatus.parse(cluster.node('mill'));
  assert.deepEqual([seen.own, seen.tags, seen.priority], [false, [], 0]);
  connectStranger(cluster, 'humble', { priority: -5 });
  assert.equal(cluster.node('humble').priority, -5);
  await submitSquares(cluster, 0n, 1000n);
  await takeLease(stranger);
  await cluster.close();
});

test('the name of one of the operator’s own workers is no stranger’s, connected or not', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const own = connect(cluster, 'mill');
  assert.throws(() => connectStranger(cluster, 'mill'), code('node_id_in_use'));
  own.session.disconnected();
  assert.equal(cluster.node('mill').state, 'offline');
  assert.throws(() => connectStranger(cluster, 'mill'), code('node_id_in_use'));
  connect(cluster, 'mill');
  assert.equal(cluster.node('mill').own, true);
  await cluster.close();
});

test('an own worker takes its name from a stranger, and nothing of what the stranger did sticks to it', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  await submitSquares(cluster, 0n, 1_000_000n);
  const stranger = connectStranger(cluster, 'mill');
  const lease = await takeLease(stranger);
  const own = connect(cluster, 'mill', { session: 'b'.repeat(32) });
  assert.match(stranger.link.closed ?? '', /operator/);
  await assert.rejects(stranger.session.submit(answer(lease)), code('not_ready'));
  stranger.session.disconnected();
  assert.deepEqual([cluster.node('mill').state, cluster.overview().workers.connected], ['idle', 1]);
  const again = await takeLease(own);
  assert.equal(again.start, lease.start, 'what the stranger had is leased anew');
  await cluster.close();
});
