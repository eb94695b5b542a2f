/** Devices that are lost, that are missing, and addresses that get none. */
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { buildPages } from '../../scripts/build-pages.ts';
import { runCoordinator } from '../coordinator/running.ts';
import {
  contributingTab,
  openBrowser,
  panel,
  PATIENCE_MS,
  says,
  skip,
  startButton,
  until,
  visit,
  visitor,
} from './lending.ts';

const ENDLESS = String(10n ** 15n);

/** Notes in the computing thread which device it has. */
const NOTE_DEVICES = `{
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...wanted) {
    globalThis.opened = (globalThis.opened ?? 0) + 1;
    return (globalThis.device = await request.apply(this, wanted));
  };
}`;

suite('devices of pages', { skip }, () => {
  before(() => buildPages());

  test('a GPU that is lost in the middle of a batch is opened again, and nothing is lost', async (t) => {
    const coordinator = await runCoordinator(t);
    // Batches enough that the job goes on for long after the one that is seen.
    const job = await coordinator.submit('600000', { batch_size: 20_000 });
    const context = await visitor(await openBrowser(t), { engine: 'gpu', intensity: 'All' });
    const { page } = await visit(context, coordinator.url);
    const started = page.waitForEvent('worker', (worker) => worker.url().includes('contribution-thread'));
    const noted = started.then(async (worker) => {
      await worker.evaluate(NOTE_DEVICES);
      return worker;
    });
    // The thread asks for a device once it has a kernel for it: it gets none before its devices are noted.
    let held = 0;
    await page.route(/\/kernels/, async (route) => {
      held++;
      await noted;
      await route.continue();
    });
    await startButton(page).click();
    const thread = await noted;
    await contributingTab(coordinator);
    await thread.evaluate('globalThis.device.destroy()');
    await coordinator.completed(job);
    assert.equal(await thread.evaluate('globalThis.opened'), 2);
    assert.ok(held > 0, 'the kernels were not held back');
    await says(page, 'Waiting for work');
  });

  test('WebGPU without a GPU: it says so and offers the CPU, which then computes', async (t) => {
    const coordinator = await runCoordinator(t);
    await coordinator.submit(ENDLESS);
    // Chromium has WebGPU, and without the flag that the other tests set no adapter for it here.
    const browser = await openBrowser(t, [], ['--enable-unsafe-webgpu']);
    const context = await visitor(browser, { engine: 'auto', intensity: 'All' });
    const { page } = await visit(context, coordinator.url);
    await startButton(page).click();
    await panel(page).getByText('found no graphics card').waitFor();
    await panel(page).getByRole('button', { name: 'Start on the CPU' }).click();
    assert.equal((await contributingTab(coordinator)).kind, 'cpu');
    await says(page, 'Contributing');
  });

  test('an address that is not secure: it says so, names the HTTPS address, and goes on by CPU', async (t) => {
    const coordinator = await runCoordinator(t);
    await coordinator.submit(ENDLESS);
    const port = new URL(coordinator.url).port;
    const browser = await openBrowser(t, ['--host-resolver-rules=MAP cluster.test 127.0.0.1']);
    const context = await visitor(browser, { engine: 'auto', intensity: 'All' });
    const { page, errors, fetched } = await visit(context, `http://cluster.test:${port}/`);
    assert.equal(
      await page.evaluate(() => isSecureContext || 'subtle' in crypto || 'locks' in navigator),
      false,
    );
    await panel(page).getByText(`https://cluster.test/`).waitFor();
    await panel(page).getByRole('button', { name: 'Start on the CPU' }).click();
    assert.equal((await contributingTab(coordinator)).kind, 'cpu');
    assert.ok(
      fetched.some((path) => /sha2/.test(path)),
      'the hash is computed by the library',
    );
    // Chromium says of the coordinator's header that it means nothing here.
    const ours = errors.filter((error) => !error.startsWith('The Cross-Origin-Opener-Policy header'));
    assert.deepEqual(ours, []);
  });

  test('automatic: a short measurement takes the faster one, once for a tab', async (t) => {
    const coordinator = await runCoordinator(t);
    await coordinator.submit(ENDLESS);
    const context = await visitor(await openBrowser(t), { engine: 'auto', intensity: 'All' });
    const { page } = await visit(context, coordinator.url);
    const told = page.waitForEvent('console', {
      predicate: (message) => message.text().startsWith('measured, in units per second'),
      timeout: PATIENCE_MS,
    });
    await startButton(page).click();
    // The adapter here is a rasteriser on this CPU, several times slower than WebAssembly; but on a busy machine either
    // may have been the faster one for that moment.
    const measured = (await told).text();
    const rate = (engine: string) => Number(new RegExp(`${engine}: (\\d+)`).exec(measured)?.[1]);
    const faster = rate('gpu') >= rate('cpu') ? 'gpu' : 'cpu';
    assert.ok(rate('gpu') + rate('cpu') > 0, measured);
    t.diagnostic(measured);
    const { kind } = await contributingTab(coordinator);
    assert.equal(kind, faster === 'gpu' ? 'browser-gpu' : 'cpu');
    await until(async () => {
      const remembered = await page.evaluate(() => sessionStorage.getItem('lend'));
      return remembered?.includes(`"faster":"${faster}"`);
    }, 'the tab remembers it');
  });
});
