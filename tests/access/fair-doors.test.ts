/** Two users, one of whom asks as often as the limits let it, and more: what that does to the other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { DEFAULT_RATES } from '../../coordinator/access/limits.ts';
import { quantiles } from './honest.ts';
import { observe } from './observed.ts';
import type { Observed } from './observed.ts';
import { busyReport } from './busy-thread.ts';
import type { BusyOrder } from './busy-thread.ts';

const ROUNDS = 150;

/** Submits a job and looks at the cluster, `ROUNDS` times. */
async function use(coordinator: Observed, key: string): Promise<string> {
  const submits: number[] = [];
  const reads: number[] = [];
  const timed = async (into: number[], act: () => Promise<{ readonly status: number }>, expected: number) => {
    const started = performance.now();
    const { status } = await act();
    into.push(performance.now() - started);
    assert.equal(status, expected);
  };
  for (let i = 0; i < ROUNDS; i++) {
    const body = { type: 'collatz', parameters: { start: '1', end: '100' } };
    await timed(submits, () => coordinator.ask('POST', '/api/submit', key, body), 202);
    await timed(reads, () => coordinator.ask('GET', '/api/status', key), 200);
  }
  return `submit ${quantiles(submits)}; status ${quantiles(reads)}`;
}

test('one user asks without end: the other’s requests go on, and none is refused', async (t) => {
  const coordinator = await observe(t, {
    LOG_LEVEL: 'info',
    RATE_REQUESTS: String(DEFAULT_RATES.requests),
    RATE_SUBMITS: String(DEFAULT_RATES.submits),
  });
  const [first, mallory] = [
    await coordinator.key('submitter', 'ada'),
    await coordinator.key('submitter', 'mallory'),
  ];
  t.diagnostic(`before: ${await use(coordinator, first.key)}`);
  const order: BusyOrder = { url: coordinator.url, key: mallory.key, connections: 16 };
  const thread = new Worker(new URL('busy-thread.ts', import.meta.url), { workerData: order });
  t.after(() => thread.terminate());
  // A key of her own for each part: the bucket of one that has been used is not full at once.
  const second = await coordinator.key('submitter', 'ada');
  await once(thread, 'message');
  t.diagnostic(`during: ${await use(coordinator, second.key)}`);
  const over = once(thread, 'message').then(([told]: unknown[]) => told);
  thread.postMessage('stop');
  const { answered, refused } = busyReport.parse(await over);
  t.diagnostic(`the other was answered ${answered} times and refused ${refused} times`);
  assert.ok(refused > 0, 'it came to its limit');
  const third = await coordinator.key('submitter', 'ada');
  t.diagnostic(`after: ${await use(coordinator, third.key)}`);
  await coordinator.stop();
  coordinator.assertNothingBroke();
});
