/** A page whose frames slip computes in shorter pieces, and in longer ones again when it is smooth. */
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import type { Page, Worker } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.ts';
import { runCoordinator } from '../coordinator/running.ts';
import { contributingTab, openBrowser, skip, startButton, until, visit, visitor } from './lending.ts';

const ENDLESS = String(10n ** 15n);
const PIECES = 12;

/** In each computing thread: the lengths of the pieces that it is given go to the page. */
const TELL_LENGTHS = `
  const lengths = new BroadcastChannel('piece-lengths');
  addEventListener('message', ({ data }) => {
    if (data.kind === 'run') lengths.postMessage(Number(data.end - data.start));
  });`;

suite('frames of a page that lends', { skip }, () => {
  before(() => buildPages());

  test('pieces are halved twice while the page is busy, and grow back when its frames come evenly', async (t) => {
    const coordinator = await runCoordinator(t);
    // Far from 1, where numbers cost the same for long.
    const { status } = await coordinator.post('/api/submit', {
      type: 'collatz',
      parameters: { start: String(2n ** 40n), end: ENDLESS },
    });
    assert.equal(status, 202);
    const context = await visitor(await openBrowser(t), { engine: 'cpu', intensity: 'Light' });
    // Evenly: by a clock that the test can set to a display's, since this machine's frames depend on its neighbours.
    await context.addInitScript(() => {
      const request = requestAnimationFrame.bind(globalThis);
      let even_ms: number | undefined;
      globalThis.requestAnimationFrame = (draw) =>
        request((at_ms) => {
          even_ms = Reflect.get(globalThis, 'even') === true ? (even_ms ?? at_ms) + 1000 / 60 : undefined;
          draw(even_ms ?? at_ms);
        });
      Reflect.set(globalThis, 'even', true);
    });
    const { page } = await visit(context, coordinator.url);
    await page.evaluate(() => {
      const lengths: number[] = [];
      Reflect.set(globalThis, 'lengths', lengths);
      new BroadcastChannel('piece-lengths').addEventListener('message', ({ data }) =>
        lengths.push(Number(data)),
      );
    });
    page.on('worker', (worker: Worker) => {
      if (worker.url().includes('cpu-web-thread')) void worker.evaluate(TELL_LENGTHS);
    });
    await startButton(page).click();
    await contributingTab(coordinator, 2);
    const usual = await usualLength(page);

    await page.evaluate(() => Reflect.set(globalThis, 'even', false));
    const slipping = page.evaluate(async () => {
      const end_ms = performance.now() + 4000;
      while (performance.now() < end_ms) {
        const busy_ms = performance.now() + 80;
        while (performance.now() < busy_ms);
        await new Promise(requestAnimationFrame);
      }
    });
    await slipping;
    await page.evaluate(() => Reflect.set(globalThis, 'even', true));
    const short = await usualLength(page);
    t.diagnostic(`numbers in a piece: ${usual} usually, ${short} when frames slip`);
    assert.ok(short < usual / 2, `${short} of ${usual}`);

    const long = await until(async () => {
      const now = await usualLength(page);
      return now > short * 2 ? now : undefined;
    }, 'pieces grow back');
    t.diagnostic(`numbers in a piece when they come evenly again: ${long}`);
  });
});

/** Median of the next pieces. */
async function usualLength(page: Page): Promise<number> {
  await page.evaluate(() => {
    const lengths: unknown = Reflect.get(globalThis, 'lengths');
    if (Array.isArray(lengths)) lengths.length = 0;
  });
  return until(async () => {
    const lengths = await page.evaluate(() => {
      const all: unknown = Reflect.get(globalThis, 'lengths');
      return Array.isArray(all) ? all.map(Number) : [];
    });
    if (lengths.length < PIECES) return undefined;
    return lengths.toSorted((a, b) => a - b)[Math.floor(lengths.length / 2)];
  }, 'pieces are computed');
}
