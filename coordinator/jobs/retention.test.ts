import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterError } from '../../protocol/errors.ts';
import {
  ADMIN,
  connect,
  settled,
  startCluster,
  submitSquares,
  temporaryFolder,
  work,
} from './test-cluster.ts';
import type { TestCluster } from './test-cluster.ts';

const DAY_MS = 24 * 3_600_000;
const notFound = (error: unknown) => error instanceof ClusterError && error.code === 'not_found';

function counts({ cluster }: TestCluster): [number, number, number] {
  const { completed, cancelled, pending } = cluster.overview().jobs;
  return [completed, cancelled, pending];
}

test('jobs that are over for longer than RETENTION_DAYS are forgotten, with their counts; the rest stays', async (t) => {
  const folder = temporaryFolder(t);
  const started = await startCluster(folder, { config: { rules: { retentionDays: 2 } } });
  const { cluster, runtime } = started;
  const ids: string[] = [];
  for (let i = 0; i < 250; i++) ids.push((await submitSquares(cluster, 0n, 100n)).job_id);
  const worker = connect(cluster, 'one');
  await work(worker);
  await settled();
  const { job_id: cancelled } = await submitSquares(cluster, 0n, 100n);
  await cluster.cancel(cancelled, ADMIN);
  await runtime.advance(DAY_MS);
  const { job_id: waits } = await submitSquares(cluster, 0n, 100n, { placement: { tags: ['none'] } });
  const { job_id: young } = await submitSquares(cluster, 0n, 100n);
  await cluster.cancel(young, ADMIN);
  assert.deepEqual(counts(started), [250, 2, 1]);
  const history = await cluster.throughput(3 * 86_400);
  const computed = history.series
    .flatMap(({ units_per_second: units }) => units)
    .filter((units) => units > 0);
  assert.ok(computed.length > 0);
  await runtime.advance(DAY_MS + 5 * 60_000);
  assert.deepEqual(counts(started), [0, 1, 1]);
  for (const id of [ids[0] ?? '', ids[249] ?? '', cancelled]) {
    await assert.rejects(cluster.status(id), notFound);
    await assert.rejects(cluster.results(id), notFound);
  }
  assert.equal((await cluster.status(waits)).status, 'pending', 'what is not over is never forgotten');
  assert.equal((await cluster.status(young)).status, 'cancelled');
  assert.equal((await cluster.list({ limit: 500 })).jobs.length, 2);
  const later = (await cluster.throughput(3 * 86_400)).series.flatMap(({ units_per_second: units }) => units);
  assert.deepEqual(
    later.filter((units) => units > 0),
    computed,
    'what was computed stays in the history',
  );
  await cluster.close();
  const again = await startCluster(folder, { runtime });
  assert.deepEqual(counts(again), [0, 1, 1], 'memory and store agree');
  await again.cluster.close();
});

test('without RETENTION_DAYS jobs are kept', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  const { job_id: id } = await submitSquares(cluster, 0n, 100n);
  await cluster.cancel(id, ADMIN);
  await runtime.advance(3 * DAY_MS);
  assert.equal((await cluster.status(id)).status, 'cancelled');
  await cluster.close();
});
