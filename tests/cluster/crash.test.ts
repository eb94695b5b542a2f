/**
 * `kill -9` of the coordinator and of workers, at random moments of one job: nothing that was acknowledged is
 * lost, every number is counted once, and the result is that of a job that nobody disturbed.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { RealCluster } from './cluster.ts';
import type { Threads } from './processes.ts';
import { seededRandom, testFull, testSeed } from './random-moments.ts';

const KILLS = testFull ? 20 : 3;
const NUMBERS = testFull ? 5_000_000_000 : 600_000_000;
/** Short batches, so that there is always something to lose. */
const BATCH = NUMBERS / 200;
const END_TIMEOUT_MS = testFull ? 30 * 60_000 : 5 * 60_000;
const WORKERS = ['worker-a', 'worker-b'];

test(`kill -9, ${KILLS} times the coordinator and ${KILLS} times workers: every number counted once (seed ${testSeed})`, async (t) => {
  const random = seededRandom('crash');
  const cluster = await RealCluster.start(t);
  const workers = new Map<string, Threads>(WORKERS.map((name) => [name, cluster.worker(name)]));
  const body = { type: 'collatz', parameters: { start: 1, end: NUMBERS + 1, batch_size: BATCH } };

  const calm = await cluster.api.submit(body);
  await cluster.api.end(calm.job_id, END_TIMEOUT_MS);
  const expected = await cluster.api.results(calm.job_id);

  const job = await cluster.api.submit(body);
  let done = 0n;
  let over = false;
  const end = cluster.api
    .end(job.job_id, END_TIMEOUT_MS, (status) => {
      const now = BigInt(status.progress.done);
      assert.ok(now >= done, `done fell from ${done} to ${now}`);
      done = now;
    })
    .finally(() => (over = true));
  const victims = [
    ...Array.from({ length: KILLS }, () => 'coordinator'),
    ...Array.from({ length: KILLS }, (_, index) => WORKERS[index % WORKERS.length] ?? ''),
  ];
  // A moment is a share of the job and a while after it, so that kills come all along it, however fast it is.
  const moments = victims.map(() => random() * 0.85 * NUMBERS).toSorted((a, b) => a - b);
  for (const moment of moments) {
    await cluster.api.until(() => over || done >= moment, `${moment} numbers are done`, END_TIMEOUT_MS);
    await Promise.race([sleep(random() * 300), end]);
    assert.ok(!over, `the job was over with ${victims.length} kills to come`);
    const [victim = ''] = victims.splice(Math.floor(random() * victims.length), 1);
    t.diagnostic(`kill ${victim} with ${done} done`);
    if (victim === 'coordinator') await cluster.restartCoordinator('SIGKILL');
    else {
      await workers.get(victim)?.end('SIGKILL');
      workers.set(victim, cluster.worker(victim));
    }
  }

  const status = await end;
  assert.equal(status.status, 'completed');
  assert.equal(status.progress.done, String(NUMBERS));
  const found = await cluster.api.results(job.job_id);
  assert.deepEqual(found.result, expected.result);
  assert.equal(found.result?.['count'], String(NUMBERS));
  assert.deepEqual(found.covered, [{ start: '1', end: String(NUMBERS + 1) }]);
});
