import assert from 'node:assert/strict';
import test from 'node:test';
import { PER_ADDRESS, planWorkers, type Crowd } from './worker-plan.ts';

const crowd: Crowd = {
  seed: '7',
  urls: ['http://127.0.0.1:3000', 'http://127.0.0.1:3001'],
  active: 2000,
  idle: 500,
  pace: { kind: 'paced', per_second: 1000 },
  mixed: true,
};

test('the same seed draws the same crowd, in turn over the coordinators', () => {
  assert.deepEqual(planWorkers(crowd), planWorkers(crowd));
  const other = planWorkers({ ...crowd, seed: '8' });
  assert.notDeepEqual(
    planWorkers(crowd).map(({ interval_ms }) => interval_ms),
    other.map(({ interval_ms }) => interval_ms),
  );
  const plans = planWorkers(crowd);
  assert.deepEqual(
    plans.slice(0, 3).map(({ url }) => url),
    [crowd.urls[0], crowd.urls[1], crowd.urls[0]],
  );
});

test('together they send as many results as were asked for, and the idle none', () => {
  const plans = planWorkers(crowd);
  const perSecond = plans.reduce(
    (sum, { interval_ms }) => sum + (interval_ms === 0 ? 0 : 1000 / interval_ms),
    0,
  );
  assert.ok(Math.abs(perSecond - 1000) < 1e-6, String(perSecond));
  assert.ok(
    plans.slice(2000).every(({ behaviour, interval_ms }) => behaviour === 'idle' && interval_ms === 0),
  );
});

test('only a mixed crowd has slow and silent ones', () => {
  const kinds = (mixed: boolean) =>
    new Set(planWorkers({ ...crowd, mixed }).map(({ behaviour }) => behaviour));
  assert.deepEqual([...kinds(true)].sort(), ['computes', 'idle', 'silent', 'slow']);
  assert.deepEqual([...kinds(false)].sort(), ['computes', 'idle']);
});

test('no source address on loopback has more connections than it has ports for; elsewhere the system chooses', () => {
  const addresses = new Map<string | undefined, number>();
  for (const { localAddress } of planWorkers({ ...crowd, active: 19_000, idle: 1000 })) {
    addresses.set(localAddress, (addresses.get(localAddress) ?? 0) + 1);
  }
  assert.equal(addresses.size, 4);
  for (const [address, count] of addresses) {
    assert.match(address ?? '', /^127\.\d+\.\d+\.\d+$/);
    assert.ok(count <= PER_ADDRESS);
  }
  const [far] = planWorkers({ ...crowd, urls: ['http://[::1]:3000'] });
  assert.equal(far?.localAddress, undefined);
});
