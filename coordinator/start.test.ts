import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { jobResults, jobStatus, readiness } from '../protocol/http.ts';
import { buildKernels } from '../scripts/build-kernels.ts';
import { MOST_STOP_MS, runCoordinator } from '../tests/coordinator/running.ts';
import { answerOf, join } from '../tests/coordinator/worker-socket.ts';
import type { CoordinatorConfig, StartProblem } from './config.ts';
import { StartError } from './config.ts';
import { startCoordinator } from './start.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(joinPath(tmpdir(), 'threads-start-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Fails with this problem, in one line that matches `words`. */
async function failsWith(
  config: Partial<CoordinatorConfig> & { readonly dataDir: string },
  problem: StartProblem,
  words: RegExp,
): Promise<void> {
  await buildKernels();
  const full: CoordinatorConfig = {
    host: '127.0.0.1',
    port: 0,
    metricsPort: 0,
    logLevel: 'silent',
    exitOnCrash: false,
    ...config,
  };
  await assert.rejects(startCoordinator(full), (error) => {
    assert.ok(error instanceof StartError, String(error));
    assert.equal(error.problem, problem);
    assert.match(error.message, words);
    assert.doesNotMatch(error.message, /\n|\bat .*:\d+/);
    return true;
  });
}

suite('a coordinator does not start', () => {
  test('where a port is taken, and leaves nothing behind', async (t) => {
    const first = await runCoordinator(t);
    const dataDir = await folder(t);
    const port = Number(new URL(first.url).port);
    await failsWith({ dataDir, port }, 'port_in_use', new RegExp(`${port}.*COORDINATOR_PORT`));
    const metricsPort = Number(new URL(first.metricsUrl).port);
    await failsWith({ dataDir, metricsPort }, 'port_in_use', new RegExp(`${metricsPort}.*METRICS_PORT`));
    // The data folder is free again.
    const second = await runCoordinator(t, { dataDir });
    assert.equal((await second.ask('/ready')).status, 200);
  });

  test('on an address of elsewhere', async (t) => {
    await failsWith({ dataDir: await folder(t), host: '203.0.113.7' }, 'bad_host', /HOST/);
  });

  test('on the data of another that runs, but at once when that has stopped', async (t) => {
    const first = await runCoordinator(t);
    await failsWith({ dataDir: first.dataDir }, 'already_running', /DATA_DIR/);
    await first.close();
    const second = await runCoordinator(t, { dataDir: first.dataDir });
    assert.equal((await second.ask('/ready')).status, 200);
  });

  test('in a data folder that is no folder or can’t be made', async (t) => {
    const dataDir = joinPath(await folder(t), 'file');
    await writeFile(dataDir, 'not a folder');
    await failsWith({ dataDir }, 'data_dir', /DATA_DIR/);
    await failsWith({ dataDir: joinPath(dataDir, 'below') }, 'data_dir', /DATA_DIR|folder/);
    await failsWith({ dataDir: '/sys/threads-cluster' }, 'data_dir', /./);
  });

  test('with damaged data', async (t) => {
    const dataDir = await folder(t);
    await writeFile(joinPath(dataDir, 'cluster.db'), 'this is no database'.repeat(1000));
    await failsWith({ dataDir }, 'store', /damaged/);
  });

  test('without its kernels', async (t) => {
    const dataDir = await folder(t);
    await failsWith({ dataDir, kernelsDir: joinPath(dataDir, 'none') }, 'kernels_missing', /npm run build/);
  });
});

suite('a coordinator that stops', () => {
  test('keeps what it acknowledged, and a lease from before is still good after', async (t) => {
    const first = await runCoordinator(t);
    const worker = await join(t, first.url);
    const job_id = await first.submit('2000', { batch_size: 500 });
    const [one, two] = [await worker.lease(), await worker.lease()];
    await worker.request('submit', answerOf(one));
    await first.close();

    const second = await runCoordinator(t, { dataDir: first.dataDir });
    const back = await join(t, second.url, { ...worker.hello, leases: [two.lease_id] });
    assert.deepEqual(back.welcome.revoked, []);
    const results = jobResults.parse((await second.ask(`/api/results/${job_id}`)).body);
    assert.deepEqual(results.covered, [{ start: one.start, end: one.end }]);
    const submitted = await back.request('submit', answerOf(two));
    assert.deepEqual(submitted, { ok: true, value: { status: 'accepted' } });
    const status = jobStatus.parse((await second.ask(`/api/status/${job_id}`)).body);
    assert.equal(status.progress.done, String(Number(two.end) - Number(one.start)));
  });

  test('twice at once stops once', async (t) => {
    const coordinator = await runCoordinator(t);
    await Promise.all([coordinator.close(), coordinator.close()]);
    await coordinator.close();
    await assert.rejects(fetch(coordinator.url));
  });

  test('does not wait for peers that never end', async (t) => {
    const coordinator = await runCoordinator(t);
    const controller = new AbortController();
    t.after(() => controller.abort());
    const request = fetch(`${coordinator.url}/api/submit`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      signal: controller.signal,
      duplex: 'half',
      body: new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode('{')) }),
    } as RequestInit).catch(() => undefined);
    assert.equal(readiness.parse((await coordinator.ask('/ready')).body).status, 'ready');
    const started = performance.now();
    await coordinator.close();
    assert.ok(performance.now() - started < MOST_STOP_MS);
    await request;
  });
});

test('a coordinator that fails in an unforeseen way says so and ends with 1', async (t) => {
  const dataDir = await folder(t);
  await buildKernels();
  const start = new URL('./start.ts', import.meta.url).href;
  const program = `
    const { startCoordinator } = await import(${JSON.stringify(start)});
    await startCoordinator({ host: '127.0.0.1', port: 0, metricsPort: 0, dataDir: ${JSON.stringify(dataDir)}, logLevel: 'fatal' });
    void Promise.reject(new Error('unforeseen'));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await once(child, 'close');
  assert.equal(child.exitCode, 1);
  const line = stderr.trim().split('\n').at(-1) ?? '';
  assert.match(line, /nothing acknowledged is lost/);
  assert.match(line, /unforeseen/);
});
