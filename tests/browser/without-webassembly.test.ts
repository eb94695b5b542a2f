/** A browser without WebAssembly: the kernels' twins compute in their place, and the results are the same. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.ts';
import { computed, makeBatch } from '../batches.ts';
import { runCoordinator } from '../coordinator/running.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import {
  contributingTab,
  openBrowser,
  panel,
  says,
  skip,
  startButton,
  until,
  visit,
  visitor,
} from './lending.ts';

const ENDLESS = String(10n ** 15n);

interface Job {
  readonly type: string;
  readonly parameters: Record<string, string | number>;
}

/** One of each kernel, in batches of two; verify also where it is sieved. */
const JOBS: readonly Job[] = [
  { type: 'collatz', parameters: { start: '1', end: '100001', batch_size: 50_000 } },
  {
    type: 'collatz',
    parameters: {
      start: String(2 ** 26 - 5),
      end: String(2 ** 26 + 2 ** 25),
      mode: 'verify',
      batch_size: 2 ** 24 + 5,
    },
  },
  { type: 'thread', parameters: { thread_count: 20_000, batch_size: 10_000 } },
];

/**
 * JavaScript is interpreted, and there is no WebAssembly in pages and workers: what Lockdown Mode makes of a browser. V8's
 * `--noexpose-wasm` does nothing in Chromium 156, whose contexts come from a snapshot that has it.
 */
const openWithout = (t: TestContext): Promise<Browser> => openBrowser(t, ['--js-flags=--jitless']);

const isOfTwins = (path: string) => /twins/.test(path);

suite('a browser without WebAssembly', { skip }, () => {
  before(() => buildPages());

  test('lends its CPU: a job of each kernel, equal to what the kernel gives', async (t) => {
    const coordinator = await runCoordinator(t);
    const context = await visitor(await openWithout(t), { engine: 'cpu', intensity: 'All' });
    const { page, fetched, errors } = await visit(context, coordinator.url);
    assert.equal(await page.evaluate(() => typeof WebAssembly), 'undefined');
    await panel(page).getByText('not in this browser: JavaScript, slower').waitFor();
    assert.ok(!fetched.some(isOfTwins), 'twins were loaded before the click');
    await startButton(page).click();
    for (const [index, job] of JOBS.entries()) {
      assert.deepEqual(await resultOf(coordinator, job), await expectedOf(job));
      const { kind, device } = await contributingTab(coordinator, 2 * (index + 1));
      assert.equal(kind, 'cpu');
      assert.match(device.description, /^JavaScript, \d+ threads?$/);
    }
    await says(page, 'Waiting for work');
    await panel(page).getByText('slower, as this browser runs no WebAssembly').waitFor();
    assert.ok(fetched.some(isOfTwins));
    assert.deepEqual(errors, []);
  });

  test('automatic: the GPU and the twins are measured, and the faster one gets work', async (t) => {
    const coordinator = await runCoordinator(t);
    await coordinator.submit(ENDLESS);
    const context = await visitor(await openWithout(t), { engine: 'auto', intensity: 'All' });
    const { page } = await visit(context, coordinator.url);
    await startButton(page).click();
    const { kind } = await contributingTab(coordinator);
    const faster = kind === 'cpu' ? 'cpu' : 'gpu';
    await until(async () => {
      const remembered = await page.evaluate(() => sessionStorage.getItem('lend'));
      return remembered?.includes(`"faster":"${faster}"`);
    }, 'the tab remembers it');
  });
});

/** Once the job is completed. */
async function resultOf(coordinator: TestCoordinator, job: Job): Promise<unknown> {
  const { status, body } = await coordinator.post('/api/submit', job);
  assert.equal(status, 202, JSON.stringify(body));
  const { job_id } = body as { job_id: string };
  await coordinator.completed(job_id);
  const answer = await coordinator.ask(`/api/results/${job_id}`);
  return (answer.body as { result: unknown }).result;
}

/** By the WebAssembly kernel. */
async function expectedOf({ type, parameters }: Job): Promise<unknown> {
  const batch = makeBatch(type, parameters, { tileLength: 1n });
  const result = batch.workload.result(batch.parameters, await computed(batch));
  return JSON.parse(JSON.stringify(result));
}
