/** Which worker gets which job, in a real cluster. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findSoftwareAdapter } from '../../client/node/software-adapter.ts';
import { RealCluster } from './cluster.ts';

const JOB = { start: 1, end: 3_000_001, batch_size: 100_000 };

test('tags: only a worker that has them all takes the job, and until it comes the job says what it lacks', async (t) => {
  const cluster = await RealCluster.start(t);
  const { api } = cluster;
  await cluster.connectedWorker('plain', { env: { NODE_TAGS: 'lab' } });
  const job = await api.submit({ type: 'collatz', parameters: JOB, placement: { tags: ['lab', 'fast'] } });
  // A job that anybody may take goes past it.
  const other = await api.submit({ type: 'thread', parameters: {} });
  await api.end(other.job_id, 60_000);
  const waiting = await api.status(job.job_id);
  assert.equal(waiting.status, 'pending');
  assert.match(waiting.waiting_for ?? '', /fast/);
  assert.deepEqual(
    (await api.cluster()).waiting.map(({ job_id }) => job_id),
    [job.job_id],
  );

  await cluster.connectedWorker('tagged', { env: { NODE_TAGS: 'fast,lab' } });
  assert.equal((await api.end(job.job_id, 60_000)).status, 'completed');
  const nodes = new Map((await api.nodes()).map((node) => [node.node_id, node]));
  assert.equal(nodes.get('tagged')?.units_done, '3000000');
  assert.equal(nodes.get('plain')?.units_done, '1000');
});

test('node_id: a job waits for its worker', async (t) => {
  const cluster = await RealCluster.start(t);
  const { api } = cluster;
  await cluster.connectedWorker('one');
  const job = await api.submit({ type: 'thread', parameters: {}, placement: { node_id: 'two' } });
  assert.match((await api.status(job.job_id)).waiting_for ?? '', /two/);
  await cluster.connectedWorker('two');
  await api.end(job.job_id, 60_000);
  assert.equal((await api.worker('two')).units_done, '1000');
});

test('require_gpu: a CPU worker never takes the job', async (t) => {
  const cluster = await RealCluster.start(t);
  const { api } = cluster;
  await cluster.connectedWorker('cpu-worker');
  const job = await api.submit({ type: 'thread', parameters: {}, placement: { require_gpu: true } });
  const other = await api.submit({ type: 'thread', parameters: { seed: 1 } });
  await api.end(other.job_id, 60_000);
  const waiting = await api.status(job.job_id);
  assert.equal(waiting.status, 'pending');
  assert.match(waiting.waiting_for ?? '', /GPU/);
});

const adapter = findSoftwareAdapter();
const skip = adapter.found === undefined ? adapter.reason : false;

test('a CPU worker and a GPU worker compute one job together, exactly', { skip }, async (t) => {
  const cluster = await RealCluster.start(t);
  const { api } = cluster;
  const parameters = { start: '1', end: '40000001', batch_size: 1_000_000 };
  await cluster.connectedWorker('cpu-worker');
  const alone = await api.submit({ type: 'collatz', parameters });
  await api.end(alone.job_id, 120_000);
  const before = BigInt((await api.worker('cpu-worker')).units_done);

  const gpuWorker = await cluster.connectedWorker('gpu-worker', {
    kind: 'gpu',
    env: { GPU_ENABLED: 'true' },
  });
  const gpu = await api.worker('gpu-worker');
  assert.equal(gpu.kind, 'node-gpu', gpuWorker.output);
  const job = await api.submit({ type: 'collatz', parameters });
  await api.end(job.job_id, 120_000);
  const [expected, found] = [await api.results(alone.job_id), await api.results(job.job_id)];
  assert.deepEqual(found.result, expected.result);
  const byCpu = BigInt((await api.worker('cpu-worker')).units_done) - before;
  const byGpu = BigInt((await api.worker('gpu-worker')).units_done);
  t.diagnostic(`CPU ${byCpu}, GPU ${byGpu} of 40000000 on ${gpu.device.description}`);
  assert.ok(byCpu > 0n && byGpu > 0n);
  assert.equal(byCpu + byGpu, 40_000_000n);
});

test(
  'gpu_preferred: the CPU worker leaves it to the GPU, and takes it once the GPU is gone',
  { skip },
  async (t) => {
    const cluster = await RealCluster.start(t);
    const { api } = cluster;
    await cluster.connectedWorker('cpu-worker');
    const gpuWorker = await cluster.connectedWorker('gpu-worker', {
      kind: 'gpu',
      env: { GPU_ENABLED: 'true' },
    });
    const body = { type: 'collatz', parameters: JOB, gpu_preferred: true };
    const first = await api.submit(body);
    await api.end(first.job_id, 120_000);
    assert.equal((await api.worker('cpu-worker')).units_done, '0');

    assert.deepEqual(await gpuWorker.end('SIGTERM'), { code: 0, signal: null }, gpuWorker.output);
    const second = await api.submit(body);
    await api.end(second.job_id, 120_000);
    assert.equal((await api.worker('cpu-worker')).units_done, '3000000');
    assert.deepEqual((await api.results(second.job_id)).result, (await api.results(first.job_id)).result);
  },
);
