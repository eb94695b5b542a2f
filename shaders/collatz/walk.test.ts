import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { recordsOfOeis } from '../../tests/oeis.ts';
import { glidePeak, walkToOne } from './walk.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const numRuns = process.env['TEST_FULL'] === '1' ? 20_000 : 300;

/** By the definition. */
function plain(n: bigint, below: bigint): { delay: number; peak: bigint } {
  let peak = n;
  let delay = 0;
  for (let x = n; x >= below; delay++) {
    if (x > peak) peak = x;
    x = x % 2n === 0n ? x / 2n : 3n * x + 1n;
  }
  return { delay, peak };
}

/** Numbers around the widths at which a walk changes its arithmetic, and anywhere. */
const number = fc
  .tuple(
    fc.constantFrom(
      1n,
      2n ** 16n,
      2n ** 28n,
      2n ** 41n,
      2n ** 46n,
      2n ** 53n,
      2n ** 84n,
      2n ** 112n,
      2n ** 120n,
    ),
    fc.bigInt({ min: -1000n, max: 1000n }),
    fc.bigInt({ min: 1n, max: 2n ** 96n }),
    fc.boolean(),
  )
  .map(([edge, near, anywhere, pick]) => (pick ? anywhere : edge + near > 0n ? edge + near : 1n));

test(`delay and peak are those of the definition (seed ${seed})`, () => {
  const property = fc.property(number, (n) => {
    assert.deepEqual(walkToOne(n), plain(n, 2n));
  });
  fc.assert(property, { seed, numRuns });
});

test('delay and peak of every small number', () => {
  for (let n = 1n; n < 3000n; n++) assert.deepEqual(walkToOne(n), plain(n, 2n));
});

test(`glide peaks are those of the definition (seed ${seed})`, () => {
  const property = fc.property(number, (n) => {
    assert.equal(glidePeak(n + 1n), plain(n + 1n, n + 1n).peak);
  });
  fc.assert(property, { seed, numRuns });
});

test('the records of OEIS', () => {
  for (const { n, delay } of recordsOfOeis().delays) assert.equal(walkToOne(n).delay, delay, `delay of ${n}`);
  for (const { n, peak } of recordsOfOeis().peaks) assert.equal(walkToOne(n).peak, peak, `peak of ${n}`);
});

test('the known climbers: past 2^32, 2^64, and over 2^136', () => {
  assert.ok(walkToOne(159487n).peak > 1n << 32n);
  assert.ok(walkToOne(12327829503n).peak > 1n << 64n);
  assert.equal(walkToOne(274133054632352106267n).peak, 113298124744388651798242538014293435290632n);
});
