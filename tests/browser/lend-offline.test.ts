/** A network that is gone for real, and back: nothing that was computed meanwhile is lost or counted twice. */
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { nodeStatus } from '../../protocol/http.ts';
import { buildPages } from '../../scripts/build-pages.ts';
import { computed, makeBatch } from '../batches.ts';
import { runCoordinator } from '../coordinator/running.ts';
import { openForwarder } from './forwarder.ts';
import {
  PATIENCE_MS,
  contributingTab,
  openBrowser,
  panel,
  says,
  skip,
  startButton,
  tabs,
  until,
  visit,
  visitor,
} from './lending.ts';

const END = 600_000_000n;
/** How long the batch that is cut should take yet: by time, as machines differ by tens. */
const LEFT_MS = 3000;

suite('offline', { skip }, () => {
  before(() => buildPages());

  test('the network is cut in the middle of a batch and comes back: it says so, computes on, hands in once', async (t) => {
    const coordinator = await runCoordinator(t);
    const network = await openForwarder(t, coordinator.url);
    const job = await coordinator.submit(String(END));
    const browser = await openBrowser(t);
    // So little that the batch outlasts the cut's beginning.
    const context = await visitor(browser, { engine: 'cpu', intensity: 'Trace' });
    const { page } = await visit(context, network.url);
    await startButton(page).click();
    const { node_id } = await contributingTab(coordinator);
    // The first batches are short. One that lasts for a while yet outlasts the moment until the page knows.
    await until(
      async () =>
        (await tabs(coordinator)).some(
          ({ leases: [lease] }) =>
            typeof lease?.expected_at === 'string' && Date.parse(lease.expected_at) - Date.now() > LEFT_MS,
        ),
      'it is in the middle of a long batch',
    );

    await network.cut();
    await says(page, 'Contributing, offline');
    await panel(page).getByText('Working offline').first().waitFor({ timeout: PATIENCE_MS });
    await page.locator('.cluster-now[data-stale=yes]').first().waitFor({ timeout: PATIENCE_MS });
    const cut = nodeStatus.parse((await coordinator.ask(`/api/nodes/${node_id}`)).body);
    const [held] = cut.leases;
    assert.ok(held !== undefined, 'the lease is kept while it may come back');
    // It computes the whole batch while nobody hears of it: the result waits.
    await panel(page).locator('tr [data-state=sending]').first().waitFor({ timeout: PATIENCE_MS });
    const meanwhile = nodeStatus.parse((await coordinator.ask(`/api/nodes/${node_id}`)).body);
    assert.equal(meanwhile.units_done, cut.units_done, 'nothing arrives while it is cut');

    await network.mend();
    await says(page, 'Contributing');
    const back = await until(
      async () =>
        (await tabs(coordinator)).find(({ leases }) =>
          leases.every(({ lease_id }) => lease_id !== held.lease_id),
        ),
      'the result of the batch that was cut arrives',
    );
    assert.equal(back.node_id, node_id);
    const handedIn = BigInt(back.units_done) - BigInt(cut.units_done);
    assert.ok(handedIn >= BigInt(held.end) - BigInt(held.start), `${handedIn} of the whole batch`);
    await page.locator('.cluster-now[data-stale=no]').first().waitFor({ timeout: PATIENCE_MS });
    await panel(page).getByRole('slider', { name: 'Intensity' }).press('End');

    await coordinator.completed(job);
    const { body } = await coordinator.ask(`/api/results/${job}`);
    const batch = makeBatch('collatz', { start: '1', end: String(END) }, { tileLength: END });
    const exact = batch.workload.result(batch.parameters, await computed(batch));
    assert.deepEqual((body as { result: unknown }).result, JSON.parse(JSON.stringify(exact)));
    // One worker computed all of it, each number once.
    const { units_done } = nodeStatus.parse((await coordinator.ask(`/api/nodes/${node_id}`)).body);
    assert.equal(units_done, String(END - 1n));
  });
});
