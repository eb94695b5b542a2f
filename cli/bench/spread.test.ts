import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ratioOf, spreadOf } from './spread.ts';

test('the median is the middle value, or the mean of the two in the middle, whatever the order', () => {
  assert.deepEqual(spreadOf([30, 10, 20]), { median: 20, spread: 1, least: 10, most: 30 });
  assert.deepEqual(spreadOf([4, 1, 2, 3]), { median: 2.5, spread: 1.2, least: 1, most: 4 });
  assert.deepEqual(spreadOf([7]), { median: 7, spread: 0, least: 7, most: 7 });
  assert.deepEqual(spreadOf([9, 100, 10]).median, 10, 'numbers are not sorted as text');
});

test('values that are all 0 have no spread; no values have no median', () => {
  assert.deepEqual(spreadOf([0, 0]), { median: 0, spread: 0, least: 0, most: 0 });
  assert.throws(() => spreadOf([]), RangeError);
});

test('a ratio is that of rounds, not of medians: a round that slows both sides down changes nothing', () => {
  assert.equal(ratioOf([10, 1, 20], [5, 0.5, 10]).median, 2);
  assert.equal(ratioOf([10, 1, 20], [5, 0.5, 10]).spread, 0);
  // The medians' ratio would be 3 / 2.
  assert.equal(ratioOf([1, 3, 8], [1, 2, 2]).median, 1.5);
  assert.equal(ratioOf([3, 1, 8], [2, 1, 2]).median, 1.5);
  assert.throws(() => ratioOf([1, 2], [1]), RangeError);
});
