import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Attempts, total } from './attempts.ts';
import type { Attempt } from './attempts.ts';

const own: Attempt = { nodeId: 'mill', own: true, message: 'no such instruction' };
const stranger = (nodeId: string): Attempt => ({ nodeId, own: false, message: 'no' });
const range = (start: number, end: number) => ({ start: BigInt(start), end: BigInt(end) });

test('attempts are counted for each number, however the batches were cut', () => {
  const attempts = new Attempts();
  assert.equal(total(attempts.record(range(0, 100), own)), 1);
  assert.equal(total(attempts.record(range(50, 150), stranger('a'))), 2);
  const worst = attempts.record(range(60, 70), own);
  assert.deepEqual([worst.start, worst.end, worst.own, worst.strangers], [60n, 70n, 2, 1]);
  assert.equal(total(attempts.record(range(100, 200), own)), 2, 'of [100, 150), once before');
  assert.equal(total(attempts.record(range(0, 10), own)), 2);
});

test('what was computed is forgotten, what lies beside it is not', () => {
  const attempts = new Attempts();
  attempts.record(range(0, 100), own);
  attempts.succeeded(range(20, 80));
  assert.equal(total(attempts.record(range(30, 40), own)), 1);
  assert.equal(total(attempts.record(range(10, 20), own)), 2);
  assert.equal(total(attempts.record(range(80, 100), own)), 2);
});

test('strangers are forgiven, own workers are not, and batches close in on what failed', () => {
  const attempts = new Attempts();
  attempts.record(range(100, 200), stranger('a'));
  const piece = attempts.record(range(100, 200), own);
  assert.deepEqual(piece.strangerIds, ['a']);
  attempts.forgive(piece, 50n);
  assert.equal(attempts.longestFrom(0n), 100n, 'up to where it begins');
  assert.equal(attempts.longestFrom(100n), 50n);
  assert.equal(attempts.longestFrom(170n), 50n);
  assert.equal(attempts.longestFrom(200n), undefined);
  const again = attempts.record(range(100, 150), stranger('b'));
  assert.deepEqual([again.own, again.strangers], [1, 1]);
});

test('a streak ends with the first batch that succeeds', () => {
  const attempts = new Attempts();
  attempts.batchFailed(own);
  const streak = attempts.batchFailed(stranger('a'));
  assert.deepEqual([streak.batches, streak.ownBatches, streak.nodes.size], [2, 1, 2]);
  assert.equal(attempts.last?.nodeId, 'a');
  attempts.succeeded(range(0, 1));
  assert.equal(attempts.streak, undefined);
  assert.equal(attempts.last, undefined);
});

test('what strangers can make it remember is bounded', () => {
  const attempts = new Attempts();
  attempts.record(range(0, 10), own);
  attempts.record(range(0, 10), own);
  for (let i = 0; i < 2000; i++) attempts.record(range(20 + 3 * i, 21 + 3 * i), stranger(`s${i}`));
  for (let i = 0; i < 100; i++) attempts.record(range(0, 10), stranger(`s${i}`));
  const worst = attempts.record(range(0, 10), own);
  assert.deepEqual([worst.own, worst.strangers], [3, 100], 'what failed most often is kept');
  assert.ok(worst.strangerIds.length <= 32);
  assert.ok(worst.strangerIds.includes('s99'), 'the latest of them');
});
