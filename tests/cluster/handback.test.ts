/** A worker that is asked to stop hands back what it has done of its batch. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RealCluster } from './cluster.ts';

test('SIGTERM in the middle of a batch: the finished part counts, the rest is free at once, exit 0', async (t) => {
  const cluster = await RealCluster.start(t);
  const worker = await cluster.connectedWorker('worker-a');
  const { job_id } = await cluster.api.submit({
    type: 'collatz',
    parameters: { start: 1, end: String(10n ** 15n) },
  });
  // Two batches are done: those that are held now take ten seconds each.
  await cluster.api.until(async () => {
    const [node] = await cluster.api.nodes();
    return (node?.batches_done ?? 0) >= 2 && (node?.leases.length ?? 0) > 0;
  }, 'two batches are done and another is held');
  const before = await cluster.api.status(job_id);
  const begun = performance.now();
  const exit = await worker.end('SIGTERM');
  const took_ms = performance.now() - begun;
  t.diagnostic(`stopped in ${took_ms.toFixed(0)} ms`);
  assert.deepEqual(exit, { code: 0, signal: null }, worker.output);

  const status = await cluster.api.status(job_id);
  assert.ok(BigInt(status.progress.done) > BigInt(before.progress.done), 'nothing was handed back');
  const coverage = await cluster.api.coverage(job_id);
  assert.deepEqual(coverage.leased, []);
  assert.equal(coverage.done.length, 1, 'what is done has no holes');
  const { result, covered } = await cluster.api.results(job_id);
  const [range] = covered;
  assert.ok(range !== undefined && covered.length === 1);
  assert.equal(result?.['count'], String(BigInt(range.end) - BigInt(range.start)));
  assert.equal(result['count'], status.progress.done);
});

test('SIGTERM to the coordinator: it ends with 0, its worker waits and goes on with the next one', async (t) => {
  const cluster = await RealCluster.start(t);
  await cluster.connectedWorker('worker-a');
  const { job_id } = await cluster.api.submit({
    type: 'collatz',
    parameters: { start: 1, end: '30000001', batch_size: 1_000_000 },
  });
  await cluster.api.until(
    async () => BigInt((await cluster.api.status(job_id)).progress.done) > 0n,
    'something is done',
  );
  const first = cluster.coordinator;
  const { progress } = await cluster.api.status(job_id);
  await cluster.restartCoordinator('SIGTERM');
  assert.deepEqual(await first.exited, { code: 0, signal: null }, first.output);
  const restarted = await cluster.api.status(job_id);
  assert.ok(BigInt(restarted.progress.done) >= BigInt(progress.done), 'acknowledged work was lost');
  const status = await cluster.api.end(job_id, 120_000);
  assert.equal(status.status, 'completed');
  const { result } = await cluster.api.results(job_id);
  assert.equal(result?.['count'], '30000000');
});
