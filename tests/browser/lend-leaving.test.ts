/** A page that is left in the middle of a batch: what is done of it is counted, the rest is free at once. */
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { nodeStatus } from '../../protocol/http.ts';
import type { NodeStatus } from '../../protocol/http.ts';
import { buildPages } from '../../scripts/build-pages.ts';
import { computed, makeBatch } from '../batches.ts';
import { runCoordinator } from '../coordinator/running.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import {
  contributingTab,
  openBrowser,
  panel,
  skip,
  startButton,
  tabs,
  until,
  visit,
  visitor,
} from './lending.ts';

const LEAVES = process.env['TEST_FULL'] === '1' ? 8 : 3;
/**
 * A browser gives a page that is left half a second for its last words: on a machine that has not even that they are
 * lost, and its lease is free when its worker counts as silent. A way on which all were lost gets so many leaves more.
 */
const MORE_LEAVES = 3;
/** A lease is otherwise free only when its worker has been silent for 30 s. */
const AT_ONCE_MS = 25_000;
const END = 1_500_000_000n;

suite('a page that is left', { skip }, () => {
  before(() => buildPages());

  test('closed, left for another address and come back to, reloaded: each time it hands back, and the whole is exact', async (t) => {
    const coordinator = await runCoordinator(t);
    const job = await coordinator.submit(String(END));
    const browser = await openBrowser(t);
    // So little that a batch lasts while the page is left.
    const context = await visitor(browser, { engine: 'cpu', intensity: 'Trace' });
    const elsewhere = coordinator.url.replace('127.0.0.1', 'localhost');

    const closed = await leaveOften(t, coordinator, context, 'closed', async (page) => {
      await page.close();
      return undefined;
    });
    const left = await leaveOften(
      t,
      coordinator,
      context,
      'left for another address',
      async (page, worker) => {
        await page.goto(`${elsewhere}/cluster.html`);
        return async () => {
          await page.goBack();
          await until(
            async () => (await nodeOf(coordinator, worker)).leases.length > 0,
            'it goes on when it is come back to',
          );
          await page.close();
        };
      },
    );
    const reloaded = await leaveOften(t, coordinator, context, 'reloaded', async (page) => {
      await page.reload();
      return () => page.close();
    });
    for (const [how, times] of Object.entries({ closed, left, reloaded }))
      assert.ok(times > 0, `${how}: it never handed back`);
    assert.ok(closed + left + reloaded >= LEAVES, `handed back: ${closed} + ${left} + ${reloaded}`);

    await until(async () => (await tabs(coordinator)).length === 0, 'all are gone');
    const eager = await visitor(browser, { engine: 'cpu', intensity: 'All' });
    const { page } = await visit(eager, coordinator.url);
    await startButton(page).click();
    await coordinator.completed(job);
    const { body } = await coordinator.ask(`/api/results/${job}`);
    const batch = makeBatch('collatz', { start: '1', end: String(END) }, { tileLength: END });
    const exact = batch.workload.result(batch.parameters, await computed(batch));
    assert.deepEqual((body as { result: unknown }).result, JSON.parse(JSON.stringify(exact)));
  });
});

/** @param leave gives what is done with the page afterwards @returns how often it handed back */
async function leaveOften(
  t: TestContext,
  coordinator: TestCoordinator,
  context: BrowserContext,
  how: string,
  leave: (page: Page, worker: string) => Promise<(() => Promise<void>) | undefined>,
): Promise<number> {
  let handedBack = 0;
  const free_ms: number[] = [];
  for (let round = 0; round < LEAVES || (handedBack === 0 && round < LEAVES + MORE_LEAVES); round++) {
    const { page } = await visit(context, coordinator.url);
    await startButton(page).click();
    const { node_id } = await contributingTab(coordinator);
    const before = await inTheMiddle(coordinator, page, node_id);
    const begun_ms = performance.now();
    const after = await leave(page, node_id);
    const held = before.leases.map(({ lease_id }) => lease_id);
    const free = await until(async () => {
      const now = await nodeOf(coordinator, node_id);
      return now.leases.every(({ lease_id }) => !held.includes(lease_id)) ? now : undefined;
    }, `${how}: the lease is free`);
    const waited_ms = performance.now() - begun_ms;
    free_ms.push(waited_ms);
    if (waited_ms < AT_ONCE_MS && BigInt(free.units_done) > BigInt(before.units_done)) handedBack++;
    await after?.();
    if (!page.isClosed()) await page.close();
    await until(async () => (await tabs(coordinator)).length === 0, `${how}: it is gone`);
  }
  t.diagnostic(
    `${how}: ${handedBack} of ${free_ms.length} handed back, free after ${free_ms.map(Math.round).join(', ')} ms`,
  );
  return handedBack;
}

/** The worker as it is when a tenth of its batch is done, and much is left. */
async function inTheMiddle(coordinator: TestCoordinator, page: Page, worker: string): Promise<NodeStatus> {
  const running = panel(page).locator('tr', { has: page.locator('[data-state=running]') });
  return until(async () => {
    const [shown] = await running.evaluateAll((rows) =>
      rows.map((row) => ({
        range: row.getAttribute('title'),
        done: Number(/\d+/.exec(row.querySelector('.number')?.textContent ?? '')?.[0] ?? '0'),
      })),
    );
    if (shown === undefined || shown.done < 10 || shown.done > 60) return undefined;
    const node = await nodeOf(coordinator, worker);
    // The panel is up to half a second behind: it may show the batch before.
    const [held, ...more] = node.leases;
    return held !== undefined && more.length === 0 && shown.range === `${held.start}–${held.end}`
      ? node
      : undefined;
  }, 'it is in the middle of a batch');
}

async function nodeOf(coordinator: TestCoordinator, worker: string): Promise<NodeStatus> {
  const { body } = await coordinator.ask(`/api/nodes/${worker}`);
  return nodeStatus.parse(body);
}
