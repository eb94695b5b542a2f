/** From the form to the result on the Cluster page, computed by a worker process. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, suite, test } from 'node:test';
import { chromium } from 'playwright-core';
import { clusterStatus, jobList, jobResults, nodeStatus, throughput } from '../../protocol/http.ts';
import { buildPages } from '../../scripts/build-pages.ts';
import { startWorker } from '../cluster/processes.ts';
import { runCoordinator } from '../coordinator/running.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';

const PATIENCE_MS = 60_000;
const executablePath = findChromium();
const skip = executablePath === undefined ? 'no Chromium: set CHROMIUM_PATH' : false;

suite('a job from the form to its result', { skip }, () => {
  before(async () => {
    await buildPages();
  });

  test('a worker process computes it; the page shows and gives what the API has', async (t) => {
    const coordinator = await runCoordinator(t);
    startWorker(t, { url: coordinator.url, nodeId: 'real-1' });
    const browser = await chromium.launch(chromiumLaunchOptions(executablePath ?? ''));
    t.after(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1440, height: 1400 } });
    await page.goto(`${coordinator.url}/cluster.html`);
    await page.getByLabel('To', { exact: true }).fill('2e6');
    await page.getByRole('button', { name: 'Submit job' }).click();
    await page.getByRole('link', { name: 'the job' }).click();
    const details = page.locator('.job-details');
    await details.getByText('done', { exact: true }).waitFor({ timeout: PATIENCE_MS });

    const ask = async (path: string) => (await coordinator.ask(path)).body;
    const job = jobList.parse(await ask('/api/jobs')).jobs[0];
    assert.equal(job?.status, 'completed');
    const known = jobResults.parse(await ask(`/api/results/${job.job_id}`));
    assert.equal(known.result?.['count'], '1999999');
    // A result comes by an event of its own, maybe a part of it first.
    await details.getByText('delay records, the last 12 of').waitFor();
    await details.getByRole('heading', { name: 'Result', exact: true }).waitFor();
    await details.locator('summary', { hasText: 'JSON' }).click();
    assert.deepEqual(JSON.parse((await details.locator('pre').textContent()) ?? ''), known);

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      details.getByRole('link', { name: 'Result of Collatz 1 to 2 × 10⁶ as JSON' }).click(),
    ]);
    assert.deepEqual(JSON.parse(readFileSync(await download.path(), 'utf8')), known);

    const node = nodeStatus.parse(await ask('/api/nodes/real-1'));
    const row = page.locator('#device-real-1');
    await row.getByText(`${node.batches_done} batches`).waitFor();
    assert.match((await row.locator('.device-lane').getAttribute('aria-label')) ?? '', /^connected \d+ min/);
    // The picture is of what was computed, by the kind that computed it.
    const history = throughput.parse(await ask('/api/cluster/throughput?window=1h'));
    assert.deepEqual(
      history.series.map(({ type, kind }) => `${type} ${kind}`),
      ['collatz cpu'],
    );
    await page.reload();
    await page.locator('.throughput .layer').waitFor();
    assert.equal(await page.locator('.throughput .layer').count(), 1);
    const total = clusterStatus.parse(await ask('/api/status')).jobs.completed;
    // The jobs come by another request than the picture.
    const completed = page.locator('.job-row[data-state=completed]');
    await completed.nth(total - 1).waitFor();
    assert.equal(await completed.count(), total);
  });
});
