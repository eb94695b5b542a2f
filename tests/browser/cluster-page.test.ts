/** The Cluster page in headless Chromium: its numbers are the API's, its actions work by keyboard. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { grouped } from '../../client/browser/format/figures.ts';
import { donePercent, shortRate } from '../../client/browser/cluster/job-text.ts';
import { headline } from '../../client/browser/cluster/headline.ts';
import {
  clusterStatus,
  jobCoverage,
  jobResults,
  jobStatus,
  nodeList,
  throughput,
} from '../../protocol/http.ts';
import { buildPages } from '../../scripts/build-pages.ts';
import { runCoordinator } from '../coordinator/running.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import { answerOf, join } from '../coordinator/worker-socket.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';
import { until } from './lending.ts';

const MARKUP = '<img src=x onerror="document.title=1"> & co';
const executablePath = findChromium();
const skip = executablePath === undefined ? 'no Chromium: set CHROMIUM_PATH' : false;

suite('the Cluster page', { skip }, () => {
  let browser: Browser;
  before(async () => {
    await buildPages();
    browser = await chromium.launch(chromiumLaunchOptions(executablePath ?? ''));
  });
  after(() => browser.close());

  async function visit(t: TestContext, coordinator: TestCoordinator, query = ''): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 1440, height: 1600 } });
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      // The coordinator ends before the page does.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load'))
        errors.push(message.text());
    });
    await page.goto(`${coordinator.url}/cluster.html${query}`);
    t.after(async () => {
      await page.close();
      assert.deepEqual(errors, []);
    });
    return page;
  }
  const texts = async (page: Page, selector: string) =>
    (await page.locator(selector).allTextContents()).map((text) => text.trim());
  const row = (page: Page, name: string | RegExp) => page.locator('.job-row', { hasText: name });

  test('every number is the API’s, and strangers’ text stays text', async (t) => {
    const coordinator = await runCoordinator(t);
    const job = await coordinator.submit('100001', { batch_size: 10_000 });
    const named = await coordinator.post('/api/submit', {
      type: 'thread',
      name: MARKUP,
      priority: 'low',
      parameters: { thread_count: 500 },
    });
    assert.equal(named.status, 202);
    const device = {
      description: MARKUP,
      vendor: null,
      backend: null,
      software: false,
      gpu_memory_mb: null,
      threads: 4,
    };
    const worker = await join(t, coordinator.url, { node_id: 'loom-1', device });
    await join(t, coordinator.url, { node_id: 'kestrel' });
    for (let i = 0; i < 3; i++) await worker.request('submit', answerOf(await worker.lease()));
    await worker.lease();

    const page = await visit(t, coordinator, `?job=${job}`);
    await page.locator('.device-row').nth(1).waitFor();
    await page.locator('.job-details .pairs').first().waitFor();
    await page.locator('.ranges').nth(1).waitFor();
    const ask = async (path: string) => (await coordinator.ask(path)).body;
    const { nodes } = nodeList.parse(await ask('/api/nodes'));
    const status = jobStatus.parse(await ask(`/api/status/${job}`));
    const coverage = jobCoverage.parse(await ask(`/api/jobs/${job}/coverage`));
    const { result } = jobResults.parse(await ask(`/api/results/${job}`));

    // A lease grows late between two looks, and the page hears of it a second later.
    await until(async () => {
      const known = headline(clusterStatus.parse(await ask('/api/status')), nodes);
      return (await page.locator('h1').textContent()) === known;
    }, 'the headline says what the API says');
    for (const node of nodes) {
      const own = page.locator('.device-row', { hasText: node.node_id });
      assert.equal(await own.locator('.device-batches').textContent(), `${node.batches_done} batches`);
      assert.equal(await own.locator('.device-errors').textContent(), `${node.errors} errors`);
      assert.equal(await own.locator('.device-rate').textContent(), shortRate(node.rate_per_second));
      assert.match((await own.locator('.device-what').textContent()) ?? '', /, \d threads?$/);
    }
    const collatz = row(page, 'Collatz 1 to 100');
    assert.equal(await collatz.locator('.job-done').textContent(), donePercent(status.progress.fraction));
    assert.equal(await collatz.locator('.job-state').textContent(), 'running');
    assert.equal(await row(page, '& co').locator('.job-link').textContent(), MARKUP);
    assert.equal(await row(page, '& co').locator('.job-priority').textContent(), 'Low priority');
    assert.match((await page.locator('.device-what').allTextContents()).join(), /<img src=x/);
    assert.equal(await page.locator('main img').count(), 0);

    const details = page.locator('.job-details');
    const { total, done } = status.progress;
    await details
      .getByText(`${grouped(BigInt(done))} of ${grouped(BigInt(total))} numbers`, { exact: true })
      .waitFor();
    assert.deepEqual(
      await texts(page, '.ranges:not(:has(span)) li'),
      coverage.done.map(({ start, end }) => `[${grouped(BigInt(start))}, ${grouped(BigInt(end))})`),
    );
    assert.deepEqual(
      await texts(page, '.ranges li:has(span)'),
      coverage.leased.map(
        ({ start, end, node_id }) => `[${grouped(BigInt(start))}, ${grouped(BigInt(end))}) ${node_id}`,
      ),
    );
    assert.match(
      (await details.locator('.range-strip').getAttribute('aria-label')) ?? '',
      new RegExp(`% done, ${coverage.leased.length} leased`),
    );
    // The result comes by an event of its own: until then the first pairs are the parameters.
    const figures = details.locator('.pairs', { has: page.getByText('count', { exact: true }) });
    assert.equal(
      await figures.locator('dd').first().textContent(),
      grouped(BigInt(String(result?.['count']))),
    );
    await details.locator('summary', { hasText: 'JSON' }).click();
    const shown: unknown = JSON.parse((await details.locator('pre').textContent()) ?? '');
    assert.deepEqual(shown, jobResults.parse(await ask(`/api/results/${job}`)));
  });

  test('numbers walked and numbers verified are told and drawn apart, as the API has them', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await join(t, coordinator.url);
    for (const mode of ['statistics', 'verify']) {
      await coordinator.submit('40001', { batch_size: 10_000, mode });
      for (let batch = 0; batch < 4; batch++) {
        const { ok } = await worker.request('submit', answerOf(await worker.lease()));
        assert.ok(ok);
      }
    }
    await coordinator.post('/api/submit', { type: 'thread', parameters: { thread_count: 30 } });
    await worker.request('submit', answerOf(await worker.lease()));
    const page = await visit(t, coordinator);
    await page
      .getByText(/^40.000.numbers.walked, 40.000.numbers.verified and 30.roots in the last hour\.$/)
      .waitFor();
    const { series } = throughput.parse((await coordinator.ask('/api/cluster/throughput?window=1h')).body);
    for (const [label, key, axis, variant] of [
      ['Collatz verify', 'collatz-verify', /numbers verified a second/, 'verify'],
      ['Threads', 'thread', /roots a second/, null],
      ['Collatz statistics', 'collatz-statistics', /numbers walked a second/, 'statistics'],
    ] as const) {
      await page
        .locator('.throughput-section')
        .getByRole('radio', { name: label, exact: true })
        .check({ force: true });
      await page.waitForURL(new RegExp(`rate=${key}$`));
      await page.locator('.throughput .axis').first().getByText(axis).waitFor();
      await page.locator('.figures-table summary').click();
      const shown = await texts(page, '.figures-table tbody td.number');
      const lines = series.flatMap(({ variants }) => variants);
      const rates = lines
        .filter((line) => line.variant === variant)
        .flatMap(({ units_per_second }) => units_per_second.filter((rate) => rate > 0));
      assert.ok(rates.length > 0);
      assert.equal(shown.length, rates.length);
      await page.locator('.figures-table summary').click();
    }
  });

  test('at 390 px a job has its priority and a device its state', async (t) => {
    const coordinator = await runCoordinator(t);
    await coordinator.submit('1000');
    await join(t, coordinator.url, { node_id: 'loom-1' });
    const page = await visit(t, coordinator);
    await page.setViewportSize({ width: 390, height: 844 });
    await page.locator('.job-row').getByText('Normal priority').waitFor();
    await page.locator('#device-loom-1').getByText('idle', { exact: true }).waitFor();
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390);
  });

  test('pause, resume and cancel by keyboard; cancel asks first; filters and the address', async (t) => {
    const coordinator = await runCoordinator(t);
    const job = await coordinator.submit('1000000');
    const page = await visit(t, coordinator);
    const state = async () => jobStatus.parse((await coordinator.ask(`/api/status/${job}`)).body).status;
    await page.getByText('waits for a worker: none is connected').first().waitFor();
    const notice = page.locator('.notice', { hasText: 'none is connected' });
    assert.equal(await notice.getByRole('link').textContent(), 'Add one');

    const press = async (name: string, key = 'Enter') => {
      await row(page, 'Collatz').getByRole('button', { name }).focus();
      await page.keyboard.press(key);
    };
    await press('Pause Collatz');
    await page.locator('.job-state', { hasText: 'paused' }).waitFor();
    assert.equal(await state(), 'paused');
    await press('Resume Collatz', 'Space');
    await page.locator('.job-state', { hasText: 'waiting' }).waitFor();
    await press('Cancel Collatz');
    await page.waitForFunction(() => document.activeElement?.textContent === 'Keep');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Keep' }).waitFor({ state: 'detached' });
    assert.equal(await state(), 'pending');
    await press('Cancel Collatz');
    await page.waitForFunction(() => document.activeElement?.textContent === 'Keep');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('.job-state', { hasText: 'cancelled' }).waitFor();
    assert.equal(await state(), 'cancelled');

    await page.getByLabel('State of jobs').selectOption('running');
    await page.getByText('No jobs of this kind.').waitFor();
    assert.equal(new URL(page.url()).search, '?state=running');
    await page.getByRole('button', { name: 'Show all jobs' }).click();
    await row(page, 'Collatz').getByRole('link', { name: 'Collatz' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('.job-details').waitFor();
    assert.equal(new URL(page.url()).search, `?job=${job}`);
    await page.goBack();
    await page.locator('.job-details').waitFor({ state: 'detached' });
  });

  test('an empty cluster says what to do; an unknown job is said to be unknown; 390 px do not overflow', async (t) => {
    const coordinator = await runCoordinator(t);
    const page = await visit(t, coordinator);
    await page.getByText('No jobs yet.').waitFor();
    await page.getByText('No devices yet.').waitFor();
    await page.getByText('Nothing needs a look.').waitFor();
    await page.getByRole('heading', { name: '0 devices, no job to run.' }).waitFor();
    await page.getByText(`npm run -s threads -- worker --url ${coordinator.url} --kind auto`).waitFor();
    await page.setViewportSize({ width: 390, height: 800 });
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390);
    // The request for it is refused, which Chromium calls an error.
    const unknown = await browser.newPage();
    t.after(() => unknown.close());
    await unknown.goto(`${coordinator.url}/cluster.html?job=nobody`);
    await unknown.getByText('There is no job nobody').waitFor();
  });

  test('older jobs come by pages, each once', async (t) => {
    const coordinator = await runCoordinator(t);
    for (let i = 0; i < 30; i++) {
      const id = await coordinator.submit(String(1000 + i));
      await coordinator.post(`/api/cancel/${id}`, {});
    }
    const page = await visit(t, coordinator, '?state=cancelled&type=collatz');
    const older = page.getByRole('button', { name: 'Older jobs' });
    await older.click();
    await older.waitFor({ state: 'detached' });
    const titles = await texts(page, '.job-link');
    assert.equal(titles.length, 30);
    assert.equal(new Set(titles).size, 30);
  });
});
