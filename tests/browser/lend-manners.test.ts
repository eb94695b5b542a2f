/** Intensity, pauses and Stop, measured from outside: by the processor time of Chromium's processes. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { before, suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.ts';
import { runCoordinator } from '../coordinator/running.ts';
import {
  contributingTab,
  openBrowser,
  panel,
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

const ENDLESS = String(10n ** 15n);
/** Of /proc: processor time is counted in hundredths of a second. */
const TICK_MS = 10;
/** In each CPU thread: the page hears of every piece that ends from then on. */
const TELL_ENDS = `{
  const ends = new BroadcastChannel('piece-ends');
  const post = globalThis.postMessage;
  globalThis.postMessage = (...message) => {
    ends.postMessage('');
    post(...message);
  };
}`;
const noProc = process.platform === 'linux' ? false : 'processor times are read from /proc';

async function contributing(t: TestContext, settings: Settings) {
  const coordinator = await runCoordinator(t);
  await coordinator.submit(ENDLESS);
  const mark = `--lending-test-${process.pid}-${Math.random().toString(36).slice(2)}`;
  const context = await visitor(await openBrowser(t, [mark]), settings);
  const { page } = await visit(context, coordinator.url);
  page.on('worker', (worker) => {
    // A thread may end while it is asked.
    if (worker.url().includes('cpu-web-thread')) worker.evaluate(TELL_ENDS).catch(() => undefined);
  });
  await page.evaluate(() => {
    let ended = 0;
    Reflect.set(globalThis, 'piecesEnded', ended);
    new BroadcastChannel('piece-ends').addEventListener('message', () =>
      Reflect.set(globalThis, 'piecesEnded', ++ended),
    );
  });
  await startButton(page).click();
  await contributingTab(coordinator);
  await says(page, 'Contributing');
  return { coordinator, page, cpu_ms: () => processorTime_ms(mark) };
}

suite('manners of a page that lends', { skip: skip === false ? noProc : skip }, () => {
  before(() => buildPages());

  test('Stop: the threads end, in a time that is told, and what is done is handed back', async (t) => {
    const { coordinator, page } = await contributing(t, { engine: 'cpu', intensity: 'All' });
    await until(async () => ((await tabs(coordinator))[0]?.leases.length ?? 0) > 0, 'it holds a lease');
    const ended_ms = await page.evaluate(async () => {
      const stop = [...document.querySelectorAll('button')].find((button) => button.textContent === 'Stop');
      const begun_ms = performance.now();
      stop?.click();
      // The panel offers the start again once the threads are gone.
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        const text = document.querySelector('.lend')?.textContent ?? '';
        if (text.includes('Start contributing')) return performance.now() - begun_ms;
      }
    });
    t.diagnostic(`Stop to the end of all computing threads, hand-back included: ${Math.round(ended_ms)} ms`);
    await until(async () => (await tabs(coordinator)).length === 0, 'nothing is held any more');
    const { body } = await coordinator.ask('/api/status');
    assert.match(JSON.stringify(body), /"connected":0/);
  });

  test('hidden: it pauses at once, keeps its lease, and goes on when it is seen again', async (t) => {
    const { coordinator, page, cpu_ms } = await contributing(t, { engine: 'cpu', intensity: 'All' });
    const coresBusy = async (): Promise<number> => {
      const [begun_ms, before_ms] = [performance.now(), cpu_ms()];
      await page.waitForTimeout(1500);
      return (cpu_ms() - before_ms) / (performance.now() - begun_ms);
    };
    await until(async () => (await piecesEnded(page)) > 0, 'pieces end, told by their threads');
    const computing = await coresBusy();
    await setVisibility(page, 'hidden');
    await says(page, /^Paused/);
    // Compared with computing, since idle drawing, too, takes a slow machine's processor.
    await until(async () => {
      const before = await piecesEnded(page);
      const paused = await coresBusy();
      t.diagnostic(
        `busy cores: ${computing.toFixed(2)} while it computes, ${paused.toFixed(2)} while paused`,
      );
      return (await piecesEnded(page)) === before && paused < computing / 2;
    }, 'for a while no piece is computed, and the processor rests');
    const node = await until(async () => {
      const [tab] = await tabs(coordinator);
      return tab?.state === 'paused' ? tab : undefined;
    }, 'the coordinator knows that it is paused');
    await setVisibility(page, 'visible');
    await says(page, 'Contributing');
    const { batches_done } = node;
    await contributingTab(coordinator, batches_done + 1);
  });

  test('intensity: Trace computes a twentieth of the time, All as much as it gets; changed while it runs', async (t) => {
    const { page } = await contributing(t, { engine: 'cpu', intensity: 'Trace' });
    const slider = panel(page).getByRole('slider', { name: 'Intensity' });
    await page.waitForTimeout(6000);
    const trace = await until(async () => {
      const share = await shownShare(page);
      return share >= 1 && share <= 12 ? share : undefined;
    }, 'it is busy for some hundredths of the time at Trace');
    await slider.press('End');
    // Of a minute the seconds at Trace are still a part.
    const all = await until(async () => {
      const share = await shownShare(page);
      return share > 3 * trace ? share : undefined;
    }, `it is busy for much more of the time at All than ${trace} %`);
    t.diagnostic(`busy at Trace ${trace} %, at All ${all} %`);
    await stopButton(page).click();
  });
});

/** Mean busy share of the last minute, in percent, as the panel shows it. */
async function shownShare(page: Page): Promise<number> {
  const shown = panel(page).getByText(/^busy \d+ %$/);
  return Number(/\d+/.exec(await shown.innerText())?.[0]);
}

/** How many pieces the CPU threads have ended since the page heard of them first. */
function piecesEnded(page: Page): Promise<number> {
  return page.evaluate(() => Number(Reflect.get(globalThis, 'piecesEnded')));
}

async function setVisibility(page: Page, state: 'hidden' | 'visible'): Promise<void> {
  await page.evaluate((now) => {
    Object.defineProperty(document, 'visibilityState', { value: now, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
}

/** Of the browser that was started with this argument and of all that it started. */
function processorTime_ms(mark: string): number {
  const parents = new Map<number, number>();
  const times = new Map<number, number>();
  let root: number | undefined;
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      parents.set(pid, Number(fields[1]));
      times.set(pid, (Number(fields[11]) + Number(fields[12])) * TICK_MS);
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (command.includes(mark) && !command.includes('--type=')) root ??= pid;
    } catch {
      // It has ended meanwhile.
    }
  }
  const below = (pid: number): boolean => {
    for (let one: number | undefined = pid; one !== undefined && one > 1; one = parents.get(one)) {
      if (one === root) return true;
    }
    return false;
  };
  return [...times].filter(([pid]) => below(pid)).reduce((sum, [, ms]) => sum + ms, 0);
}
