/** "Test this device" in headless Chromium: an exact device is said to be, and one that computes wrongly is not. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { deviceReport } from '../../protocol/device-report.ts';
import { buildPages } from '../../scripts/build-pages.ts';
import { runCoordinator } from '../coordinator/running.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';

const PATIENCE_MS = 300_000;
const executablePath = findChromium();
const skip = executablePath === undefined ? 'no Chromium: set CHROMIUM_PATH' : false;

/** What a driver that runs every program and gives wrong numbers looks like. */
const WRONG_NUMBERS = `
const read = new WeakSet();
const { mapAsync, getMappedRange } = GPUBuffer.prototype;
GPUBuffer.prototype.mapAsync = function (...given) {
  read.add(this);
  return mapAsync.apply(this, given);
};
GPUBuffer.prototype.getMappedRange = function (...given) {
  const bytes = getMappedRange.apply(this, given);
  if (read.has(this)) new Uint32Array(bytes).forEach((word, at, words) => (words[at] = word ^ 1));
  return bytes;
};
`;

suite('the page that tests a device', { skip }, () => {
  let browser: Browser;
  before(async () => {
    await buildPages();
    browser = await chromium.launch(chromiumLaunchOptions(executablePath ?? ''));
  });
  after(() => browser.close());

  async function testedBy(page: Page, url: string) {
    const fetched: string[] = [];
    const errors: string[] = [];
    page.on('request', (request) => fetched.push(request.url()));
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.goto(`${url}/device.html`);
    const button = page.getByRole('button', { name: 'Test this device' });
    await button.waitFor();
    assert.deepEqual(
      fetched.filter((address) => /thread|kernels/.test(new URL(address).pathname)),
      [],
      'something that computes was loaded before the click',
    );
    await button.click();
    await page.getByRole('heading', { name: 'The report' }).waitFor({ timeout: PATIENCE_MS });
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save the report (JSON)' }).click();
    const download = await saved;
    const text = await readFile(await download.path(), 'utf8');
    assert.match(download.suggestedFilename(), /^device-report-[\w.-]+\.json$/);
    assert.deepEqual(
      fetched.filter((address) => /^https?:/.test(address) && !address.startsWith(url)),
      [],
    );
    return { text, report: deviceReport.parse(JSON.parse(text)), errors };
  }

  test('an exact device: every case passes on GPU and CPU, with rates, and the file holds what is shown', async (t) => {
    const coordinator = await runCoordinator(t);
    const page = await browser.newPage();
    const { text, report, errors } = await testedBy(page, coordinator.url);
    await page.getByRole('heading', { name: /^This device is exact: all \d+ tests passed\.$/ }).waitFor();
    assert.deepEqual(
      report.groups.filter(({ failed }) => failed > 0),
      [],
    );
    const groups = report.groups.map(({ workload, engine }) => `${workload} ${engine}`);
    assert.deepEqual([...new Set(groups)].toSorted(), [
      'collatz cpu',
      'collatz gpu',
      'thread cpu',
      'thread gpu',
    ]);
    assert.ok(report.rates.length >= 16);
    for (const rate of report.rates) assert.ok((rate.units_per_second ?? 0) > 0, JSON.stringify(rate));
    assert.match(JSON.stringify(report.gpu), /swiftshader/i);
    assert.equal(report.cpu.web_assembly, true);
    assert.ok((report.gpu?.limits['maxBufferSize'] ?? 0) > 0);
    assert.equal(await page.locator('.device-json').textContent(), text);
    assert.deepEqual(errors, []);
    await page.close();
  });

  test('a GPU that gives wrong numbers is reported, and the CPU beside it passes', async (t) => {
    const coordinator = await runCoordinator(t);
    const page = await browser.newPage();
    let broken = 0;
    await page.route(/device-thread/, async (route) => {
      const response = await route.fetch();
      broken++;
      await route.fulfill({ response, body: `${WRONG_NUMBERS}${await response.text()}` });
    });
    const { report } = await testedBy(page, coordinator.url);
    assert.equal(broken, 1);
    await page.getByRole('heading', { name: /^\d+ of \d+ tests failed on this device\.$/ }).waitFor();
    await page.getByRole('heading', { name: 'What went wrong' }).waitFor();
    for (const { engine, comparison, passed, failed, failures } of report.groups) {
      if (engine === 'cpu') assert.equal(failed, 0, comparison);
      else {
        assert.equal(passed, 0, comparison);
        assert.equal(failures.length, Math.min(failed, 20));
      }
    }
    for (const { engine, units_per_second } of report.rates) {
      assert.equal(units_per_second === null, engine === 'gpu');
    }
    await page.close();
  });

  test('without a GPU and WebAssembly the CPU is tested by the twins, and the page says why', async (t) => {
    const coordinator = await runCoordinator(t);
    const bare = await chromium.launch({
      ...chromiumLaunchOptions(executablePath ?? ''),
      args: ['--disable-gpu'],
    });
    t.after(() => bare.close());
    const page = await bare.newPage();
    // Not by --jitless, as in without-webassembly.test.ts: interpreted, the plain definitions take too long.
    await page.route(/device-thread/, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: `delete globalThis.WebAssembly;${await response.text()}` });
    });
    const { report, errors } = await testedBy(page, coordinator.url);
    assert.equal(report.gpu, null);
    assert.match(report.gpu_problem ?? '', /gave no GPU|no WebGPU/);
    assert.equal(report.cpu.web_assembly, false);
    await page.getByRole('heading', { name: /^This device is exact/ }).waitFor();
    await page.getByText('This browser runs no WebAssembly, so its CPU computes in JavaScript').waitFor();
    assert.ok(report.groups.every(({ engine }) => engine === 'cpu'));
    for (const rate of report.rates) assert.ok((rate.units_per_second ?? 0) > 0, JSON.stringify(rate));
    assert.deepEqual(errors, []);
  });
});
