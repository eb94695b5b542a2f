import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { jobCoverage, jobList, jobResults, jobStatus, submitBody, throughput } from '../../protocol/http.ts';
import {
  ADMIN,
  answer,
  connect,
  settled,
  squaresOf,
  startCluster,
  submitter,
  submitSquares,
  takeLease,
  temporaryFolder,
  work,
} from './test-cluster.ts';

const code = (expected: ErrorCode) => (error: unknown) =>
  error instanceof ClusterError && error.code === expected;

test('cancel, pause and resume are idempotent, and refused where the state forbids them', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const { job_id: id } = await submitSquares(cluster, 1n, 100_000n);
  assert.equal((await cluster.resume(id, ADMIN)).status, 'pending');
  assert.equal((await cluster.pause(id, ADMIN)).status, 'paused');
  assert.equal((await cluster.pause(id, ADMIN)).status, 'paused');
  assert.equal((await cluster.status(id)).queue_position, null);
  assert.equal((await cluster.resume(id, ADMIN)).status, 'pending');
  await takeLease(connect(cluster, 'one'));
  assert.equal((await cluster.status(id)).status, 'running');
  assert.equal((await cluster.pause(id, ADMIN)).status, 'paused');
  assert.equal((await cluster.resume(id, ADMIN)).status, 'running');
  assert.equal((await cluster.cancel(id, ADMIN)).status, 'cancelled');
  assert.equal((await cluster.cancel(id, ADMIN)).status, 'cancelled');
  await assert.rejects(cluster.pause(id, ADMIN), code('state_conflict'));
  await assert.rejects(cluster.resume(id, ADMIN), code('state_conflict'));
  await assert.rejects(cluster.cancel('nosuchjob', ADMIN), code('not_found'));
  await assert.rejects(cluster.status('nosuchjob'), code('not_found'));
  await assert.rejects(cluster.results('nosuchjob'), code('not_found'));
  await assert.rejects(cluster.coverage('nosuchjob'), code('not_found'));
  assert.throws(() => cluster.node('nobody'), code('not_found'));
  const { job_id: done } = await submitSquares(cluster, 1n, 100n);
  await work(connect(cluster, 'two'));
  await settled();
  for (const act of ['cancel', 'pause', 'resume'] as const) {
    await assert.rejects(cluster[act](done, ADMIN), code('state_conflict'));
  }
  await cluster.close();
});

test('a paused job leases nothing, takes what is out, and goes on', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const { job_id: id } = await submitSquares(cluster, 1n, 100_000n);
  const worker = connect(cluster, 'one');
  const lease = await takeLease(worker);
  await cluster.pause(id, ADMIN);
  assert.equal((await worker.session.lease({ target_ms: 10_000, rate_per_second: 1000 })).lease, null);
  assert.equal((await worker.session.submit(answer(lease))).status, 'accepted');
  await cluster.resume(id, ADMIN);
  assert.ok(worker.link.work > 0, 'workers are told');
  await work(worker);
  await settled();
  assert.equal((await cluster.status(id)).status, 'completed');
  await cluster.close();
});

test('a job that is covered while it is paused is completed', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const { job_id: id } = await submitSquares(cluster, 1n, 100n);
  const worker = connect(cluster, 'one');
  const lease = await takeLease(worker);
  await cluster.pause(id, ADMIN);
  await worker.session.submit(answer(lease));
  await settled();
  assert.equal((await cluster.status(id)).status, 'completed');
  await cluster.close();
});

test('a cancelled job keeps what was done, also over a restart', async (t) => {
  const folder = temporaryFolder(t);
  const first = await startCluster(folder);
  const { job_id: id } = await submitSquares(first.cluster, 1n, 1_000_000n);
  const worker = connect(first.cluster, 'one');
  await work(worker, 3);
  const gone = await takeLease(worker);
  const kept = await takeLease(worker);
  await worker.session.submit(answer(kept));
  const before = await first.cluster.results(id);
  const onTheWay = worker.session.submit(answer(gone));
  const cancelled = await first.cluster.cancel(id, ADMIN);
  assert.equal((await onTheWay).status, 'accepted', 'what had arrived is counted');
  assert.equal(BigInt(cancelled.progress.done) > BigInt(kept.start), true);
  const results = await first.cluster.results(id);
  assert.equal(results.partial, true);
  assert.deepEqual(results.covered, [{ start: '1', end: kept.end }]);
  assert.deepEqual(results.result, squaresOf({ start: '1', end: kept.end }));
  assert.notDeepEqual(results.result, before.result);
  const coverage = await first.cluster.coverage(id);
  assert.deepEqual(coverage.done, results.covered);
  assert.deepEqual(coverage.waiting, [{ start: kept.end, end: '1000000' }]);
  await first.cluster.close();
  const again = await startCluster(folder);
  assert.deepEqual(await again.cluster.results(id), results);
  assert.deepEqual(await again.cluster.coverage(id), coverage);
  assert.deepEqual(await again.cluster.status(id), cancelled);
  await again.cluster.close();
});

test('the same submit twice makes one job, in order or at once; another body is a conflict', async (t) => {
  const folder = temporaryFolder(t);
  const { cluster, runtime } = await startCluster(folder);
  const body = (more: object = {}) =>
    submitBody.parse({ type: 'squares', parameters: { start: 1, end: 100 }, ...more });
  const options = { by: ADMIN, idempotencyKey: 'key-1' };
  const at_once = await Promise.all([1, 2, 3].map(() => cluster.submit(body(), options)));
  assert.equal(new Set(at_once.map(({ job_id: id }) => id)).size, 1);
  const spelled = body({ parameters: { end: '100', start: '1' }, placement: {}, priority: 'normal' });
  assert.equal((await cluster.submit(spelled, options)).job_id, at_once[0]?.job_id, 'the same meaning');
  await assert.rejects(cluster.submit(body({ name: 'other' }), options), code('idempotency_conflict'));
  await assert.rejects(
    cluster.submit(body({ parameters: { start: 1, end: 101 } }), options),
    code('idempotency_conflict'),
  );
  assert.notEqual((await cluster.submit(body(), { by: ADMIN })).job_id, at_once[0]?.job_id);
  await cluster.close();
  const again = await startCluster(folder, { runtime });
  assert.equal((await again.cluster.submit(body(), options)).job_id, at_once[0]?.job_id, 'after a restart');
  await again.cluster.close();
});

test('bad submits name every field', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const fields = async (body: object): Promise<string[]> => {
    const error: unknown = await cluster
      .submit(submitBody.parse(body), { by: ADMIN })
      .catch((reason: unknown) => reason);
    assert.ok(error instanceof ClusterError && error.code === 'invalid_request');
    return error.fields.map(({ path }) => path);
  };
  assert.deepEqual(await fields({ type: 'cubes', parameters: {} }), ['type']);
  assert.deepEqual(await fields({ type: 'squares', parameters: { start: '-1', end: '1e3', more: 1 } }), [
    'parameters.start',
    'parameters.end',
    'parameters.more',
  ]);
  assert.deepEqual(await fields({ type: 'squares', parameters: { start: '5', end: '5' } }), [
    'parameters.end',
  ]);
  assert.equal((await cluster.list({ limit: 10 })).jobs.length, 0);
  await cluster.close();
});

test('the number of waiting jobs is limited, under a burst too', async (t) => {
  const rules = { maxWaitingJobs: 2, maxWaitingJobsAdmin: 3 };
  const { cluster } = await startCluster(temporaryFolder(t), { config: { rules } });
  const tries = await Promise.allSettled(Array.from({ length: 10 }, () => submitSquares(cluster, 1n, 100n)));
  assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 3);
  const refusal = (expected: RegExp) => (error: unknown) =>
    code('limit_reached')(error) && error instanceof ClusterError && expected.test(error.message);
  const all = refusal(/^3 jobs of the caller without a key .* MAX_WAITING_JOBS_ADMIN /);
  await assert.rejects(submitSquares(cluster, 1n, 100n), all);
  const ada = submitter('ada');
  await submitSquares(cluster, 1n, 100n, {}, ada);
  await submitSquares(cluster, 1n, 100n, {}, ada);
  await assert.rejects(
    submitSquares(cluster, 1n, 100n, {}, ada),
    refusal(/^2 jobs of ada .* MAX_WAITING_JOBS /),
  );
  const stranger = { user: null, role: null, keyId: null, address: '198.51.100.4' };
  await assert.rejects(
    submitSquares(cluster, 1n, 100n, {}, stranger),
    refusal(/callers without a key together/),
    'theirs and the loopback caller’s are one line',
  );
  await submitSquares(cluster, 1n, 100n, {}, submitter('bob'));
  await work(connect(cluster, 'one'), 1);
  await submitSquares(cluster, 1n, 100n);
  await cluster.close();
});

test('queue positions count the jobs before', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const submit = async (priority: 'low' | 'normal' | 'high') =>
    (await submitSquares(cluster, 1n, 100n, { priority })).job_id;
  const ids = [await submit('low'), await submit('normal'), await submit('normal'), await submit('high')];
  const positions = await Promise.all(ids.map(async (id) => (await cluster.status(id)).queue_position));
  assert.deepEqual(positions, [3, 1, 2, 0]);
  connect(cluster, 'one');
  const waits = await Promise.all(ids.map(async (id) => (await cluster.status(id)).waiting_for));
  assert.deepEqual(waits, [
    'behind 3 jobs of the same user',
    'behind 1 job of the same user',
    'behind 2 jobs of the same user',
    'a free worker',
  ]);
  assert.equal(cluster.overview().waiting.length, 4);
  const other = await submitSquares(cluster, 1n, 100n, { priority: 'low' }, submitter('ada'));
  assert.equal((await cluster.status(other.job_id)).queue_position, 0, 'each user has a line of its own');
  await cluster.close();
});

test('every answer has the shape that the schemas promise', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  const { job_id: id } = await submitSquares(cluster, 1n, 1_000_000n, { name: 'a job' });
  const worker = connect(cluster, 'one');
  await work(worker, 4);
  await takeLease(worker);
  await runtime.advance(500);
  for (const done of [false, true]) {
    if (done) {
      await work(worker);
      await runtime.advance(61_000);
      await work(connect(cluster, 'two'));
      await runtime.advance(2000);
    }
    const status = jobStatus.parse(await cluster.status(id));
    assert.equal(status.status, done ? 'completed' : 'running');
    assert.equal(status.progress.fraction === 1, done);
    jobResults.parse(await cluster.results(id));
    jobList.parse(await cluster.list({ limit: 10 }));
    const coverage = jobCoverage.parse(await cluster.coverage(id));
    assert.equal(coverage.blocks.count, 4096);
    assert.equal(coverage.blocks.mean.length, 4096);
    assert.equal(coverage.leased.length, done ? 0 : 1);
    if (done) assert.ok(coverage.blocks.done_fraction.every((fraction) => fraction === 1));
    const history = throughput.parse(await cluster.throughput(3600));
    assert.equal(history.series[0]?.units_per_second.length, 3600 / history.bucket_seconds);
    assert.ok(history.events.some(({ event }) => event === 'joined'));
  }
  await cluster.close();
});

test('the list is newest first and its pages do not shift', async (t) => {
  const { cluster, runtime } = await startCluster(temporaryFolder(t));
  const ids: string[] = [];
  for (let i = 0; i < 7; i++) {
    ids.unshift((await submitSquares(cluster, 1n, 100n)).job_id);
    if (i % 3 === 0) await runtime.advance(10);
  }
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await cluster.list({ limit: 3, ...(cursor === undefined ? {} : { cursor }) });
    seen.push(...page.jobs.map(({ job_id: id }) => id));
    cursor = page.next_cursor ?? undefined;
    await submitSquares(cluster, 1n, 100n);
  } while (cursor !== undefined);
  assert.deepEqual(seen, ids);
  await assert.rejects(cluster.list({ limit: 3, cursor: 'nonsense' }), code('invalid_request'));
  assert.deepEqual(await cluster.list({ limit: 3, user_id: 'somebody' }), { jobs: [], next_cursor: null });
  await cluster.close();
});

test('watchers hear of changes, and one that throws harms nobody', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const heard: string[] = [];
  cluster.watch(() => {
    throw new Error('a bad watcher');
  });
  const stop = cluster.watch((id) => heard.push(id));
  const { job_id: id } = await submitSquares(cluster, 1n, 100n);
  assert.deepEqual(heard, [id]);
  stop();
  await cluster.pause(id, ADMIN);
  assert.deepEqual(heard, [id]);
  await cluster.close();
});
