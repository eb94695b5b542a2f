import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ADMIN,
  answer,
  connect,
  startCluster,
  submitSquares,
  takeLease,
  temporaryFolder,
} from './test-cluster.ts';

const REQUEST = { target_ms: 10_000, rate_per_second: 1000 };
const HOUR_MS = 3_600_000;

test('a job that runs ten times as long as was expected fails, and keeps what was done', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  const { job_id: id } = await submitSquares(cluster, 0n, 1_000_000n, { expected_seconds: 60 });
  const { job_id: without } = await submitSquares(cluster, 0n, 1_000_000n);
  await runtime.advance(HOUR_MS);
  assert.equal((await cluster.status(id)).status, 'pending', 'nothing is counted until the first batch');
  const worker = connect(cluster, 'one');
  const lease = await takeLease(worker);
  assert.equal(lease.job_id, id);
  await worker.session.submit(answer(lease));
  await takeLease(worker);
  await runtime.advance(599_000);
  assert.equal((await cluster.status(id)).status, 'running');
  await runtime.advance(2000);
  const status = await cluster.status(id);
  assert.equal(status.status, 'failed');
  assert.equal(status.error?.code, 'timed_out');
  assert.match(
    status.error?.message ?? '',
    /ran for 60[01] s; 60 s were expected .*10 times.*submit what is missing/,
  );
  const { result, covered } = await cluster.results(id);
  assert.equal(result?.['count'], lease.end);
  assert.deepEqual(covered, [{ start: '0', end: lease.end }]);
  const [line] = await cluster.records.listAudit({ action: 'job.fail', limit: 10 });
  assert.deepEqual([line?.target, line?.user, line?.outcome], [id, null, 'timed_out']);
  assert.notEqual((await cluster.status(without)).status, 'failed');
  await cluster.close();
});

test('the multiplier is the operator’s, and a pause stops the clock', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t), {
    config: { rules: { timeoutMultiplier: 2 } },
  });
  const { job_id: id } = await submitSquares(cluster, 0n, 1_000_000n, { expected_seconds: 60 });
  const worker = connect(cluster, 'one');
  await takeLease(worker);
  await runtime.advance(100_000);
  await cluster.pause(id, ADMIN);
  await runtime.advance(HOUR_MS);
  assert.equal((await cluster.status(id)).status, 'paused');
  await cluster.resume(id, ADMIN);
  await runtime.advance(18_000);
  assert.equal((await cluster.status(id)).status, 'running');
  await runtime.advance(4000);
  assert.equal((await cluster.status(id)).error?.code, 'timed_out');
  await cluster.close();
});

test('a restart takes at most a minute off the clock, and the time without a coordinator counts for nothing', async (t) => {
  const folder = temporaryFolder(t);
  const first = await startCluster(folder);
  const { runtime } = first;
  const { job_id: id } = await submitSquares(first.cluster, 0n, 1_000_000n, { expected_seconds: 60 });
  await takeLease(connect(first.cluster, 'one'));
  await runtime.advance(400_500);
  await first.cluster.close();
  await runtime.advance(48 * HOUR_MS);
  const second = await startCluster(folder, { runtime });
  await runtime.advance(190_000);
  assert.equal((await second.cluster.status(id)).status, 'running', 'the weekend is not counted');
  await runtime.advance(71_000);
  assert.equal((await second.cluster.status(id)).error?.code, 'timed_out', 'what ran before it is');
  await second.cluster.close();
});

test('with the store away a job times out once it is back', async (t) => {
  const disk = { full: false };
  const { cluster, runtime } = await startCluster(temporaryFolder(t), {
    wrap: (inner) => {
      const commit = inner.commit.bind(inner);
      return Object.assign(inner, {
        commit: (changes: Parameters<typeof commit>[0]) =>
          disk.full ? Promise.reject(new Error('the disk is full')) : commit(changes),
      });
    },
  });
  const { job_id: id } = await submitSquares(cluster, 0n, 1_000_000n, { expected_seconds: 60 });
  const worker = connect(cluster, 'one');
  await worker.session.lease(REQUEST);
  await runtime.advance(590_000);
  disk.full = true;
  await runtime.advance(60_000);
  assert.equal((await cluster.status(id)).status, 'running');
  disk.full = false;
  await runtime.advance(5000);
  assert.equal((await cluster.status(id)).error?.code, 'timed_out');
  await cluster.close();
});
