import assert from 'node:assert/strict';
import test from 'node:test';
import { Latencies } from './latencies.ts';

const near = (value: number, expected: number) =>
  assert.ok(Math.abs(value - expected) <= 0.012 * expected, `${value} is not ${expected} within 1.2 %`);

test('percentiles are right within a bucket, over seven orders of magnitude', () => {
  for (const scale of [0.01, 1, 100, 100_000]) {
    const latencies = new Latencies();
    for (let i = 1; i <= 1000; i++) latencies.add(i * scale);
    for (const share of [0.5, 0.9, 0.99, 0.999, 1]) near(latencies.percentile(share), share * 1000 * scale);
  }
});

test('counts of several processes add up, and what came before is taken away', () => {
  const one = new Latencies();
  const other = new Latencies();
  for (let i = 0; i < 10; i++) one.add(1);
  const before = one.counts();
  for (let i = 0; i < 90; i++) one.add(10);
  for (let i = 0; i < 10; i++) other.add(100);
  one.merge(other.counts());
  assert.equal(one.count, 110);
  one.minus(before);
  assert.equal(one.count, 100);
  near(one.percentile(0.01), 10);
  near(one.percentile(0.9), 10);
  near(one.percentile(0.91), 100);
});

test('without any there is no percentile', () => {
  assert.ok(Number.isNaN(new Latencies().percentile(0.5)));
});
