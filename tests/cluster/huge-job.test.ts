/** State that does not grow with the work: a job of 2^60 numbers. */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RealCluster } from './cluster.ts';
import { testFull } from './random-moments.ts';

const MEGABYTE = 2 ** 20;
/** So many batches: without folding, their rows alone would be over a megabyte. */
const BATCHES = testFull ? 10_000 : 250;
const TIMEOUT_MS = testFull ? 20 * 60_000 : 2 * 60_000;
const SUBMITS = 9;

/** Size of the data folder; the write-ahead log is a log, and bounded: it is not counted. */
function stateBytes(dataDir: string): number {
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => !file.endsWith('-wal') && !file.endsWith('-shm'))
    .map((file) => statSync(join(dataDir, file)).size)
    .reduce((a, b) => a + b, 0);
}

test('a job of 2^60 numbers is accepted in milliseconds and keeps less than 1 MB while it runs', async (t) => {
  const cluster = await RealCluster.start(t);
  await cluster.connectedWorker('worker-a');
  const before = stateBytes(cluster.dataDir);
  const body = {
    type: 'collatz',
    parameters: { start: String(2n ** 60n), end: String(2n ** 61n), batch_size: 1 },
  };
  const { job_id } = await cluster.api.submit(body);
  const others: string[] = [];
  const took_ms: number[] = [];
  for (let i = 0; i < SUBMITS; i++) {
    const begun = performance.now();
    others.push((await cluster.api.submit({ ...body, placement: { node_id: 'nobody' } })).job_id);
    took_ms.push(performance.now() - begun);
  }
  for (const other of others) await cluster.api.cancel(other);
  const accepted_ms = took_ms.toSorted((x, y) => x - y)[Math.floor(SUBMITS / 2)] ?? Infinity;
  await cluster.api.until(
    async () => {
      const [node] = await cluster.api.nodes();
      return (node?.batches_done ?? 0) >= BATCHES;
    },
    `${BATCHES} batches are done`,
    TIMEOUT_MS,
  );
  const status = await cluster.api.status(job_id);
  const grown = stateBytes(cluster.dataDir) - before;
  t.diagnostic(
    `accepted in ${accepted_ms.toFixed(1)} ms; ${status.progress.done} numbers in over ${BATCHES} batches; ` +
      `${(grown / 1024).toFixed(0)} KB of state`,
  );
  assert.equal(status.progress.total, String(2n ** 60n));
  assert.ok(status.progress.fraction < 1);
  assert.ok(grown < MEGABYTE, `${grown} bytes of state`);

  assert.equal((await cluster.api.cancel(job_id)).status, 'cancelled');
  const results = await cluster.api.results(job_id);
  assert.equal(results.partial, true);
  assert.equal(typeof results.result?.['count'], 'string');
  const coverage = await cluster.api.coverage(job_id);
  assert.deepEqual(coverage.leased, []);
});
