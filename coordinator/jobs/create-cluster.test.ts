import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
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

test('a job goes from submit to result', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  const { job_id: id } = await submitSquares(cluster, 1n, 100_000n);
  assert.equal((await cluster.status(id)).status, 'pending');
  const worker = connect(cluster, 'one');
  const batches = await work(worker);
  assert.ok(batches > 3, `${batches} batches`);
  await settled();
  const status = await cluster.status(id);
  assert.equal(status.status, 'completed');
  assert.equal(status.progress.fraction, 1);
  const expected = squaresOf({ start: '1', end: '100000' });
  assert.deepEqual((await cluster.results(id)).result, expected);
  await runtime.advance(10_000);
  assert.deepEqual((await cluster.results(id)).result, expected);
  assert.deepEqual((await cluster.coverage(id)).done, [{ start: '1', end: '100000' }]);
  await cluster.close();
});

test('a prefix is counted and the rest is leased again', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const { job_id: id } = await submitSquares(cluster, 1n, 1000n);
  const worker = connect(cluster, 'one');
  const lease = await takeLease(worker);
  const middle = (BigInt(lease.start) + BigInt(lease.end)) / 2n;
  await worker.session.submit(answer(lease, middle.toString()));
  assert.deepEqual((await cluster.results(id)).covered, [{ start: '1', end: middle.toString() }]);
  const next = await takeLease(worker);
  assert.equal(next.start, middle.toString());
  await cluster.close();
});
