/** A tab that contributes, as the pages show it: what stands at "you" and "yours" is what the API says of it. */
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { rangeMap } from '../../client/browser/collatz/coverage-cells.ts';
import { shortRate } from '../../client/browser/cluster/job-text.ts';
import { jobCoverage, nodeStatus } from '../../protocol/http.ts';
import type { NodeStatus } from '../../protocol/http.ts';
import type { Lease } from '../../protocol/messages.ts';
import { buildPages } from '../../scripts/build-pages.ts';
import { runCoordinator } from '../coordinator/running.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import { join } from '../coordinator/worker-socket.ts';
import type { JoinedWorker } from '../coordinator/worker-socket.ts';
import {
  contributingTab,
  openBrowser,
  says,
  skip,
  startButton,
  tabs,
  until,
  visit,
  visitor,
} from './lending.ts';

/** Some dozen blocks of the map to a batch, which takes a CPU seconds; batches enough for any CPU and all looks. */
const JOB = { end: String(2n ** 36n), batch: { batch_size: 2 ** 29 } };
/** As the coordinator asks it of workers; one that says nothing for 30 s loses its leases. */
const HEARTBEAT_MS = 10_000;

suite('this device among the others', { skip }, () => {
  before(() => buildPages());

  test('the row of "you" and the cells that are yours are the API’s', async (t) => {
    const coordinator = await runCoordinator(t);
    const job = await coordinator.submit(JOB.end, JOB.batch);
    // Another one, whose lease is not yours.
    const other = await join(t, coordinator.url, { node_id: 'other' });
    const context = await visitor(await openBrowser(t), { engine: 'cpu', intensity: 'All' });
    const { page, errors } = await visit(context, coordinator.url);
    await startButton(page).click();
    const { node_id } = await contributingTab(coordinator);
    keep(t, other, await other.lease());
    await says(page, 'Contributing');

    await page.goto(`${coordinator.url}/cluster.html`);
    const row = page.locator('.device-row[data-own=yes]');
    await row.getByText('computing', { exact: true }).waitFor();
    assert.equal(await row.getAttribute('id'), `device-${node_id}`);
    // It computes on: the page and the API agree between two of its batches.
    await until(async () => {
      const before = figuresOf(await ask(coordinator, node_id));
      const shown = await rowOf(page);
      const after = figuresOf(await ask(coordinator, node_id));
      return same(before, after) && same(shown, after);
    }, 'the row says what the API says while it computes');
    await page.locator('.device-row').nth(1).waitFor();
    assert.equal(await page.locator('.device-row').count(), 2);
    assert.equal(await page.locator('.device-row[data-own=yes]').count(), 1);

    await page.goto(`${coordinator.url}/collatz.html?job=${job}`);
    await until(
      async () => ((await ask(coordinator, node_id)).leases.length > 0 ? true : undefined),
      'it holds a lease',
    );
    await until(async () => {
      const coverage = jobCoverage.parse((await coordinator.ask(`/api/jobs/${job}/coverage`)).body);
      const { holders } = rangeMap(coverage, node_id);
      const yours = holders.filter((holder) => holder === 'you').length;
      const held = holders.filter((holder) => holder !== 'nobody').length;
      // By the leases themselves: as many blocks as their ranges touch.
      const own = coverage.leased.filter((lease) => lease.node_id === node_id);
      const shown = (await page.locator('.map-picture').getAttribute('aria-label')) ?? '';
      return (
        own.length > 0 &&
        yours > 1 &&
        held > yours &&
        shown.replaceAll('\u202f', '').endsWith(`${held} are being computed, ${yours} of them yours`)
      );
    }, 'the map has as many cells that are yours as the API has blocks leased to this tab');
    assert.deepEqual(errors, []);
    assert.equal((await tabs(coordinator)).length, 1);
  });
});

/** Says that the lease is computed, until the test is over. */
function keep(t: TestContext, { socket }: JoinedWorker, { lease_id }: Lease): void {
  const beat = {
    state: 'computing',
    busy_fraction: 1,
    rate_per_second: 1000,
    leases: [{ lease_id, done: '0' }],
  };
  // Not by `request`, which rejects when the coordinator ends before its answer: that is how the test ends.
  const timer = setInterval(() => socket.emit('heartbeat', beat, () => undefined), HEARTBEAT_MS);
  t.after(() => clearInterval(timer));
}

async function ask(coordinator: TestCoordinator, node_id: string): Promise<NodeStatus> {
  return nodeStatus.parse((await coordinator.ask(`/api/nodes/${node_id}`)).body);
}

function figuresOf(node: NodeStatus): readonly string[] {
  return [
    node.state,
    shortRate(node.rate_per_second),
    `${node.batches_done} batches`,
    `${node.errors} errors`,
  ];
}

async function rowOf(page: Page): Promise<readonly string[]> {
  const row = page.locator('.device-row[data-own=yes]');
  const parts = ['.device-state', '.device-rate', '.device-batches', '.device-errors'];
  return Promise.all(parts.map(async (part) => (await row.locator(part).textContent()) ?? ''));
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.join('|') === other.join('|');
}
