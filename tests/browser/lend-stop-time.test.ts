/** When computing ends after Stop, told by the threads that compute; times are printed, not asserted. */
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Page, Worker } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.ts';
import { runCoordinator } from '../coordinator/running.ts';
import {
  contributingTab,
  openBrowser,
  skip,
  startButton,
  stopButton,
  tabs,
  until,
  visit,
  visitor,
} from './lending.ts';

const STOPS = process.env['TEST_FULL'] === '1' ? 12 : 3;
const END = String(2n ** 60n);
const JOBS = {
  'collatz statistics': { type: 'collatz', parameters: { start: '1', end: END } },
  'collatz verify': { type: 'collatz', parameters: { start: '1', end: END, mode: 'verify' } },
  thread: { type: 'thread', parameters: { thread_count: 1_000_000_000, max_depth: 14 } },
} as const;

/** In each thread: the ends of pieces go to a channel that outlives it. */
const TELL_ENDS: Readonly<Record<'cpu' | 'gpu', string>> = {
  cpu: `
    const ends = new BroadcastChannel('piece-ends');
    const post = globalThis.postMessage;
    globalThis.postMessage = (...message) => {
      ends.postMessage(performance.timeOrigin + performance.now());
      post(...message);
    };`,
  gpu: `
    const ends = new BroadcastChannel('piece-ends');
    const map = GPUBuffer.prototype.mapAsync;
    GPUBuffer.prototype.mapAsync = async function (...range) {
      await map.apply(this, range);
      ends.postMessage(performance.timeOrigin + performance.now());
    };`,
};

/** In the thread that hands out pieces: when it hears of Stop. */
const TELL_STOP = `
  const heard = new BroadcastChannel('stop-heard');
  addEventListener('message', ({ data }) => {
    if (data.path?.[0] === 'stop') heard.postMessage(performance.timeOrigin + performance.now());
  });`;

suite('Stop ends computing', { skip }, () => {
  before(() => buildPages());

  for (const engine of ['cpu', 'gpu'] as const) {
    for (const [name, job] of Object.entries(JOBS)) {
      test(`${name} by ${engine === 'cpu' ? 'WebAssembly' : 'WebGPU'} at All: threads tell when it ends`, (t) =>
        stops(t, engine, name, job));
    }
  }
});

async function stops(t: TestContext, engine: 'cpu' | 'gpu', name: string, job: object): Promise<void> {
  const coordinator = await runCoordinator(t);
  const { status } = await coordinator.post('/api/submit', job);
  assert.equal(status, 202);
  const context = await visitor(await openBrowser(t), { engine, intensity: 'All' });
  const { page } = await visit(context, coordinator.url);
  const thread = engine === 'cpu' ? /cpu-web-thread/ : /contribution-thread/;
  const told: Promise<unknown>[] = [];
  page.on('worker', (worker: Worker) => {
    // A thread of the round before may end while it is asked.
    const ask = (what: string) => told.push(worker.evaluate(what).catch(() => undefined));
    if (thread.test(worker.url())) ask(TELL_ENDS[engine]);
    if (worker.url().includes('contribution-thread')) ask(TELL_STOP);
  });
  await page.evaluate(() => {
    const ends: number[] = [];
    Reflect.set(globalThis, 'pieceEnds', ends);
    new BroadcastChannel('stop-heard').addEventListener('message', ({ data }) =>
      Reflect.set(globalThis, 'heard_ms', Number(data)),
    );
    new BroadcastChannel('piece-ends').addEventListener('message', ({ data }) => ends.push(Number(data)));
  });
  const times_ms: number[] = [];
  const heard_all_ms: number[] = [];
  for (let stop = 0; stop < STOPS; stop++) {
    await startButton(page).click();
    await contributingTab(coordinator);
    await until(async () => (await tabs(coordinator))[0]?.leases.length, 'it holds a lease');
    await Promise.all(told.splice(0));
    const { before, after_ms, heard_ms } = await stopOnce(page);
    assert.ok(before > 0, 'pieces ended before Stop');
    times_ms.push(after_ms);
    heard_all_ms.push(heard_ms);
    await until(async () => (await tabs(coordinator)).length === 0, 'it has gone');
  }
  t.diagnostic(
    `${name} by ${engine}: last piece after Stop, ${summary(times_ms)} of ${STOPS}; heard of by the threads, ${summary(heard_all_ms)}`,
  );
}

function summary(times_ms: readonly number[]): string {
  const sorted = times_ms.toSorted((a, b) => a - b);
  const at = (index: number) => Math.round(sorted[index] ?? Number.NaN);
  return `median ${at(Math.floor(sorted.length / 2))} ms, most ${at(sorted.length - 1)} ms`;
}

/** @returns how many pieces ended before Stop, and how long after it the last one did */
async function stopOnce(page: Page): Promise<{ before: number; after_ms: number; heard_ms: number }> {
  await stopButton(page).waitFor();
  await page.evaluate(() => {
    const ends: unknown = Reflect.get(globalThis, 'pieceEnds');
    if (Array.isArray(ends)) ends.length = 0;
  });
  const ended = () =>
    page.evaluate(() => {
      const ends: unknown = Reflect.get(globalThis, 'pieceEnds');
      return Array.isArray(ends) && ends.length > 20;
    });
  await until(ended, 'pieces end, told by their threads');
  await page.evaluate(() => {
    const stop = [...document.querySelectorAll('button')].find((button) => button.textContent === 'Stop');
    Reflect.set(globalThis, 'stopped_ms', performance.timeOrigin + performance.now());
    stop?.click();
  });
  await startButton(page).waitFor();
  return page.evaluate(() => {
    const stopped_ms = Number(Reflect.get(globalThis, 'stopped_ms'));
    const ends: unknown = Reflect.get(globalThis, 'pieceEnds');
    const all = Array.isArray(ends) ? ends.map(Number) : [];
    const before = all.filter((end_ms) => end_ms <= stopped_ms).length;
    const heard_ms = Number(Reflect.get(globalThis, 'heard_ms')) - stopped_ms;
    return { before, after_ms: Math.max(0, (all.at(-1) ?? 0) - stopped_ms), heard_ms };
  });
}
