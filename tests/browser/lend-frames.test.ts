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
    // Frames come by a clock of the test's, evenly or every other one late: this machine's depend on its neighbours.
    await context.addInitScript(() => {
      const request = requestAnimationFrame.bind(globalThis);
      let told_ms: number | undefined;
      let frame_ms: number | undefined;
      let late = false;
      globalThis.requestAnimationFrame = (draw) =>
        request((at_ms) => {
          // Whoever asked for it is told the same time of one frame.
          if (at_ms !== frame_ms) {
            late = Reflect.get(globalThis, 'even') !== true && !late;
            told_ms = (told_ms ?? at_ms) + (late ? 100 : 1000 / 30);
          }
          frame_ms = at_ms;
          draw(told_ms ?? at_ms);
        });
      Reflect.set(globalThis, 'even', true);
      const scales: number[] = [];
      Reflect.set(globalThis, 'scales', scales);
      const post = Worker.prototype.postMessage;
      Worker.prototype.postMessage = function (
        message: Readonly<Record<string, unknown>>,
        ...rest: unknown[]
      ) {
        const [argument = {}] = Object.values(Object(message['argumentList']) as Record<string, object>);
        if (String(message['path']) === 'setPieceScale') scales.push(Number(Reflect.get(argument, 'value')));
        Reflect.apply(post, this, [message, ...rest]);
      };
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
    await page.evaluate(() => {
      const slip = () => {
        if (Reflect.get(globalThis, 'even') === true) return;
        const busy_ms = performance.now() + 80;
        while (performance.now() < busy_ms);
        requestAnimationFrame(slip);
      };
      requestAnimationFrame(slip);
    });
    const shortened = await until(async () => {
      const told = await scales(page);
      return told.length >= 2 ? told : undefined;
    }, 'pieces are shortened twice');
    assert.deepEqual(shortened, [0.5, 0.25], 'no further, however busy the page is');
    const short = await usualLength(page);
    // How long they become depends on the machine's neighbours too: client/engines/pacing.test.ts has the exact lengths.
    t.diagnostic(`numbers in a piece: ${usual} usually, ${short} when frames slip`);

    await page.evaluate(() => Reflect.set(globalThis, 'even', true));
    const grown = await until(async () => {
      const told = await scales(page);
      return told.at(-1) === 1 ? told : undefined;
    }, 'pieces grow back');
    assert.deepEqual(grown, [0.5, 0.25, 0.5, 1]);
    t.diagnostic(`numbers in a piece when they come evenly again: ${await usualLength(page)}`);
  });
});

/** What the page told its computing thread, in order. */
function scales(page: Page): Promise<number[]> {
  return page.evaluate(() => {
    const told: unknown = Reflect.get(globalThis, 'scales');
    return Array.isArray(told) ? told.map(Number) : [];
  });
}

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
