/** Leases that come back from a worker that has gone: before, after and without its connection. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HandBack } from '../../protocol/hand-back.ts';
import type { Lease } from '../../protocol/messages.ts';
import {
  answer,
  connect,
  squaresOf,
  startCluster,
  submitSquares,
  takeLease,
  temporaryFolder,
  work,
} from './test-cluster.ts';

const END = 50_001n;

/** The finished beginning of a lease. */
function beginning(lease: Lease, units: bigint): HandBack['leases'][number] {
  const { token, end, aggregate, compute_ms } = answer(lease, String(BigInt(lease.start) + units));
  return { token, result: { end, aggregate, compute_ms } };
}

async function started(t: { after(fn: () => void): void }) {
  const all = await startCluster(temporaryFolder(t));
  const { job_id: id } = await submitSquares(all.cluster, 1n, END);
  const page = connect(all.cluster, 'page');
  return { ...all, id, page, lease: await takeLease(page) };
}

const statuses = async (reply: ReturnType<Awaited<ReturnType<typeof started>>['cluster']['handBack']>) =>
  (await reply).leases.map(({ status, error }) => error?.code ?? status);

for (const order of ['before', 'after'] as const) {
  test(`what is done is counted and the rest is leased at once; the connection ends ${order} it`, async (t) => {
    const { cluster, id, page, lease } = await started(t);
    if (order === 'after') page.session.disconnected();
    const body = { leases: [beginning(lease, 100n)] };
    assert.deepEqual(await statuses(cluster.handBack(body)), ['accepted']);
    if (order === 'before') page.session.disconnected();
    assert.equal(cluster.node('page').state, 'offline');
    assert.equal(cluster.node('page').units_done, '100');
    const other = connect(cluster, 'other');
    const rest = await takeLease(other);
    assert.equal(rest.start, String(BigInt(lease.start) + 100n));
    await other.session.submit(answer(rest));
    await work(other);
    assert.deepEqual((await cluster.results(id)).result, squaresOf({ start: '1', end: String(END) }));
    assert.deepEqual(await statuses(cluster.handBack(body)), ['duplicate'], 'sent once more');
  });
}

test('nothing done: the lease is free at once, without a result', async (t) => {
  const { cluster, page, lease } = await started(t);
  page.session.disconnected();
  assert.equal(cluster.node('page').state, 'silent', 'it may come back with what it holds');
  assert.deepEqual(await statuses(cluster.handBack({ leases: [{ token: lease.token, result: null }] })), [
    'released',
  ]);
  assert.equal(cluster.node('page').state, 'offline');
  assert.equal((await takeLease(connect(cluster, 'other'))).start, lease.start);
});

test('the same worker is back already, and holds the range again: counted once, the new lease revoked', async (t) => {
  const { cluster, id, page, lease } = await started(t);
  page.session.disconnected();
  const again = connect(cluster, 'page');
  const renewed = await takeLease(again);
  assert.equal(renewed.start, lease.start);
  assert.deepEqual(await statuses(cluster.handBack({ leases: [beginning(lease, 100n)] })), ['accepted']);
  assert.deepEqual(again.link.revoked, [renewed.lease_id]);
  await work(again);
  assert.deepEqual((await cluster.results(id)).result, squaresOf({ start: '1', end: String(END) }));
});

test('what the socket brought first is not counted again; what it brings later is thrown away', async (t) => {
  const { cluster, id, page, lease } = await started(t);
  await page.session.submit(answer(lease));
  assert.deepEqual(await statuses(cluster.handBack({ leases: [beginning(lease, 100n)] })), [
    'lease_superseded',
  ]);
  const next = await takeLease(page);
  assert.deepEqual(await statuses(cluster.handBack({ leases: [beginning(next, 100n)] })), ['accepted']);
  await assert.rejects(page.session.submit(answer(next)), { code: 'lease_superseded' });
  await work(page);
  assert.deepEqual((await cluster.results(id)).result, squaresOf({ start: '1', end: String(END) }));
});

test('each lease by itself: a forged token and a wrong result are refused, the good one is counted', async (t) => {
  const { cluster, page, lease } = await started(t);
  const second = await takeLease(page);
  const { token, end, compute_ms } = answer(second);
  const contradiction = { token, result: { end, compute_ms, aggregate: { count: '1', sum: '1' } } };
  assert.deepEqual(
    await statuses(
      cluster.handBack({
        leases: [{ token: `${lease.token}x`, result: null }, contradiction, beginning(lease, 100n)],
      }),
    ),
    ['lease_forged', 'result_contradicts', 'accepted'],
  );
  assert.equal(cluster.node('page').errors, 1);
});

test('a coordinator that has started since knows no such worker, but its token: counted, and the rest is computed again', async (t) => {
  const folder = temporaryFolder(t);
  const first = await startCluster(folder);
  const { job_id: id } = await submitSquares(first.cluster, 1n, END);
  const lease = await takeLease(connect(first.cluster, 'page'));
  await first.cluster.close();
  const { cluster, runtime } = await startCluster(folder);
  assert.deepEqual(await statuses(cluster.handBack({ leases: [beginning(lease, 100n)] })), ['accepted']);
  assert.equal((await cluster.status(id)).progress.done, '100');
  assert.deepEqual(cluster.nodes(), [], 'nobody has connected by that');
  await runtime.advance(21_000);
  await work(connect(cluster, 'other'));
  assert.deepEqual((await cluster.results(id)).result, squaresOf({ start: '1', end: String(END) }));
});
