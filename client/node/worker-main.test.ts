/** Headless workers over a real connection to a real coordinator in this process. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { computed, makeBatch } from '../../tests/batches.ts';
import { runCoordinator } from '../../tests/coordinator/running.ts';
import type { TestCoordinator } from '../../tests/coordinator/running.ts';
import { openDawn } from './dawn.ts';
import { NodeWorkerError } from './node-worker-error.ts';
import type { NodeWorkerConfig, RunningWorker } from './worker-main.ts';
import { startNodeWorker } from './worker-main.ts';

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

function config(url: string, more: Partial<NodeWorkerConfig> = {}): NodeWorkerConfig {
  return {
    url,
    kind: 'cpu',
    nodeId: 'test-worker',
    tags: ['fast'],
    priority: 0,
    gpuEnabled: 'auto',
    threads: 2,
    host: '127.0.0.1',
    port: 0,
    log: silent,
    software: 'test',
    ...more,
  };
}

async function run(t: TestContext, from: NodeWorkerConfig): Promise<RunningWorker> {
  const worker = await startNodeWorker(from);
  t.after(() => worker.stop());
  return worker;
}

/** The result once the job is completed. */
async function finished(coordinator: TestCoordinator, job: string): Promise<Record<string, unknown>> {
  await coordinator.completed(job);
  const { body } = await coordinator.ask(`/api/results/${job}`);
  return (body as { result: Record<string, unknown> }).result;
}

/** By the CPU kernel alone, as it comes out of the API. */
async function exact(type: string, parameters: Record<string, string | number>): Promise<unknown> {
  const batch = makeBatch(type, parameters, { tileLength: 1n });
  return JSON.parse(JSON.stringify(batch.workload.result(batch.parameters, await computed(batch))));
}

suite('a headless worker', () => {
  test('computes jobs of both types; /health and /metrics tell so; stopped, it is gone', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await run(t, config(coordinator.url));
    const collatz = await coordinator.submit('200001');
    const { body } = await coordinator.post('/api/submit', {
      type: 'thread',
      parameters: { thread_count: 3000 },
    });
    const thread = (body as { job_id: string }).job_id;
    assert.deepEqual(
      await finished(coordinator, collatz),
      await exact('collatz', { start: '1', end: '200001' }),
    );
    assert.deepEqual(await finished(coordinator, thread), await exact('thread', { thread_count: 3000 }));

    const { body: node } = await coordinator.ask('/api/nodes/test-worker');
    assert.match(JSON.stringify(node), new RegExp(`"health_url":"${worker.healthUrl}"`));
    const health = await fetch(`${worker.healthUrl}/health`);
    assert.equal(health.status, 200);
    assert.match(await health.text(), /"status":"ok".*"node_id":"test-worker".*"batches_accepted":[1-9]/);
    const metrics = await (await fetch(`${worker.healthUrl}/metrics`)).text();
    assert.match(metrics, /worker_batches_total\{node_id="test-worker",outcome="accepted"\} [1-9]/);
    assert.match(metrics, /worker_busy_fraction\{node_id="test-worker"\} 0\.\d+/);
    assert.match(metrics, /worker_memory_bytes [1-9]\d{7}/);
    assert.match(metrics, /worker_memory_limit_bytes [1-9]\d{7}/);
    assert.match(metrics, /worker_info\{node_id="test-worker",kind="cpu"\} 1/);
    assert.match(metrics, /worker_cpu_seconds_total \d*\.?\d*[1-9]/);
    assert.match(metrics, /worker_network_bytes_total\{direction="sent"\} [1-9]\d{2}/);
    assert.match(metrics, /worker_network_bytes_total\{direction="received"\} [1-9]\d{2}/);
    assert.equal((await fetch(`${worker.healthUrl}/else`)).status, 404);
    assert.equal((await fetch(`${worker.healthUrl}/health`, { method: 'POST' })).status, 405);

    await worker.stop();
    assert.deepEqual(
      (await worker.finished).map(({ kind }) => kind),
      ['stopped'],
    );
    await assert.rejects(fetch(`${worker.healthUrl}/health`));
  });

  test('stopped in the middle of a batch, what it did is counted and the rest goes to the next worker', async (t) => {
    const coordinator = await runCoordinator(t);
    const job = await coordinator.submit('1000000000000');
    const worker = await run(t, config(coordinator.url));
    const done = async () => {
      const { body } = await coordinator.ask(`/api/status/${job}`);
      return BigInt((body as { progress: { done: string } }).progress.done);
    };
    while ((worker.statuses()[0]?.batches_accepted ?? 0) < 2)
      await new Promise((resolve) => setImmediate(resolve));
    const before = await done();
    const begun_ms = performance.now();
    await worker.stop();
    t.diagnostic(`stopped in ${Math.round(performance.now() - begun_ms)} ms`);
    assert.ok((await done()) > before, 'a part of a batch was handed back');
    const { body } = await coordinator.ask(`/api/jobs/${job}/coverage`);
    const coverage = body as { leased: unknown[]; done: { start: string; end: string }[] };
    assert.deepEqual(coverage.leased, []);
    const covered = coverage.done.reduce((sum, { start, end }) => sum + BigInt(end) - BigInt(start), 0n);
    assert.equal(covered, await done());
  });

  test('a port that is taken is a clear error', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await run(t, config(coordinator.url));
    const port = Number(new URL(worker.healthUrl).port);
    await assert.rejects(startNodeWorker(config(coordinator.url, { port })), (error) => {
      return (
        error instanceof NodeWorkerError &&
        error.kind === 'port' &&
        /in use: set WORKER_PORT/.test(error.message)
      );
    });
  });

  test('a GPU worker without permission to use one, or with a wrong index, says so', async () => {
    const gpu = { kind: 'gpu', gpuEnabled: 'false' } as const;
    await assert.rejects(startNodeWorker(config('http://127.0.0.1:1', gpu)), (error) => {
      return (
        error instanceof NodeWorkerError && error.kind === 'no_gpu' && /GPU_ENABLED=false/.test(error.message)
      );
    });
    const wrong = { kind: 'gpu', gpuEnabled: 'true', gpuDevices: [99] } as const;
    await assert.rejects(startNodeWorker(config('http://127.0.0.1:1', wrong)), (error) => {
      return error instanceof NodeWorkerError && ['gpu_devices', 'no_gpu'].includes(error.kind);
    });
  });

  test('a data folder that can’t be written is a clear error', async () => {
    const from = config('http://127.0.0.1:1', {
      nodeId: undefined,
      dataDir: `${import.meta.filename}/below-a-file`,
    });
    await assert.rejects(startNodeWorker(from), (error) => {
      return (
        error instanceof NodeWorkerError &&
        error.kind === 'data_dir' &&
        error.message.includes('below-a-file')
      );
    });
  });

  test('while no coordinator answers it waits, and stops at once when told', async (t) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'threads-worker-'));
    t.after(() => rmSync(dataDir, { recursive: true }));
    const worker = await run(t, config('http://127.0.0.1:1', { nodeId: undefined, dataDir }));
    while (worker.statuses()[0]?.message === undefined) await new Promise((resolve) => setImmediate(resolve));
    assert.match(worker.statuses()[0]?.message ?? '', /waiting for the coordinator/);
    const begun_ms = performance.now();
    await worker.stop();
    t.diagnostic(`stopped in ${Math.round(performance.now() - begun_ms)} ms`);
  });
});

const dawn = await openDawn({ software: true });
const skip = dawn.problem === undefined ? false : `no adapter: ${dawn.problem.message}`;

test('a GPU worker computes both workloads exactly, one connection per adapter', { skip }, async (t) => {
  const coordinator = await runCoordinator(t);
  const worker = await run(
    t,
    config(coordinator.url, { kind: 'gpu', gpuEnabled: 'true', gpuBatchSize: 1 << 20 }),
  );
  assert.equal(worker.statuses().length, dawn.adapters.length);
  assert.equal(worker.statuses()[0]?.node_id, 'test-worker-gpu0');
  const placement = { require_gpu: true };
  const jobs: [string, Record<string, string | number>][] = [
    ['collatz', { start: '1', end: '20001' }],
    ['collatz', { start: '18446744073709501616', end: '18446744073709511616' }],
    ['collatz', { start: '67000000', end: '67100000', mode: 'verify' }],
    ['thread', { thread_count: 500, seed: '5' }],
  ];
  const ids: string[] = [];
  for (const [type, parameters] of jobs) {
    const { body } = await coordinator.post('/api/submit', { type, parameters, placement });
    ids.push((body as { job_id: string }).job_id);
  }
  for (const [index, [type, parameters]] of jobs.entries()) {
    assert.deepEqual(
      await finished(coordinator, ids[index] ?? ''),
      await exact(type, parameters),
      JSON.stringify(parameters),
    );
  }
});
