import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram } from './histogram.ts';
import type { RunningRecord } from './records.ts';
import { mergeRecords, recordsProblem } from './records.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const numRuns = process.env['TEST_FULL'] === '1' ? 20_000 : 500;

/** By the definition: every number whose value exceeds that of all smaller numbers of the set. */
function recordsOf(set: ReadonlyMap<bigint, number>): RunningRecord<number>[] {
  const sorted = [...set].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted
    .filter(([, value], index) => sorted.slice(0, index).every(([, earlier]) => value > earlier))
    .map(([n, value]) => ({ n, value }));
}

const assigned = fc.array(fc.tuple(fc.nat(2), fc.nat(20)), { maxLength: 40 });

test(`records of a union follow from the records of its parts, interleaved as they may be (seed ${seed})`, () => {
  const property = fc.property(assigned, (numbers) => {
    const parts = [0, 1, 2].map(
      (part) =>
        new Map(
          numbers.flatMap(([owner, value], n) => (owner === part ? [[BigInt(n), value] as const] : [])),
        ),
    );
    const [a = [], b = [], c = []] = parts.map(recordsOf);
    const whole = recordsOf(new Map(parts.flatMap((part) => [...part])));
    assert.deepEqual(mergeRecords(mergeRecords(a, b), c), whole);
    assert.deepEqual(mergeRecords(a, mergeRecords(c, b)), whole);
    assert.equal(recordsProblem('records', whole, undefined), undefined);
  });
  fc.assert(property, { seed, numRuns });
});

test('a list that does not rise, or leaves the range, has a problem', () => {
  const range = { start: 5n, end: 10n };
  const problem = (...pairs: [bigint, number][]) =>
    recordsProblem(
      'records',
      pairs.map(([n, value]) => ({ n, value })),
      range,
    );
  assert.equal(problem(), undefined);
  assert.equal(problem([5n, 1], [9n, 2]), undefined);
  for (const pairs of [
    [[4n, 1]],
    [[10n, 1]],
    [
      [6n, 1],
      [6n, 2],
    ],
    [
      [6n, 2],
      [7n, 2],
    ],
    [
      [7n, 1],
      [6n, 2],
    ],
  ] as [bigint, number][][]) {
    assert.match(problem(...pairs) ?? '', /^records: /);
  }
});

test(`histograms add, sum and print exactly up to 2^96 (seed ${seed})`, () => {
  const entry = fc.oneof(fc.bigInt(0n, 10n), fc.bigInt(0n, 2n ** 53n), fc.bigInt(0n, 2n ** 94n));
  const entries = fc.array(entry, { maxLength: 50 });
  const trimmed = (list: bigint[]) => list.slice(0, list.findLastIndex((count) => count !== 0n) + 1);
  const property = fc.property(entries, entries, (a, b) => {
    const [left, right] = [a, b].map((list) => Histogram.parse(trimmed(list)));
    assert.ok(left !== undefined && right !== undefined);
    const sum = Array.from({ length: Math.max(a.length, b.length) }, (_, d) => (a[d] ?? 0n) + (b[d] ?? 0n));
    const folded = left.plus(right);
    assert.deepEqual(folded.encode(), trimmed(sum).map(String));
    assert.deepEqual(folded.sums(), {
      total: sum.reduce((total, count) => total + count, 0n),
      weighted: sum.reduce((total, count, d) => total + count * BigInt(d), 0n),
    });
    assert.deepEqual(left.encode(), trimmed(a).map(String), 'plus changed its argument');
    for (const [d, count] of sum.entries()) assert.equal(folded.has(d), count !== 0n);
  });
  fc.assert(property, { seed, numRuns });
  assert.equal(Histogram.parse([2n ** 96n]), undefined);
  assert.deepEqual(Histogram.of([1, 0, 2 ** 53 - 1, 0, 0]).encode(), ['1', '0', '9007199254740991']);
});
