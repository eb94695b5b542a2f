import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Range } from '../../protocol/range.ts';
import { RangeSet } from './ranges.ts';
import { Segment } from './segment.ts';
import type { BatchResult } from './segment.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const numRuns = process.env['TEST_FULL'] === '1' ? 20_000 : 1000;

/** Small numbers, far up, so that a plain set of numbers is the model and digits past 2^53 are exercised. */
const OFFSET = 1n << 90n;
const SIZE = 40;
const range = fc
  .tuple(fc.integer({ min: 0, max: SIZE }), fc.integer({ min: 0, max: SIZE }))
  .map(([a, b]): Range => ({ start: OFFSET + BigInt(Math.min(a, b)), end: OFFSET + BigInt(Math.max(a, b)) }));

function numbers(ranges: Iterable<Range>): number[] {
  const found: number[] = [];
  for (const { start, end } of ranges) {
    for (let n = start; n < end; n += 1n) found.push(Number(n - OFFSET));
  }
  return found;
}

function assertCanonical(set: RangeSet): void {
  let previousEnd: bigint | undefined;
  for (const { start, end } of set) {
    assert.ok(start < end, 'no empty range');
    assert.ok(previousEnd === undefined || previousEnd < start, 'sorted, disjoint, not touching');
    previousEnd = end;
  }
}

test(`a range set is a set of numbers (seed ${seed})`, () => {
  const step = fc.record({ op: fc.constantFrom('add', 'subtract'), range });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), range, (steps, asked) => {
      const set = new RangeSet();
      const model = new Set<number>();
      for (const { op, range: changed } of steps) {
        if (op === 'add') set.add(changed);
        else set.subtract(changed);
        for (const n of numbers([changed])) {
          if (op === 'add') model.add(n);
          else model.delete(n);
        }
        assertCanonical(set);
      }
      const sorted = [...model].toSorted((a, b) => a - b);
      assert.deepEqual(numbers(set), sorted);
      assert.equal(set.total, BigInt(model.size));
      assert.equal(set.isEmpty, model.size === 0);
      const inside = numbers([asked]);
      assert.deepEqual(
        numbers(set.within(asked)),
        inside.filter((n) => model.has(n)),
      );
      assert.deepEqual(
        numbers(set.gaps(asked)),
        inside.filter((n) => !model.has(n)),
      );
      assert.equal(
        set.overlaps(asked),
        inside.some((n) => model.has(n)),
      );
      if (inside.length > 0)
        assert.equal(
          set.contains(asked),
          inside.every((n) => model.has(n)),
        );
    }),
    { seed, numRuns },
  );
});

function result(of: Range): BatchResult {
  return { range: of, aggregate: null, digest: '', nodeId: '', bytes: 1, pins: 0, folding: false };
}

test(`a segment counts every number once under any interleaving (seed ${seed})`, () => {
  const whole = { start: OFFSET, end: OFFSET + BigInt(SIZE) };
  const step = fc.oneof(
    fc.record({ op: fc.constant('carve' as const), length: fc.integer({ min: 1, max: 15 }) }),
    fc.record({ op: fc.constant('answer' as const), range }),
    fc.record({ op: fc.constant('settle' as const), pick: fc.nat(20) }),
    fc.record({ op: fc.constant('abandon' as const), pick: fc.nat(20) }),
    fc.record({ op: fc.constant('reclaim' as const), range }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const segment = new Segment(whole);
      const times = new Array<number>(SIZE).fill(0);
      const pending: BatchResult[] = [];
      for (const action of steps) {
        switch (action.op) {
          case 'carve': {
            const hole = segment.unleased.first;
            if (hole !== undefined) segment.carve(hole, BigInt(action.length));
            break;
          }
          case 'answer': {
            if (action.range.start === action.range.end || segment.judge(action.range).kind !== 'new') break;
            segment.begin(action.range);
            pending.push(result(action.range));
            break;
          }
          case 'settle': {
            const [settled] = pending.splice(action.pick % Math.max(pending.length, 1), 1);
            if (settled === undefined) break;
            segment.settle(settled);
            for (const n of numbers([settled.range])) times[n] = (times[n] ?? 0) + 1;
            break;
          }
          case 'abandon': {
            const [lost] = pending.splice(action.pick % Math.max(pending.length, 1), 1);
            if (lost !== undefined) segment.abandon(lost.range);
            break;
          }
          case 'reclaim':
            segment.reclaim(action.range);
            break;
        }
        assert.ok(
          times.every((count) => count <= 1),
          `a number was counted twice: ${times.join('')}`,
        );
        const places = [segment.covered, segment.pending, segment.unleased].flatMap((set) => numbers(set));
        assert.equal(new Set(places).size, places.length, 'covered, pending and unleased are disjoint');
        assert.deepEqual(
          numbers(segment.covered),
          [...times.keys()].filter((n) => times[n] === 1),
        );
      }
      for (const lost of pending) segment.abandon(lost.range);
      segment.reclaim(whole);
      // With no lease out, everything is either counted or to be had.
      const places = [...numbers(segment.covered), ...numbers(segment.unleased)];
      assert.deepEqual(
        places.toSorted((a, b) => a - b),
        [...times.keys()],
      );
    }),
    { seed, numRuns },
  );
});
