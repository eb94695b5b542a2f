/** The pages' live data in headless Chromium: they say when figures are old, and go on when the coordinator is back. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { startCoordinator } from '../../coordinator/start.ts';
import { buildPages } from '../../scripts/build-pages.ts';
import { runCoordinator } from '../coordinator/running.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import { answerOf, join } from '../coordinator/worker-socket.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';

const PATIENCE_MS = 30_000;
const executablePath = findChromium();
const skip = executablePath === undefined ? 'no Chromium: set CHROMIUM_PATH' : false;

suite('live data of the pages', { skip }, () => {
  let browser: Browser;
  before(async () => {
    await buildPages();
    browser = await chromium.launch(chromiumLaunchOptions(executablePath ?? ''));
  });
  after(() => browser.close());

  async function visit(t: TestContext, coordinator: TestCoordinator): Promise<Page> {
    const page = await browser.newPage();
    t.after(() => page.close());
    await page.goto(`${coordinator.url}/cluster.html`);
    return page;
  }
  const devices = (page: Page, count: number) =>
    page.locator('.cluster-now[data-stale=no]', { hasText: new RegExp(`^${count} device`) });

  test('follow the cluster; a restart is said, old figures greyed, and it goes on', async (t) => {
    const coordinator = await runCoordinator(t);
    const page = await visit(t, coordinator);
    await devices(page, 0).waitFor({ timeout: PATIENCE_MS });
    const worker = await join(t, coordinator.url);
    await devices(page, 1).waitFor({ timeout: PATIENCE_MS });
    await coordinator.submit('1000', { batch_size: 100 });
    await worker.request('submit', answerOf(await worker.lease()));
    await page.getByRole('img', { name: '1 batches finished in the last minute' }).waitFor();

    await coordinator.close();
    await page.getByText(/^Connection lost: figures are from .+; trying again\.$/).waitFor();
    await page.locator('.cluster-now[data-stale=yes]').waitFor();
    const again = await startCoordinator({
      host: '127.0.0.1',
      port: Number(new URL(coordinator.url).port),
      metricsPort: 0,
      dataDir: coordinator.dataDir,
      logLevel: 'silent',
      exitOnCrash: false,
    });
    t.after(() => again.close());
    await devices(page, 0).waitFor({ timeout: PATIENCE_MS });
    assert.equal(await page.getByText(/Connection lost/).count(), 0);
    assert.equal(await page.getByText(/older than the coordinator/).count(), 0);
  });

  test('a page older than its coordinator says so and offers to reload', async (t) => {
    const coordinator = await runCoordinator(t);
    const page = await browser.newPage();
    t.after(() => page.close());
    const { body } = await coordinator.ask('/api/status');
    await page.route('**/api/events*', (route) => {
      const status = { ...(body as object), protocol: 1_000_000 };
      return route.fulfill({
        contentType: 'text/event-stream',
        body: `event: cluster\ndata: ${JSON.stringify(status)}\n\n`,
      });
    });
    await page.goto(`${coordinator.url}/collatz.html`);
    const line = page
      .getByRole('status')
      .filter({ hasText: 'This page is older than the coordinator: reload.' });
    await line.waitFor({ timeout: PATIENCE_MS });
    await page.unroute('**/api/events*');
    await line.getByRole('button', { name: 'Reload' }).click();
    await devices(page, 0).waitFor({ timeout: PATIENCE_MS });
    await line.waitFor({ state: 'detached' });
  });

  test('a stream that can’t be opened at first is opened later; nothing is shown as if it were known', async (t) => {
    const coordinator = await runCoordinator(t);
    const page = await browser.newPage();
    t.after(() => page.close());
    await page.route('**/api/events*', (route) => route.fulfill({ status: 503, body: '' }));
    await page.goto(`${coordinator.url}/cluster.html`);
    await page.getByText('The coordinator can’t be reached; trying again.').waitFor({ timeout: PATIENCE_MS });
    assert.equal(await page.locator('.cluster-now').textContent(), '');
    await page.unroute('**/api/events*');
    await devices(page, 0).waitFor({ timeout: PATIENCE_MS });
  });
});
