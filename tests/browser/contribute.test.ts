/** The page in headless Chromium against a real coordinator: it takes part in a job by WebGPU, exactly. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { startCoordinator } from '../../coordinator/start.ts';
import { buildPages } from '../../scripts/build-pages.ts';
import { runCoordinator } from '../coordinator/running.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import { makeBatch } from '../batches.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';

const END = 300_000n;
const PATIENCE_MS = 90_000;
const executablePath = findChromium();
const skip = executablePath === undefined ? 'no Chromium: set CHROMIUM_PATH' : false;

interface Visit {
  readonly page: Page;
  /** Everything that was fetched, in order. */
  readonly fetched: string[];
  /** Errors of the page and of its console, violations of the policy among them. */
  readonly errors: string[];
}

suite('the page that lends a device', { skip }, () => {
  let browser: Browser;
  before(async () => {
    await buildPages();
    browser = await chromium.launch(chromiumLaunchOptions(executablePath ?? ''));
  });
  after(() => browser.close());

  async function visit(url: string, from: Browser = browser): Promise<Visit> {
    const page = await from.newPage();
    const fetched: string[] = [];
    const errors: string[] = [];
    page.on('request', (request) => fetched.push(new URL(request.url()).pathname));
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.goto(url);
    return { page, fetched, errors };
  }

  test('one click: the whole job by WebGPU, equal to the CPU’s; nothing that computes came before', async (t) => {
    const coordinator = await runCoordinator(t);
    const job = await coordinator.submit(String(END), { batch_size: 50_000 });
    const { page, fetched, errors } = await visit(coordinator.url);
    await page.getByRole('heading', { name: /^0 devices, / }).waitFor();
    assert.deepEqual(
      fetched.filter((path) => /contribut|kernels|socket/.test(path)),
      [],
    );
    await page.getByRole('button', { name: 'Start contributing' }).click();
    await page.getByText('Computing.', { exact: true }).waitFor({ timeout: PATIENCE_MS });
    await completed(coordinator, job);
    await page
      .getByText('Ready. There is nothing to compute at the moment.')
      .waitFor({ timeout: PATIENCE_MS });
    assert.ok(Number(await page.locator('#accepted').textContent()) > 0);

    const { body } = await coordinator.ask(`/api/results/${job}`);
    const { result } = body as { result: Record<string, unknown> };
    const batch = makeBatch('collatz', { start: '1', end: String(END) }, { tileLength: END });
    const exact = batch.workload.reference(batch.parameters, batch.range);
    assert.deepEqual(result, JSON.parse(JSON.stringify(batch.workload.result(batch.parameters, exact))));
    assertOeis(result);

    const { body: nodes } = await coordinator.ask('/api/nodes');
    assert.match(JSON.stringify(nodes), /"kind":"browser-gpu"/);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('Stopped. This page computes nothing now.').waitFor();
    await page.getByRole('button', { name: 'Start contributing' }).waitFor();
    assert.deepEqual(errors, []);
    await page.close();
  });

  test('a coordinator that restarts: the page says so, comes back and goes on', async (t) => {
    const coordinator = await runCoordinator(t);
    const port = Number(new URL(coordinator.url).port);
    const job = await coordinator.submit('1000000000000');
    const { page } = await visit(coordinator.url);
    await page.getByRole('button', { name: 'Start contributing' }).click();
    await page.getByText('Computing.', { exact: true }).waitFor({ timeout: PATIENCE_MS });
    await coordinator.close();
    await page.getByText(/connection is lost/).waitFor({ timeout: PATIENCE_MS });
    const again = await startCoordinator({
      host: '127.0.0.1',
      port,
      metricsPort: 0,
      dataDir: coordinator.dataDir,
      logLevel: 'silent',
      exitOnCrash: false,
    });
    t.after(() => again.close());
    const accepted = Number(await page.locator('#accepted').textContent());
    await page.waitForFunction(
      (count) => Number(document.getElementById('accepted')?.textContent) > count,
      accepted,
      { timeout: PATIENCE_MS },
    );
    const status = await fetch(`${again.url}/api/status/${job}`);
    const { progress } = (await status.json()) as { progress: { done: string } };
    assert.ok(BigInt(progress.done) > 0n);
    // Left without a word: its lease goes back, or is taken back.
    await page.close();
  });

  test('without WebGPU, with no GPU, or at an insecure address: each has its own sentence', async (t) => {
    const coordinator = await runCoordinator(t);
    const port = new URL(coordinator.url).port;
    const page = await browser.newPage();
    await page.addInitScript(() => {
      Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined, configurable: true });
      Reflect.deleteProperty(Navigator.prototype, 'gpu');
    });
    await page.goto(coordinator.url);
    await page.getByRole('button').click();
    await page.getByText(/This browser has no WebGPU/).waitFor();
    await page.close();

    // Without the flag Chromium has WebGPU, but no adapter here.
    const bare = await chromium.launch({
      ...chromiumLaunchOptions(executablePath ?? ''),
      args: ['--disable-gpu', `--host-resolver-rules=MAP cluster.test 127.0.0.1`],
    });
    t.after(() => bare.close());
    const adapterless = await visit(coordinator.url, bare);
    await adapterless.page.getByRole('button').click();
    await adapterless.page.getByText(/found no GPU that it would use/).waitFor();
    await adapterless.page.getByRole('button', { name: 'Try again' }).waitFor();

    const insecure = await visit(`http://cluster.test:${port}/`, bare);
    await insecure.page.getByRole('button').click();
    await insecure.page.getByText(`at http://localhost:${port}`).waitFor();
  });
});

async function completed(coordinator: TestCoordinator, job: string): Promise<void> {
  const reply = await fetch(`${coordinator.url}/api/jobs/${job}/events`, {
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const text = await reply.text();
  assert.match(text, /"status":"completed"/);
}

/** The delay records below END are those of OEIS. */
function assertOeis(result: Record<string, unknown>): void {
  const file = join(import.meta.dirname, '../data/collatz-records.json');
  const known = JSON.parse(readFileSync(file, 'utf8')) as { delay_records: { n: string; delay: number }[] };
  assert.deepEqual(
    result['delay_records'],
    known.delay_records.filter(({ n }) => BigInt(n) < END),
  );
}
