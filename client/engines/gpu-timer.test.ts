import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timedMs } from './gpu-timer.ts';

const stamps = (begin: bigint, end: bigint) => BigUint64Array.of(begin, end).buffer;

test('time stamps give milliseconds', () => {
  assert.equal(timedMs(stamps(5_000_000n, 55_500_000n), 60), 50.5);
});

test('time stamps that can’t be true are left out', () => {
  assert.equal(timedMs(stamps(0n, 0n), 60), undefined);
  assert.equal(timedMs(stamps(7n, 7n), 60), undefined);
  assert.equal(timedMs(stamps(9_000_000n, 5_000_000n), 60), undefined);
  assert.equal(timedMs(stamps(1n, 100_000_000n), 60), undefined);
});
