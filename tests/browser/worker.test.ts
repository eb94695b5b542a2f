/**
 * A browser tab as one worker of a cluster of real processes: it computes by WebGPU beside a CPU worker, outlives
 * a `kill -9` of the coordinator, and hands back what it holds when it is told to stop.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPages } from '../../scripts/build-pages.ts';
import type { NodeStatus } from '../../protocol/http.ts';
import { RealCluster } from '../cluster/cluster.ts';
import { openBrowser, skip, startButton, stopButton, visitor } from './lending.ts';

const PATIENCE_MS = 120_000;
/** What is handed back is free at once; what is not, when its worker has been silent for 30 s. */
const HAND_BACK_MS = 25_000;
/** What Chromium says of connections to it, by the moment at which it dies. */
const DEAD_COORDINATOR =
  /ERR_CONNECTION|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED|WebSocket connection/;
/** A folder to leave a screenshot in, for whoever wants to look. */
const SCREENSHOTS = process.env['TEST_SCREENSHOTS'];

test(
  'a tab takes part by WebGPU, outlives kill -9 of the coordinator, and hands back on Stop',
  { skip },
  async (t) => {
    await buildPages();
    const cluster = await RealCluster.start(t);
    const { api } = cluster;
    const context = await visitor(await openBrowser(t), { engine: 'gpu', intensity: 'All' });
    const page = await context.newPage();
    const fetched: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => fetched.push(request.url()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      // While the coordinator is dead, connections fail, and Chromium says so.
      if (message.type() === 'error' && !DEAD_COORDINATOR.test(message.text())) {
        complaints.push(message.text());
      }
    });
    const tab = async (): Promise<NodeStatus | undefined> =>
      (await api.nodes()).find(({ kind }) => kind === 'browser-gpu');

    const parameters = { start: 1, end: 6_000_001, batch_size: 200_000 };
    const job = await api.submit({ type: 'collatz', parameters });
    await page.goto(cluster.url);
    await startButton(page).waitFor();
    assert.deepEqual(
      fetched.filter((url) => /kernels|socket\.io|contribut/.test(new URL(url).pathname)),
      [],
      'something that computes was loaded before the click',
    );
    await startButton(page).click();
    await api.until(
      async () => ((await tab())?.batches_done ?? 0) >= 2,
      'the tab has done two batches',
      PATIENCE_MS,
      () => complaints.join('\n'),
    );

    const { progress } = await api.status(job.job_id);
    await cluster.restartCoordinator('SIGKILL');
    const after = await api.status(job.job_id);
    assert.ok(BigInt(after.progress.done) >= BigInt(progress.done), 'acknowledged work was lost');
    await api.until(
      async () => ((await tab())?.batches_done ?? 0) >= 1,
      'the tab is back and has done another batch',
      PATIENCE_MS,
    );
    await cluster.connectedWorker('cpu-worker');
    assert.equal((await api.end(job.job_id, PATIENCE_MS)).status, 'completed');
    const alone = await api.submit({ type: 'collatz', parameters, placement: { node_id: 'cpu-worker' } });
    await api.end(alone.job_id, PATIENCE_MS);
    assert.deepEqual((await api.results(job.job_id)).result, (await api.results(alone.job_id)).result);
    if (SCREENSHOTS !== undefined) await page.screenshot({ path: `${SCREENSHOTS}/contributing.png` });

    // Stop in the middle of something: nothing stays leased.
    const endless = await api.submit({
      type: 'collatz',
      parameters: { start: 1, end: String(10n ** 15n) },
      placement: { require_gpu: true },
    });
    await api.until(async () => ((await tab())?.leases.length ?? 0) > 0, 'the tab holds a lease');
    await stopButton(page).click();
    await startButton(page).waitFor();
    await api.until(
      async () => (await api.coverage(endless.job_id)).leased.length === 0,
      'nothing is leased any more',
      HAND_BACK_MS,
    );
    assert.deepEqual(complaints, []);
    const elsewhere = fetched.filter((url) => !/^(data|blob):/.test(url) && !url.startsWith(cluster.url));
    assert.deepEqual(
      elsewhere.filter((url) => !url.startsWith(cluster.url.replace('http:', 'ws:'))),
      [],
    );
  },
);
