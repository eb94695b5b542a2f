import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { ClusterError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import {
  ADMIN,
  answer,
  connect,
  RATE,
  settled,
  squaresOf,
  startCluster,
  submitSquares,
  takeLease,
  temporaryFolder,
  work,
  wrongAnswer,
} from './test-cluster.ts';
import type { TestCluster, TestWorker } from './test-cluster.ts';
import { TokenSigner } from './token.ts';

const code = (expected: ErrorCode) => (error: unknown) =>
  error instanceof ClusterError && error.code === expected;

const SESSION_B = 'b'.repeat(32);

/** Two workers with the same range in their hands: the first fell silent, so the second got it too. */
async function twoAnswers(t: { after(fn: () => void): void }, end = 500n) {
  const folder = temporaryFolder(t);
  const started = await startCluster(folder);
  const { cluster, runtime } = started;
  const { job_id: id } = await submitSquares(cluster, 1n, end);
  const first = connect(cluster, 'first');
  const firstLease = await takeLease(first);
  await runtime.advance(31_000);
  const second = connect(cluster, 'second', { session: SESSION_B });
  const secondLease = await takeLease(second);
  assert.equal(secondLease.start, firstLease.start);
  assert.equal(secondLease.end, firstLease.end);
  return { ...started, folder, id, first, firstLease, second, secondLease };
}

async function result({ cluster }: Pick<TestCluster, 'cluster'>, id: string): Promise<unknown> {
  return (await cluster.results(id)).result;
}

test('the same answer twice from one worker is a duplicate, also after it was folded', async (t) => {
  const started = await startCluster(temporaryFolder(t));
  const { cluster, runtime } = started;
  const { job_id: id } = await submitSquares(cluster, 1n, 100_000n);
  const worker = connect(cluster, 'one');
  const lease = await takeLease(worker);
  const twice = await Promise.all([
    worker.session.submit(answer(lease)),
    worker.session.submit(answer(lease)),
  ]);
  assert.deepEqual(twice.map(({ status }) => status).toSorted(), ['accepted', 'duplicate']);
  assert.equal((await worker.session.submit(answer(lease))).status, 'duplicate');
  await runtime.advance(20_000);
  assert.equal((await worker.session.submit(answer(lease))).status, 'duplicate', 'after folding');
  await work(worker);
  assert.deepEqual(await result(started, id), squaresOf({ start: '1', end: '100000' }));
  assert.equal(cluster.node('one').units_done, '99999');
  await cluster.close();
});

test('two workers that agree: the second is a duplicate', async (t) => {
  const started = await twoAnswers(t);
  const { first, firstLease, second, secondLease, recompute, cluster, id } = started;
  assert.equal((await second.session.submit(answer(secondLease))).status, 'accepted');
  assert.equal((await first.session.submit(answer(firstLease))).status, 'duplicate');
  assert.equal(recompute.computed, 0);
  assert.equal((await cluster.status(id)).progress.done, '499');
  await cluster.close();
});

test('the second answer is wrong: it is refused and its worker blamed', async (t) => {
  const started = await twoAnswers(t);
  const { cluster, first, firstLease, second, secondLease, id, observer } = started;
  await second.session.submit(answer(secondLease));
  await assert.rejects(first.session.submit(wrongAnswer(firstLease)), code('result_contradicts'));
  assert.deepEqual(await result(started, id), squaresOf({ start: '1', end: '500' }));
  assert.equal(cluster.node('first').errors, 1);
  assert.equal(cluster.node('second').errors, 0);
  assert.equal(observer.get('wrong second'), 1);
  await cluster.close();
});

test('the first answer was wrong: the truth takes its place, though the job was complete', async (t) => {
  const started = await twoAnswers(t);
  const { cluster, runtime, first, firstLease, second, secondLease, id, observer } = started;
  await second.session.submit(wrongAnswer(secondLease));
  await settled();
  assert.equal((await cluster.status(id)).status, 'completed');
  await runtime.advance(6000);
  assert.notDeepEqual(await result(started, id), squaresOf({ start: '1', end: '500' }));
  assert.equal((await first.session.submit(answer(firstLease))).status, 'accepted');
  assert.deepEqual(await result(started, id), squaresOf({ start: '1', end: '500' }));
  assert.equal((await cluster.status(id)).progress.done, '499');
  assert.equal(cluster.node('second').errors, 1);
  assert.equal(cluster.node('first').errors, 0);
  assert.equal(observer.get('wrong first'), 1);
  await runtime.advance(10_000);
  assert.deepEqual(await result(started, id), squaresOf({ start: '1', end: '500' }), 'after folding');
  await cluster.close();
});

test('an answer that was corrected and folded is no duplicate when it is sent again', async (t) => {
  const { cluster, runtime, first, firstLease, second, secondLease, id } = await twoAnswers(t, 100_000n);
  await second.session.submit(wrongAnswer(secondLease));
  assert.equal((await first.session.submit(answer(firstLease))).status, 'accepted');
  await runtime.advance(20_000);
  assert.equal((await cluster.status(id)).status, 'running');
  await assert.rejects(second.session.submit(wrongAnswer(secondLease)), code('lease_superseded'));
  assert.equal((await first.session.submit(answer(firstLease))).status, 'duplicate');
  await cluster.close();
});

test('while one result must stay apart the others are folded together, not one by one', async (t) => {
  const { cluster, runtime, folder, second, secondLease } = await twoAnswers(t, 1_000_000n);
  await second.session.submit(answer(secondLease));
  await runtime.advance(10_000);
  const journal = new DatabaseSync(join(folder, 'cluster.db'), { readOnly: true });
  const apart = journal.prepare('SELECT count(*) AS results FROM journal');
  const seen: number[] = [];
  for (let i = 0; i < 30; i++) {
    await work(connect(cluster, 'third'), 1);
    await runtime.advance(1000);
    seen.push(Number(apart.get()?.['results']));
  }
  journal.close();
  assert.ok(Math.min(...seen) >= 1, 'what may be answered again is there');
  const folds = seen.filter((results, i) => results < (seen[i - 1] ?? 0)).length;
  assert.ok(folds >= 4 && folds <= 8, `${folds} folds in half a minute: ${seen.join(' ')}`);
  await cluster.close();
});

test('both answers are wrong: the coordinator’s own result stays', async (t) => {
  const started = await twoAnswers(t);
  const { cluster, first, firstLease, second, secondLease, id, observer } = started;
  await second.session.submit(wrongAnswer(secondLease, 1n));
  await assert.rejects(first.session.submit(wrongAnswer(firstLease, 2n)), code('result_contradicts'));
  assert.deepEqual(await result(started, id), squaresOf({ start: '1', end: '500' }));
  assert.equal(cluster.node('first').errors, 1);
  assert.equal(cluster.node('second').errors, 1);
  assert.equal(observer.get('wrong both'), 1);
  await cluster.close();
});

test('the correction of a result is durable', async (t) => {
  const folder = temporaryFolder(t);
  const { cluster, runtime } = await startCluster(folder);
  const { job_id: id } = await submitSquares(cluster, 1n, 500n);
  const first = connect(cluster, 'first');
  const lease = await takeLease(first);
  await runtime.advance(31_000);
  const second = connect(cluster, 'second', { session: SESSION_B });
  await second.session.submit(wrongAnswer(await takeLease(second)));
  await first.session.submit(answer(lease));
  await cluster.close();
  const again = await startCluster(folder, { runtime });
  assert.deepEqual(await result(again, id), squaresOf({ start: '1', end: '500' }));
  await again.cluster.close();
});

test('tokens: forged, altered, foreign, expired, each its own error; none is counted', async (t) => {
  const started = await startCluster(temporaryFolder(t));
  const { cluster, runtime, store } = started;
  const { job_id: id } = await submitSquares(cluster, 1n, 100_000n);
  const worker = connect(cluster, 'one');
  const other = connect(cluster, 'two', { session: SESSION_B });
  const lease = await takeLease(worker);
  const good = answer(lease);
  const altered = { ...good, token: good.token.replace('|one|', '|two|') };
  await assert.rejects(other.session.submit(altered), code('lease_forged'));
  const key = new Uint8Array(32).fill(1);
  const claims = new TokenSigner(store.tokenKey).verify(good.token);
  const foreignKey = { ...good, token: new TokenSigner(key).sign(claims) };
  await assert.rejects(worker.session.submit(foreignKey), code('lease_forged'));
  await assert.rejects(worker.session.submit({ ...good, token: '' }), code('lease_forged'));
  await assert.rejects(other.session.submit(good), code('lease_foreign'));
  for (const end of ['0', '1', lease.start, (BigInt(lease.end) + 1n).toString()]) {
    await assert.rejects(worker.session.submit({ ...good, end }), code('invalid_request'));
  }
  const release = { token: altered.token, reason: 'stopping', message: '' } as const;
  await assert.rejects(other.session.release(release), code('lease_forged'));
  assert.equal((await cluster.status(id)).progress.done, '0');
  await runtime.advance(Date.parse(lease.expires_at) - runtime.now());
  await assert.rejects(worker.session.submit(good), code('not_ready'), 'so long a silence cuts a connection');
  const back = connect(cluster, 'one', { leases: [lease.lease_id] });
  assert.deepEqual(back.session.revoked, [lease.lease_id]);
  await assert.rejects(back.session.submit(good), code('lease_expired'));
  assert.equal((await cluster.status(id)).progress.done, '0');
  const free = await takeLease(back);
  assert.equal(free.start, lease.start, 'its range is leased again');
  await cluster.close();
});

test('a result that contradicts itself is refused, and its range leased to somebody', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  await submitSquares(cluster, 1n, 100_000n);
  const worker = connect(cluster, 'one');
  const lease = await takeLease(worker);
  const bad = { ...answer(lease), aggregate: { count: '1', sum: '1' } };
  await assert.rejects(worker.session.submit(bad), code('result_contradicts'));
  for (const aggregate of [null, 7, 'x', [], {}, { count: '1' }, { count: -1, sum: '1' }]) {
    await assert.rejects(worker.session.submit({ ...bad, aggregate }), code('result_contradicts'));
  }
  assert.equal(cluster.node('one').errors, 8);
  const other = connect(cluster, 'two', { session: SESSION_B });
  assert.equal((await takeLease(other)).start, lease.start);
  const barred = await worker.session.lease({ target_ms: 10_000, rate_per_second: RATE });
  assert.equal(barred.lease, null, 'three contradicting results bar a worker');
  assert.ok(barred.retry_after_ms > 60_000);
  await cluster.close();
});

test('a late answer to a range that was leased again, and not answered yet, is counted', async (t) => {
  const started = await twoAnswers(t);
  const { cluster, first, firstLease, second, secondLease, id } = started;
  assert.equal((await first.session.submit(answer(firstLease))).status, 'accepted');
  assert.deepEqual(second.link.revoked, [secondLease.lease_id]);
  assert.equal((await second.session.submit(answer(secondLease))).status, 'duplicate');
  assert.equal((await cluster.status(id)).progress.done, '499');
  await cluster.close();
});

test('a prefix and a whole answer of one range: what came first stays, the rest is leased', async (t) => {
  const started = await twoAnswers(t);
  const { cluster, runtime, first, firstLease, second, secondLease, id } = started;
  await first.session.submit(answer(firstLease, '200'));
  assert.deepEqual(second.link.revoked, [secondLease.lease_id], 'its answer could not be counted any more');
  await assert.rejects(second.session.submit(answer(secondLease)), code('lease_superseded'));
  const rest = await takeLease(second);
  assert.equal(rest.start, '200');
  await second.session.submit(answer(rest));
  await work(second);
  await runtime.advance(1000);
  assert.equal((await cluster.status(id)).status, 'completed');
  assert.deepEqual(await result(started, id), squaresOf({ start: '1', end: '500' }));
  await cluster.close();
});

test('two answers to one range while neither is durable: one is counted, both are told', async (t) => {
  const started = await twoAnswers(t);
  const { cluster, first, firstLease, second, secondLease, id } = started;
  const replies = await Promise.all([
    first.session.submit(answer(firstLease)),
    second.session.submit(answer(secondLease)),
  ]);
  assert.deepEqual(
    replies.map(({ status }) => status),
    ['accepted', 'duplicate'],
  );
  assert.equal((await cluster.status(id)).progress.done, '499');
  await cluster.close();
});

test('results of a job that was cancelled are superseded', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const { job_id: id } = await submitSquares(cluster, 1n, 100_000n);
  const worker = connect(cluster, 'one');
  const lease = await takeLease(worker);
  await cluster.cancel(id, ADMIN);
  assert.deepEqual(worker.link.revoked, [lease.lease_id]);
  await assert.rejects(worker.session.submit(answer(lease)), code('lease_superseded'));
  await cluster.close();
});

test('a batch that failed goes to another worker', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const { job_id: id } = await submitSquares(cluster, 1n, 2000n);
  const worker: TestWorker = connect(cluster, 'one');
  const lease = await takeLease(worker);
  await worker.session.release({ token: lease.token, reason: 'failed', message: 'the device is broken' });
  const again = await worker.session.lease({ target_ms: 10_000, rate_per_second: RATE });
  assert.equal(again.lease, null, 'not to the same');
  assert.match((await cluster.status(id)).waiting_for ?? '', /the device is broken/);
  const other = connect(cluster, 'two', { session: SESSION_B });
  assert.equal((await takeLease(other)).start, lease.start);
  await cluster.close();
});
