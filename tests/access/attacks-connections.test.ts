/** Thousands of connections from one address, and those that send as slowly as they can, beside an honest client. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { DEFAULT_CONNECTIONS_PER_ADDRESS } from '../../coordinator/access/limits.ts';
import { DEFAULT_GATEWAY_LIMITS } from '../../coordinator/gateway/gateway.ts';
import { clusterStatus } from '../../protocol/http.ts';
import { floodReport } from './flood-thread.ts';
import type { FloodOrder, FloodReport } from './flood-thread.ts';
import { latencies, quantiles } from './honest.ts';
import { observe } from './observed.ts';
import type { Observed } from './observed.ts';
import { requestText, sendRaw } from './raw-http.ts';

const MANY = 5000;
const MOST_GROWN_MB = 200;
/** For as long as this the honest client is measured on its own. */
const QUIET_REQUESTS = 200;
const HONEST = '127.0.0.2';

/** Runs the flood in a thread of its own. `stop` closes its connections. */
function startFlood(
  t: TestContext,
  order: FloodOrder,
): { readonly decided: Promise<FloodReport>; readonly stop: () => Promise<void> } {
  const thread = new Worker(new URL('flood-thread.ts', import.meta.url), { workerData: order });
  t.after(() => thread.terminate());
  const decided = once(thread, 'message').then(([report]: unknown[]) => floodReport.parse(report));
  const ended = once(thread, 'exit');
  return {
    decided,
    stop: async () => {
      thread.postMessage('stop');
      await ended;
    },
  };
}

/** Each from the honest address, one after another: none may be refused. */
async function quiet({ port }: Observed): Promise<string> {
  const took: number[] = [];
  for (let i = 0; i < QUIET_REQUESTS; i++) {
    const started = performance.now();
    const reply = await sendRaw({ port, from: HONEST }, requestText('GET', '/api/status'));
    took.push(performance.now() - started);
    assert.equal(reply.status, 200);
    clusterStatus.parse(JSON.parse(reply.text));
  }
  return quantiles(took);
}

async function attack(
  t: TestContext,
  coordinator: Observed,
  order: Omit<FloodOrder, 'port' | 'key'>,
): Promise<FloodReport & { readonly took_ms: number }> {
  const { key } = await coordinator.key('submitter', 'mallory');
  const memory_mb = coordinator.memory_mb();
  const before = await quiet(coordinator);
  const began = performance.now();
  const flood = startFlood(t, { ...order, port: coordinator.port, key });
  const during = await latencies({ port: coordinator.port, from: HONEST }, flood.decided);
  const report = { ...(await flood.decided), took_ms: performance.now() - began };
  const held = await quiet(coordinator);
  const grown = coordinator.memory_mb() - memory_mb;
  await flood.stop();
  t.diagnostic(
    `${order.count} × ${order.kind}: ${report.served} served, ${report.cut} cut; ${grown} MB more than ${memory_mb} MB`,
  );
  t.diagnostic(
    `an honest client before: ${before}; during: ${quantiles(during)}; while they are held: ${held}; after: ${await quiet(coordinator)}`,
  );
  assert.ok(grown < MOST_GROWN_MB, `${grown} MB`);
  return report;
}

suite(`${MANY} connections from one address`, () => {
  for (const kind of ['idle', 'websocket'] as const) {
    test(`that are ${kind}: no more than its share is held, and others are served`, async (t) => {
      const coordinator = await observe(t, {
        CONNECTIONS_PER_ADDRESS: String(DEFAULT_CONNECTIONS_PER_ADDRESS),
      });
      const { served, took_ms } = await attack(t, coordinator, { kind, count: MANY });
      // A websocket that says nothing is closed then, and its place is another one's: on a slow machine while others still come.
      const shares = kind === 'websocket' ? 1 + Math.floor(took_ms / DEFAULT_GATEWAY_LIMITS.join_ms) : 1;
      assert.ok(served <= shares * DEFAULT_CONNECTIONS_PER_ADDRESS, `${served} were held`);
      assert.ok(
        served > DEFAULT_CONNECTIONS_PER_ADDRESS / 2,
        `${served} were held: the share is not taken away`,
      );
      await coordinator.stop();
      coordinator.assertNothingBroke();
    });
  }

  test('to the metrics port are held within the same share', async (t) => {
    const coordinator = await observe(t, { CONNECTIONS_PER_ADDRESS: '20' });
    const port = Number(new URL(coordinator.metricsUrl).port);
    const flood = startFlood(t, { kind: 'idle', count: 500, port, key: '' });
    const { served } = await flood.decided;
    assert.ok(served <= 20 && served > 10, `${served} were held`);
    await flood.stop();
  });
});

suite('slow senders', () => {
  for (const kind of ['headers', 'body'] as const) {
    test(`of ${kind} are told and cut, and others are served meanwhile`, async (t) => {
      const coordinator = await observe(t);
      // All of them get their answer: that they were too slow.
      const { served } = await attack(t, coordinator, { kind, count: 400 });
      assert.equal(served, 400);
      await coordinator.stop();
      coordinator.assertNothingBroke();
    });
  }
});
