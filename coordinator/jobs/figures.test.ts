import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Range } from '../../protocol/range.ts';
import { doneFractions, Figures } from './figures.ts';
import { RangeSet } from './ranges.ts';
import { SlidingRate } from './rate.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const job = fc
  .record({ start: fc.bigInt({ min: 0n, max: 1n << 96n }), length: fc.bigInt({ min: 1n, max: 1n << 70n }) })
  .map(({ start, length }): Range => ({ start, end: start + length }));

test(`blocks tile the range (seed ${seed})`, () => {
  fc.assert(
    fc.property(job, (range) => {
      const figures = new Figures(range);
      const edges = [0, 1, figures.count >> 1, figures.count - 1].filter((i) => i < figures.count);
      for (const i of edges) {
        const { start, end } = figures.block(i);
        assert.ok(start < end);
        assert.equal(i === 0 ? range.start : figures.block(i - 1).end, start);
        // Whatever lies in a block is drawn in it.
        const one = new Figures(range);
        one.add({ start, end: start + 1n }, { sum: 5n, weight: 1n });
        one.add({ start: end - 1n, end }, { sum: 5n, weight: 1n });
        assert.deepEqual(
          [...one.means().entries()].filter(([, mean]) => mean !== null),
          [[i, 5]],
        );
      }
      assert.equal(figures.block(figures.count - 1).end, range.end);
    }),
    { seed, numRuns: 30 },
  );
});

test('a batch over several blocks is split by overlap; what is stored comes back', () => {
  const range = { start: 100n, end: 100n + 8192n };
  const figures = new Figures(range);
  figures.add({ start: 100n, end: 104n }, { sum: 40n, weight: 4n });
  figures.add({ start: 101n, end: 103n }, { sum: 100n, weight: 2n });
  const means = figures.means();
  assert.equal(means[0], (20 + 50) / 3);
  assert.equal(means[1], (20 + 50) / 3);
  assert.equal(means[2], null);
  const copy = new Figures(range, figures.encode());
  assert.deepEqual(copy.means(), means);
  assert.ok(figures.encode().length < 300, 'an almost empty map is small');
  const separate = figures.copy();
  separate.add(range, { sum: 1n, weight: 1n });
  assert.deepEqual(figures.means(), means);
});

test(`done fractions add up to what is covered (seed ${seed})`, () => {
  const part = fc.tuple(fc.nat(20_000), fc.nat(20_000));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
      const range = { start: 7n, end: 20_008n };
      const covered = new RangeSet(
        parts.map(([a, b]) => ({ start: BigInt(Math.min(a, b)) + 7n, end: BigInt(Math.max(a, b)) + 7n })),
      );
      const figures = new Figures(range);
      const fractions = doneFractions(figures, covered.toArray());
      let sum = 0;
      for (const [i, fraction] of fractions.entries()) {
        assert.ok(fraction >= 0 && fraction <= 1);
        const { start, end } = figures.block(i);
        sum += fraction * Number(end - start);
      }
      assert.ok(Math.abs(sum - Number(covered.total)) < 1e-6);
    }),
    { seed, numRuns: 100 },
  );
});

test('a sliding rate follows what is added, and is unknown when nothing is', () => {
  const rate = new SlidingRate(30_000);
  assert.equal(rate.perSecond(1_000_000), undefined);
  rate.add(1_010_000, 50_000, 1_000_000);
  assert.equal(rate.perSecond(1_010_000), 5000, 'the first batch counts from its beginning');
  for (let at = 1_020_000; at <= 1_100_000; at += 10_000) rate.add(at, 50_000);
  const steady = rate.perSecond(1_100_000) ?? 0;
  assert.ok(steady > 4000 && steady < 7000, `${steady}`);
  assert.equal(rate.perSecond(1_200_000), undefined);
});
