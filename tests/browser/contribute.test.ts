/** The page that lends a device, in headless Chromium: consent, and exact results by WebGPU and by WebAssembly. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { before, suite, test } from 'node:test';
import { buildPages } from '../../scripts/build-pages.ts';
import { makeBatch } from '../batches.ts';
import { runCoordinator } from '../coordinator/running.ts';
import {
  computingThreads,
  contributingTab,
  openBrowser,
  runningThreads,
  says,
  skip,
  startButton,
  stopButton,
  tabs,
  until,
  visit,
  visitor,
} from './lending.ts';
import type { Settings } from './lending.ts';

const END = 100_000n;
const COMPUTING = /contribution|kernels|socket|cpu-web-thread|sha2|twins/;

suite('the page that lends a device', { skip }, () => {
  before(() => buildPages());

  test('nothing that computes is loaded or stored before the click, and nothing after Stop', async (t) => {
    const coordinator = await runCoordinator(t);
    const context = await visitor(await openBrowser(t));
    const { page, fetched } = await visit(context, coordinator.url);
    await startButton(page).waitFor();
    await page.waitForTimeout(500);
    assert.deepEqual(
      fetched.filter((path) => COMPUTING.test(path)),
      [],
    );
    const stored = () =>
      page.evaluate(() =>
        [...Object.keys(localStorage), ...Object.keys(sessionStorage)].filter((key) =>
          key.startsWith('lend'),
        ),
      );
    assert.deepEqual(await stored(), []);
    assert.deepEqual(computingThreads(page).length, 0);
    await startButton(page).click();
    await until(async () => (await tabs(coordinator)).length === 1, 'the page is connected');
    await stopButton(page).click();
    await startButton(page).waitFor();
    // A browser ends a thread a moment after it is told.
    await until(async () => (await runningThreads(page)) === 0, 'its threads end');
    await until(async () => (await tabs(coordinator)).length === 0, 'it is gone');
    await page.reload();
    await startButton(page).waitFor();
    await page.waitForTimeout(500);
    assert.deepEqual(await tabs(coordinator), []);
  });

  test('by WebGPU: the whole job, equal to the reference', (t) =>
    wholeJob(t, { engine: 'gpu', intensity: 'All' }, 'browser-gpu'));

  test('by WebAssembly where there is no WebGPU: the whole job, equal to the reference', (t) =>
    wholeJob(t, { engine: 'auto', intensity: 'All' }, 'cpu', true));
});

async function wholeJob(
  t: TestContext,
  settings: Settings,
  kind: string,
  withoutWebGpu = false,
): Promise<void> {
  const coordinator = await runCoordinator(t);
  const job = await coordinator.submit(String(END), { batch_size: 25_000 });
  const context = await visitor(await openBrowser(t), settings);
  if (withoutWebGpu) {
    await context.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, 'gpu'));
  }
  const { page, errors, fetched } = await visit(context, coordinator.url);
  const begun_ms = performance.now();
  await (
    withoutWebGpu ? page.getByRole('button', { name: 'Start on the CPU' }).first() : startButton(page)
  ).click();
  const tab = await contributingTab(coordinator);
  t.diagnostic(
    `from the click to the first batch that is counted: ${Math.round(performance.now() - begun_ms)} ms`,
  );
  assert.equal(tab.kind, kind);
  assert.equal(tab.host, 'browser');
  await coordinator.completed(job);
  await says(page, 'Waiting for work');

  const { body } = await coordinator.ask(`/api/results/${job}`);
  const { result } = body as { result: Record<string, unknown> };
  const batch = makeBatch('collatz', { start: '1', end: String(END) }, { tileLength: END });
  const exact = batch.workload.reference(batch.parameters, batch.range);
  assert.deepEqual(result, JSON.parse(JSON.stringify(batch.workload.result(batch.parameters, exact))));
  assertOeis(result);
  assert.deepEqual(errors, []);
  assert.ok(!fetched.some((path) => /twins/.test(path)), 'twins are for browsers without WebAssembly');
  await stopButton(page).click();
  await until(async () => (await tabs(coordinator)).length === 0, 'the page is gone');
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
