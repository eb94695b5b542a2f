/** The geometry of the explorer's pictures: the range map's curve, axes and colours, the merged paths. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JobCoverage } from '../../protocol/http.ts';
import { blockRange, blockWords, rangeMap } from '../../client/browser/collatz/coverage-cells.ts';
import { cellAt, indexAt, sideFor } from '../../client/browser/collatz/hilbert.ts';
import {
  FIRST_PEN,
  STARTS,
  STARTS_BELOW,
  extend,
  growTree,
  joint,
  pathPoints,
  spreadStarts,
} from '../../client/browser/collatz/inverse-tree.ts';
import {
  colourScale,
  decadeTicks,
  envelope,
  linearTicks,
  niceStep,
} from '../../client/browser/collatz/scales.ts';
import { runAtOnce } from '../../client/browser/collatz/slices.ts';
import { valuesFrom, walk } from '../../client/browser/collatz/trajectory.ts';
import { jointSentence } from '../../client/browser/collatz/words.ts';

test('Hilbert’s curve: a bijection, and neighbours are adjacent', () => {
  for (const side of [1, 2, 4, 8, 16, 32, 64]) {
    const seen = new Set<string>();
    for (let i = 0; i < side * side; i++) {
      const cell = cellAt(i, side);
      assert.ok(cell.x >= 0 && cell.x < side && cell.y >= 0 && cell.y < side);
      assert.equal(indexAt(cell, side), i);
      seen.add(`${cell.x},${cell.y}`);
      if (i === 0) continue;
      const before = cellAt(i - 1, side);
      assert.equal(Math.abs(before.x - cell.x) + Math.abs(before.y - cell.y), 1);
    }
    assert.equal(seen.size, side * side);
  }
  assert.deepEqual([1, 2, 4, 5, 1000, 4096].map(sideFor), [1, 2, 2, 4, 32, 64]);
});

test('ticks cover their axis, in steps of 1, 2 or 5', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1, max: 1e15, noNaN: true }),
      fc.integer({ min: 2, max: 12 }),
      (max, most) => {
        const ticks = linearTicks(max, most);
        assert.equal(ticks[0], 0);
        assert.ok(ticks.length <= most + 1 && (ticks.at(-1) ?? 0) <= max * (1 + 1e-9));
        const decades = decadeTicks(max, most);
        assert.ok((decades.at(-1) ?? 0) >= max - 1e-6 && decades.length <= most + 2);
        assert.match(niceStep(max / most).toExponential(), /^[125]e/);
      },
    ),
  );
  assert.deepEqual(linearTicks(0, 5), [0]);
  assert.deepEqual(decadeTicks(3.97, 6), [0, 1, 2, 3, 4]);
});

test('an envelope holds every height', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 2000, noNaN: true }), { minLength: 1, maxLength: 400 }),
      fc.integer({ min: 1, max: 100 }),
      (heights, columns) => {
        const shape = envelope(Float64Array.from(heights), columns);
        assert.equal(shape.length, columns);
        assert.equal(Math.max(...shape.map(({ high }) => high)), Math.max(...heights));
        assert.equal(Math.min(...shape.map(({ low }) => low)), Math.min(...heights));
      },
    ),
  );
});

test('colours run from low to high, and one value alone has the middle one', () => {
  const scale = colourScale([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 9);
  const indices = [-5, 1, 3, 5, 7, 9, 10, 99].map((value) => scale.index(value));
  assert.deepEqual(
    indices,
    indices.toSorted((a, b) => a - b),
  );
  assert.deepEqual([indices[0], indices.at(-1)], [0, 8]);
  assert.equal(colourScale([5], 9).index(5), 4);
  assert.equal(colourScale([], 9).index(5), 4);
});

function coverage(total: number, count: number, more: Partial<JobCoverage>): JobCoverage {
  return {
    job_id: 'a',
    status: 'running',
    total: { start: '1', end: String(total + 1) },
    done: [],
    leased: [],
    waiting: [],
    truncated: false,
    blocks: {
      count,
      figure: 'mean delay',
      mean: Array.from({ length: count }, () => null),
      done_fraction: Array.from({ length: count }, () => 0),
    },
    ...more,
  };
}

test('cells: ranges join without gaps, and a lease marks exactly the blocks that it touches', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100_000 }),
      fc.integer({ min: 0, max: 99_999 }),
      fc.integer({ min: 1, max: 5000 }),
      (total, from, length) => {
        const start = 1 + (from % total);
        const end = Math.min(total + 1, start + length);
        const lease = {
          start: String(start),
          end: String(end),
          node_id: 'me',
          since: '2026-01-01T00:00:00Z',
        };
        const map = rangeMap(coverage(total, Math.min(total, 4096), { leased: [lease] }), 'me');
        let edge = 1n;
        map.holders.forEach((holder, i) => {
          const block = blockRange(map, i);
          assert.equal(block.start, edge);
          edge = block.end;
          const touched = block.start < BigInt(end) && block.end > BigInt(start);
          assert.equal(holder, touched ? 'you' : 'nobody');
        });
        assert.equal(edge, BigInt(total + 1));
      },
    ),
    { numRuns: 40 },
  );
});

test('a cell says its range, its state and its figure', () => {
  const lease = { start: '3', end: '5', node_id: 'x', since: '2026-01-01T00:00:00Z' };
  const blocks = {
    count: 4,
    figure: 'mean delay',
    mean: [31.24, null, 8, null],
    done_fraction: [1, 0, 0.5, 0],
  };
  const map = rangeMap(coverage(8, 4, { leased: [lease], blocks }), undefined);
  assert.equal(blockWords(map, 0, 'statistics'), '1 to 2: done, 31.2 steps on average');
  assert.equal(blockWords(map, 1, 'statistics'), '3 to 4: being computed');
  assert.equal(blockWords(map, 2, 'statistics'), '5 to 6: 50.0\u202f% done, 8.0 steps on average');
  assert.equal(blockWords(map, 3, 'statistics'), '7 to 8: waiting');
});

test('merged paths: every number stands where its successor is, and weights add up', () => {
  const starts = spreadStarts(STARTS, STARTS_BELOW);
  assert.equal(new Set(starts).size, STARTS);
  assert.ok(starts.every((n) => n >= 1 && n < STARTS_BELOW));
  const tree = runAtOnce(growTree(starts));
  assert.equal(tree.weights[0], STARTS);
  for (let i = 1; i < tree.values.length; i++) {
    const value = tree.values[i] ?? 0;
    const parent = tree.parents[i] ?? -1;
    assert.ok(parent >= 0 && parent < i);
    assert.equal(tree.values[parent], value % 2 === 0 ? value / 2 : 3 * value + 1);
    assert.equal(tree.depths[i], (tree.depths[parent] ?? 0) + 1);
    assert.equal(tree.index.get(value), i);
  }
  for (const n of starts.slice(0, 50)) {
    const at = tree.index.get(n) ?? -1;
    const walked = runAtOnce(walk(BigInt(n)));
    assert.equal(tree.depths[at], walked.steps);
    // A path drawn by itself lies on the tree.
    const end = pathPoints(walked.odd).at(-1) ?? FIRST_PEN;
    assert.ok(Math.hypot(end.x - (tree.x[at] ?? 0), end.y - (tree.y[at] ?? 0)) < 1e-3);
  }
});

test('where a number of any size meets the others', () => {
  const tree = runAtOnce(growTree(spreadStarts(STARTS, STARTS_BELOW)));
  fc.assert(
    fc.property(fc.oneof(fc.bigInt(1n, 10_000n), fc.bigInt(1n, 10n ** 100n)), (n) => {
      const walked = runAtOnce(walk(n));
      const met = joint(tree, (from, count) => valuesFrom(walked, from, count));
      assert.ok(met !== undefined);
      assert.equal(valuesFrom(walked, met.step, 1)[0], BigInt(met.value));
      for (const earlier of valuesFrom(walked, 0, met.step)) assert.ok(!tree.index.has(Number(earlier)));
      assert.ok(met.others > 0);
    }),
    { numRuns: 50 },
  );
  const of27 = runAtOnce(walk(27n));
  assert.match(
    jointSentence(of27, { value: 82, step: 1, others: 40 }, STARTS).replaceAll('\u202f', ' '),
    /^After 1 step it meets another path, at 82; from there 110 steps are shared\. 40 of the 4 000 starts come this way\.$/,
  );
  assert.deepEqual(extend(FIRST_PEN, true).depth, 1);
});
