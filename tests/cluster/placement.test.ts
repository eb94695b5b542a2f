/** Which worker gets which job, in a real cluster. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findSoftwareAdapter } from '../../client/node/software-adapter.ts';
import { RealCluster } from './cluster.ts';

const JOB = { start: 1, end: 1_000_001, batch_size: 100_000 };

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
  assert.equal(nodes.get('tagged')?.units_done, '1000000');
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
  const parameters = { start: '1', end: '12000001', batch_size: 500_000 };
  await cluster.connectedWorker('gpu-worker', { kind: 'gpu', env: { GPU_ENABLED: 'true' } });
  const job = await api.submit({ type: 'collatz', parameters });
  // The GPU is the first, and waits for the CPU after its first batch: whichever is faster, both take part.
  const unitsOf = async (nodeId: string) => BigInt((await api.worker(nodeId)).units_done);
  await api.until(async () => (await unitsOf('gpu-worker')) > 0n, 'the GPU has done a batch');
  await api.pause(job.job_id);
  await cluster.connectedWorker('cpu-worker');
  await api.resume(job.job_id);
  await api.end(job.job_id, 120_000);
  const gpu = await api.worker('gpu-worker');
  assert.equal(gpu.kind, 'node-gpu');
  const [byGpu, byCpu] = [BigInt(gpu.units_done), await unitsOf('cpu-worker')];
  t.diagnostic(`CPU ${byCpu}, GPU ${byGpu} of 12000000 on ${gpu.device.description}`);
  assert.ok(byCpu > 0n && byGpu > 0n);
  assert.equal(byCpu + byGpu, 12_000_000n);

  const alone = await api.submit({ type: 'collatz', parameters, placement: { node_id: 'cpu-worker' } });
  await api.end(alone.job_id, 120_000);
  assert.deepEqual((await api.results(job.job_id)).result, (await api.results(alone.job_id)).result);
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
    assert.equal((await api.worker('cpu-worker')).units_done, '1000000');
    assert.deepEqual((await api.results(second.job_id)).result, (await api.results(first.job_id)).result);
  },
);
