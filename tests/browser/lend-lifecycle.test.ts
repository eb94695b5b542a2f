/** Lending over reloads, other pages, other tabs and a coordinator that restarts. */
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { startCoordinator } from '../../coordinator/start.ts';
import { buildPages } from '../../scripts/build-pages.ts';
import { runCoordinator } from '../coordinator/running.ts';
import {
  computingThreads,
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

const ENDLESS = String(10n ** 15n);
const CPU = { engine: 'cpu', intensity: 'All' } as const;

suite('lending goes on', { skip }, () => {
  before(() => buildPages());

  test('after a reload in the middle of a batch, and on the next page: by itself, as the same worker', async (t) => {
    const coordinator = await runCoordinator(t);
    await coordinator.submit(ENDLESS);
    const context = await visitor(await openBrowser(t), CPU);
    const { page } = await visit(context, coordinator.url);
    await startButton(page).click();
    const { node_id } = await contributingTab(coordinator);
    for (const leave of [() => page.reload(), () => page.goto(`${coordinator.url}/collatz.html`)]) {
      const lease = await until(
        async () => (await tabs(coordinator))[0]?.leases[0]?.lease_id,
        'it holds a lease',
      );
      await leave();
      const left_ms = performance.now();
      const again = await until(async () => {
        const [tab, ...others] = await tabs(coordinator);
        assert.deepEqual(others, []);
        return tab !== undefined &&
          tab.leases.length > 0 &&
          tab.leases.every((held) => held.lease_id !== lease)
          ? tab
          : undefined;
      }, 'it is back with another lease');
      t.diagnostic(`computing again ${Math.round(performance.now() - left_ms)} ms after the page was loaded`);
      assert.equal(again.node_id, node_id);
    }
    // Stop is remembered: of this tab, over a reload.
    await page.goto(coordinator.url);
    await stopButton(page).click();
    await startButton(page).waitFor();
    await page.reload();
    await startButton(page).waitFor();
  });

  test('one tab of a browser at a time: the second says so, and goes on when the first stops', async (t) => {
    const coordinator = await runCoordinator(t);
    await coordinator.submit(ENDLESS);
    const context = await visitor(await openBrowser(t), CPU);
    const first = await visit(context, coordinator.url);
    await startButton(first.page).click();
    const { node_id } = await contributingTab(coordinator);
    const second = await visit(context, coordinator.url);
    await startButton(second.page).click();
    await says(second.page, 'Another tab contributes');
    assert.equal(computingThreads(second.page).length, 0);
    assert.equal((await tabs(coordinator)).length, 1);
    await stopButton(first.page).click();
    const other = await until(
      async () => (await tabs(coordinator)).find((tab) => tab.node_id !== node_id && tab.batches_done > 0),
      'the second tab contributes',
    );
    assert.notEqual(other.node_id, node_id);
    await startButton(first.page).waitFor();
  });

  test('while the coordinator restarts: it computes on and hands in', async (t) => {
    const coordinator = await runCoordinator(t);
    const port = Number(new URL(coordinator.url).port);
    await coordinator.submit(ENDLESS);
    const context = await visitor(await openBrowser(t), CPU);
    const { page } = await visit(context, coordinator.url);
    await startButton(page).click();
    await contributingTab(coordinator);
    await coordinator.close();
    await says(page, /^(Offline|Connecting|Contributing, offline)$/);
    const again = await startCoordinator({
      host: '127.0.0.1',
      port,
      metricsPort: 0,
      dataDir: coordinator.dataDir,
      logLevel: 'silent',
      exitOnCrash: false,
    });
    t.after(() => again.close());
    const ask = async (path: string) => {
      const reply = await fetch(`${again.url}${path}`);
      const body: unknown = await reply.json();
      return { status: reply.status, headers: reply.headers, body };
    };
    await contributingTab({ ask });
    await says(page, 'Contributing');

    assert.equal(await panel(page).getByRole('alert').count(), 0);
  });
});
