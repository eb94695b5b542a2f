import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterError } from '../../protocol/errors.ts';
import type { JobStatus } from '../../protocol/http.ts';
import type { Range } from '../../protocol/range.ts';
import {
  answer,
  connect,
  connectStranger,
  RATE,
  settled,
  startCluster,
  submitSquares,
  takeLease,
  temporaryFolder,
} from './test-cluster.ts';
import type { TestCluster, TestWorker } from './test-cluster.ts';

const REQUEST = { target_ms: 10_000, rate_per_second: RATE };
const HOUR_MS = 3_600_000;

/** Moves time on, while all of these workers are heard of. */
async function pass({ runtime }: TestCluster, ms: number, workers: readonly TestWorker[]): Promise<void> {
  for (let left = ms; left > 0; left -= 10_000) {
    for (const { session } of workers) {
      session.heartbeat({ state: 'idle', busy_fraction: 0, rate_per_second: 0, leases: [] });
    }
    await runtime.advance(Math.min(left, 10_000));
  }
}

/** Asks once; what it gets, fails. @returns whether it got anything */
async function fail({ session }: TestWorker, message = 'no such instruction'): Promise<boolean> {
  const { lease } = await session.lease(REQUEST);
  if (lease !== null) await session.release({ token: lease.token, reason: 'failed', message });
  await settled();
  return lease !== null;
}

/** Every worker asks every ten seconds and fails, until the job is over or the time is. */
async function failFor(
  started: TestCluster,
  id: string,
  workers: readonly TestWorker[],
  ms: number,
): Promise<{ readonly status: JobStatus; readonly batches: number }> {
  let batches = 0;
  for (let left = ms; left > 0; left -= 10_000) {
    for (const worker of workers) if (await fail(worker)) batches += 1;
    const status = await started.cluster.status(id);
    if (status.status === 'failed') return { status, batches };
    await pass(started, 10_000, workers);
  }
  return { status: await started.cluster.status(id), batches };
}

/** The coordinator itself fails on ranges that hold this number. */
function cannotCompute({ recompute }: TestCluster, number: bigint): Range[] {
  const asked: Range[] = [];
  const compute = recompute.compute.bind(recompute);
  recompute.compute = (type, parameters, range) => {
    asked.push(range);
    return range.start <= number && number < range.end
      ? Promise.reject(new ClusterError('internal', 'unreachable executed'))
      : compute(type, parameters, range);
  };
  return asked;
}

test('one own worker, on which everything fails: the job fails with the reason and keeps what was done', async (t) => {
  const started = await startCluster(temporaryFolder(t));
  const { cluster } = started;
  const { job_id: id } = await submitSquares(cluster, 0n, 1_000_000n);
  const worker = connect(cluster, 'mill');
  const done = await takeLease(worker);
  await worker.session.submit(answer(done));
  const { status, batches } = await failFor(started, id, [worker], HOUR_MS);
  assert.equal(status.status, 'failed');
  assert.equal(batches, 3);
  assert.equal(status.error?.code, 'computation_failed');
  assert.match(
    status.error?.message ?? '',
    new RegExp(
      `^3 batches in a row .*\\[${done.end}, \\d+\\) failed 3 times, .* mill: no such instruction. What`,
    ),
  );
  assert.equal((await cluster.results(id)).result?.['count'], done.end);
  const [line] = await cluster.records.listAudit({ action: 'job.fail', limit: 1 });
  assert.deepEqual([line?.target, line?.outcome], [id, 'computation_failed']);
  await cluster.close();
});

test('each worker gets a second chance, and one that succeeds begins the count anew', async (t) => {
  const started = await startCluster(temporaryFolder(t));
  const { cluster } = started;
  const { job_id: id } = await submitSquares(cluster, 0n, 1_000_000n);
  const workers = ['one', 'two', 'three', 'four'].map((name) => connect(cluster, name));
  const [good] = workers;
  for (const worker of workers) await fail(worker);
  await pass(started, 61_000, workers);
  assert.equal((await cluster.status(id)).status, 'running');
  assert.ok(good !== undefined);
  await good.session.submit(answer(await takeLease(good)));
  for (const worker of workers.slice(1)) await fail(worker);
  await settled();
  assert.equal((await cluster.status(id)).status, 'running');
  const { status, batches } = await failFor(started, id, workers, HOUR_MS);
  assert.equal(status.error?.code, 'computation_failed');
  assert.ok(batches >= 4 && batches <= 8, `${batches}`);
  await cluster.close();
});

test('max_attempts: a batch that own workers lose so often ends the job, whatever they say or don’t', async (t) => {
  const started = await startCluster(temporaryFolder(t));
  const { cluster } = started;
  const { job_id: id } = await submitSquares(cluster, 0n, 1_000_000n, { max_attempts: 4 });
  const idle = connect(cluster, 'idle');
  const one = connect(cluster, 'one');
  await fail(one, 'out of memory');
  // Silent, and gone.
  const two = connect(cluster, 'two');
  await takeLease(two);
  await pass(started, 40_000, [idle]);
  // Killed, and started again at once: the same name, another process.
  const three = connect(cluster, 'three');
  await takeLease(three);
  three.session.disconnected();
  const again = connect(cluster, 'three', { session: 'b'.repeat(32) });
  await settled();
  assert.equal((await cluster.status(id)).status, 'running');
  const { lease } = await again.session.lease(REQUEST);
  assert.equal(lease?.start, '0');
  await again.session.release({
    token: lease?.token ?? '',
    reason: 'device_lost',
    message: 'the GPU is gone',
  });
  await settled();
  const { error } = await cluster.status(id);
  assert.equal(error?.code, 'attempts_exhausted');
  assert.match(
    error?.message ?? '',
    /\[0, \d+\) failed 4 times, the last time at three: the GPU is gone \(max_attempts: 4\)/,
  );
  await cluster.close();
});

test('leases that are handed back, or whose worker comes back with them, are no attempts', async (t) => {
  const started = await startCluster(temporaryFolder(t));
  const { cluster } = started;
  const { job_id: id } = await submitSquares(cluster, 0n, 1_000_000n, { max_attempts: 1 });
  const worker = connect(cluster, 'one');
  for (const reason of ['stopping', 'paused'] as const) {
    const { token } = await takeLease(worker);
    await worker.session.release({ token, reason, message: 'later' });
  }
  const lease = await takeLease(worker);
  worker.session.disconnected();
  const back = connect(cluster, 'one', { leases: [lease.lease_id] });
  await back.session.submit(answer(lease));
  const other = await takeLease(back);
  await cluster.pause(id, { user: null, role: 'admin', keyId: null, address: null });
  await back.session.release({ token: other.token, reason: 'paused', message: 'the job rests' });
  await settled();
  assert.equal((await cluster.status(id)).status, 'paused');
  await cluster.close();
});

test('the same token released twice is one attempt', async (t) => {
  const started = await startCluster(temporaryFolder(t));
  const { cluster } = started;
  const { job_id: id } = await submitSquares(cluster, 0n, 1_000_000n, { max_attempts: 2 });
  const worker = connect(cluster, 'one');
  const { token } = await takeLease(worker);
  for (let i = 0; i < 5; i++) await worker.session.release({ token, reason: 'failed', message: 'no' });
  await settled();
  assert.equal((await cluster.status(id)).status, 'running');
  assert.equal(cluster.node('one').errors, 1);
  await cluster.close();
});

test('strangers can’t kill a job that can be computed', async (t) => {
  const started = await startCluster(temporaryFolder(t));
  const { cluster, recompute } = started;
  const { job_id: id } = await submitSquares(cluster, 0n, 1_000_000n, { max_attempts: 1 });
  const strangers = Array.from({ length: 12 }, (_, i) => connectStranger(cluster, `s${i}`));
  const { status, batches } = await failFor(started, id, strangers, 3 * HOUR_MS);
  assert.equal(status.status, 'running');
  assert.match(status.waiting_for ?? 'nothing', /a free worker|can compute it/);
  assert.ok(recompute.computed > 0);
  t.diagnostic(
    `12 strangers failed ${batches} batches in 3 hours; the coordinator computed ${recompute.computed} tiles itself`,
  );
  assert.ok(recompute.computed <= 60, `${recompute.computed} trials in three hours`);
  assert.ok(batches <= 12 * 12, `${batches} batches in three hours`);
  const own = connect(cluster, 'mill');
  await own.session.submit(answer(await takeLease(own)));
  assert.notEqual((await cluster.status(id)).progress.done, '0');
  await cluster.close();
});

test('the only volunteer, that once fell silent, gets the rest at once; one that failed gets it after a while', async (t) => {
  const started = await startCluster(temporaryFolder(t));
  const { cluster } = started;
  const { job_id: id } = await submitSquares(cluster, 0n, 1_000_000n, { max_attempts: 1 });
  const silent = connectStranger(cluster, 'laptop');
  await takeLease(silent);
  // The lid was closed: its lease is given up.
  await started.runtime.advance(HOUR_MS);
  await settled();
  const back = connectStranger(cluster, 'laptop');
  await back.session.submit(answer(await takeLease(back)));
  assert.notEqual((await cluster.status(id)).progress.done, '0');

  await fail(back);
  const minutes = async (wanted: number): Promise<boolean> => {
    await pass(started, wanted * 60_000, [back]);
    return (await back.session.lease(REQUEST)).lease !== null;
  };
  assert.equal(await minutes(0.5), false, 'it rests a while');
  assert.equal(await minutes(3), true, 'nobody else is there, so it is tried again, long before an hour');
  await cluster.close();
});

test('a stranger’s failures don’t add up with an own worker’s', async (t) => {
  const started = await startCluster(temporaryFolder(t));
  const { cluster } = started;
  const { job_id: id } = await submitSquares(cluster, 0n, 1_000_000n, { max_attempts: 3 });
  const strangers = Array.from({ length: 6 }, (_, i) => connectStranger(cluster, `s${i}`));
  const own = connect(cluster, 'mill');
  connect(cluster, 'healthy');
  await fail(own);
  for (const stranger of strangers) await fail(stranger);
  await settled();
  assert.equal((await cluster.status(id)).status, 'running');
  await cluster.close();
});

test('what the coordinator can’t compute either ends the job, also where only strangers tried', async (t) => {
  const started = await startCluster(temporaryFolder(t));
  const { cluster } = started;
  cannotCompute(started, 0n);
  const { job_id: id } = await submitSquares(cluster, 0n, 1_000_000n, { max_attempts: 2 });
  const strangers = ['a', 'b', 'c'].map((name) => connectStranger(cluster, name));
  const { status } = await failFor(started, id, strangers, HOUR_MS);
  assert.equal(status.error?.code, 'computation_failed');
  assert.match(status.error?.message ?? '', /itself cannot compute \[0, 16\) either: unreachable executed/);
  await cluster.close();
});

test('a number that nobody can compute is closed in on, and what lies before it gets done', async (t) => {
  const started = await startCluster(temporaryFolder(t));
  const { cluster } = started;
  const bad = 1234n;
  const asked = cannotCompute(started, bad);
  const { job_id: id } = await submitSquares(cluster, 0n, 4000n, { max_attempts: 1 });
  // New strangers all the time, since those that failed stay away for long.
  let batches = 0;
  let status = await cluster.status(id);
  for (let i = 0; i < 200 && status.status !== 'failed'; i++) {
    const stranger = connectStranger(cluster, `s${i}`);
    for (let more = true; more;) {
      const { lease } = await stranger.session.lease(REQUEST);
      more = lease !== null;
      if (lease === null) break;
      batches += 1;
      if (BigInt(lease.start) <= bad && bad < BigInt(lease.end)) {
        await stranger.session.release({ token: lease.token, reason: 'failed', message: 'no' });
      } else {
        await stranger.session.submit(answer(lease));
      }
      await settled();
    }
    stranger.session.disconnected();
    await started.runtime.advance(11 * 60_000);
    status = await cluster.status(id);
  }
  assert.equal(status.error?.code, 'computation_failed', JSON.stringify(status));
  const last = asked.at(-1);
  assert.ok(last !== undefined && last.start <= bad && bad < last.end);
  t.diagnostic(`${batches} batches, ${asked.length} tiles; done ${status.progress.done} of 4000`);
  assert.ok(BigInt(status.progress.done) >= bad - 32n, status.progress.done);
  await cluster.close();
});

test('a coordinator that is too busy to try says nothing about the job', async (t) => {
  const started = await startCluster(temporaryFolder(t));
  const { cluster, recompute } = started;
  let asked = 0;
  recompute.compute = () => {
    asked += 1;
    return Promise.reject(new ClusterError('limit_reached', 'too much waits'));
  };
  const { job_id: id } = await submitSquares(cluster, 0n, 1_000_000n, { max_attempts: 1 });
  const strangers = ['a', 'b', 'c'].map((name) => connectStranger(cluster, name));
  const { status } = await failFor(started, id, strangers, 600_000);
  assert.equal(status.status, 'running');
  assert.ok(asked > 0);
  await cluster.close();
});
