/** What a page costs its visitor: measured and told (`node --test` prints it), times are not asserted. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.ts';
import { RealCluster } from '../cluster/cluster.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';

const executablePath = findChromium();
const skip = executablePath === undefined ? 'no Chromium: set CHROMIUM_PATH' : false;
const FULL = process.env['TEST_FULL'] === '1';
const WATCH_MS = FULL ? 30_000 : 5000;
/** A watchdog, not a target: at a load of 10 on two cores 90 s were too short once, for the software GPU. */
const PATIENCE_MS = 300_000;
const LONG_JOB = { type: 'collatz', parameters: { start: '1', end: String(2n ** 60n) } };

suite('what a page costs', { skip }, () => {
  let browser: Browser;
  before(async () => {
    await buildPages();
    browser = await chromium.launch(chromiumLaunchOptions(executablePath ?? ''));
  });
  after(() => browser.close());

  /** A page with a long job to take part in, by this engine, at full intensity. */
  async function contribute(
    t: TestContext,
    engine: 'GPU' | 'CPU',
  ): Promise<{ page: Page; first_ms: number }> {
    const cluster = await RealCluster.start(t);
    await cluster.api.submit(LONG_JOB);
    const page = await browser.newPage();
    t.after(() => page.close());
    const begun = performance.now();
    await page.goto(cluster.url);
    await page.getByRole('radio', { name: engine }).check({ force: true });
    await page.getByRole('slider', { name: /intensity/i }).press('End');
    await page.getByRole('button', { name: 'Start contributing' }).first().click();
    await cluster.api.until(
      async () => (await cluster.api.nodes()).some(({ batches_done }) => batches_done > 0),
      'a batch is accepted',
      PATIENCE_MS,
    );
    return { page, first_ms: performance.now() - begun };
  }

  for (const engine of ['GPU', 'CPU'] as const) {
    test(`by ${engine}: from the address to the first accepted batch, and long tasks at All`, async (t) => {
      const { page, first_ms } = await contribute(t, engine);
      t.diagnostic(
        `${engine}: first accepted batch ${Math.round(first_ms)} ms after the address was entered`,
      );
      const tasks = await page.evaluate(async (watch_ms) => {
        const durations: number[] = [];
        const observer = new PerformanceObserver((list) => {
          durations.push(...list.getEntries().map(({ duration }) => duration));
        });
        observer.observe({ type: 'longtask' });
        await new Promise((resolve) => setTimeout(resolve, watch_ms));
        observer.disconnect();
        return durations;
      }, WATCH_MS);
      t.diagnostic(
        `${engine}: tasks over 50 ms within ${WATCH_MS / 1000} s: ${tasks.map(Math.round).join(', ') || 'none'}`,
      );
      const shown = await page.getByText(/batch/i).first().textContent();
      assert.ok(shown !== null);
    });
  }

  test('processor time of a page that only shows', async (t) => {
    const cluster = await RealCluster.start(t);
    for (const name of ['index', 'collatz', 'cluster']) {
      const own = await chromium.launch(chromiumLaunchOptions(executablePath ?? ''));
      const page = await own.newPage();
      await page.goto(`${cluster.url}/${name}.html`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForTimeout(3000);
      const session = await own.newBrowserCDPSession();
      const cpu = async (): Promise<number> => {
        const { processInfo } = await session.send('SystemInfo.getProcessInfo');
        return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
      };
      const [from, since] = [await cpu(), performance.now()];
      await page.waitForTimeout(WATCH_MS);
      const share = ((await cpu()) - from) / ((performance.now() - since) / 1000);
      t.diagnostic(`${name}: ${(100 * share).toFixed(1)} % of a core, the whole browser`);
      assert.ok(Number.isFinite(share));
      await own.close();
    }
  });
});
