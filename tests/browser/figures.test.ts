import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grouped, scaled } from '../../client/browser/format/figures.ts';

test('numbers are grouped by narrow no-break spaces', () => {
  assert.equal(grouped(0n), '0');
  assert.equal(grouped(999), '999');
  assert.equal(grouped(9232), '9\u202f232');
  assert.equal(grouped(2n ** 68n), '295\u202f147\u202f905\u202f179\u202f352\u202f825\u202f856');
});

test('rates have three digits and a scale', () => {
  const shown = (value: number) => Object.values(scaled(value)).join('|');
  assert.equal(shown(0), '0|');
  assert.equal(shown(7.25), '7.25|');
  assert.equal(shown(61_749), '61\u202f700|');
  assert.equal(shown(999_600), '1.00|million');
  assert.equal(shown(2_849_000_000), '2.85|billion');
  assert.equal(shown(41e12), '41.0|trillion');
});
