/** What the Cluster page makes of the history of throughput: layers, sums, ticks, labels, marks of events. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { eventMarks } from '../../client/browser/cluster/cluster-events.ts';
import { spread, stack, ticks, unitsOf, worksOf } from '../../client/browser/cluster/stacking.ts';
import { timeTicks } from '../../client/browser/cluster/time-ticks.ts';
import { unitOf, workName } from '../../client/browser/cluster/workload-names.ts';
import type { Throughput } from '../../protocol/http.ts';

const NOW_MS = Date.parse('2026-01-01T12:00:00.000Z');
const before = (seconds: number) => new Date(NOW_MS - seconds * 1000).toISOString();

suite('throughput', () => {
  const line = (
    type: string,
    variant: string | null,
    kind: Throughput['series'][number]['kind'],
    units_per_second: number[],
  ) => ({ type, kind, units_per_second, variants: [{ variant, units_per_second }] });
  const statistics = { type: 'collatz', variant: 'statistics' };
  const history: Throughput = {
    window_seconds: 180,
    bucket_seconds: 60,
    from: before(150),
    to: before(0),
    series: [
      {
        type: 'collatz',
        kind: 'cpu',
        units_per_second: [1001, 2, 3],
        variants: [
          { variant: 'verify', units_per_second: [1000, 0, 0] },
          { variant: 'statistics', units_per_second: [1, 2, 3] },
        ],
      },
      line('collatz', 'statistics', 'node-gpu', [10, 0, 30]),
      line('collatz', 'statistics', 'browser-gpu', [0, 0, 0]),
      line('thread', null, 'cpu', [500, 500, 500]),
    ],
    events: [],
  };

  test('layers stand on each other, of one kind of work alone', () => {
    const layers = stack(history, statistics);
    assert.deepEqual(
      layers.map(({ kind, bottom, top }) => [kind, bottom, top]),
      [
        ['node-gpu', [0, 0, 0], [10, 0, 30]],
        ['cpu', [10, 0, 30], [11, 2, 33]],
      ],
    );
    // The last minute has lasted thirty seconds.
    assert.equal(unitsOf(history, statistics), 11 * 60 + 2 * 60 + 33 * 30);
    assert.equal(unitsOf(history, { type: 'collatz', variant: 'verify' }), 1000 * 60);
    assert.deepEqual(worksOf(history).map(workName), ['Collatz statistics', 'Collatz verify', 'Threads']);
    assert.deepEqual(worksOf(history).map(unitOf), ['numbers walked', 'numbers verified', 'roots']);
  });

  test('ticks are round and reach past the highest (property)', () => {
    assert.deepEqual(ticks(4.3, 4), [0, 2, 4, 6]);
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e15, noNaN: true }), (max) => {
        const steps = ticks(max, 4);
        assert.ok(steps.length >= 2 && steps.length <= 6 && (steps.at(-1) ?? 0) >= max * (1 - 1e-6));
      }),
      { seed: 3 },
    );
  });

  test('labels keep apart and inside (property)', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { maxLength: 5 }), (places) => {
        const wanted = places.toSorted((a, b) => a - b);
        const placed = spread(wanted, 20, 0, 100);
        placed.forEach((at, i) => {
          assert.ok(at >= -1e-9 && at <= 100 + 1e-9);
          if (i > 0) assert.ok(at - (placed[i - 1] ?? 0) >= 20 - 1e-9);
        });
      }),
      { seed: 5 },
    );
  });

  test('events that are close share a mark', () => {
    const event = (seconds: number, event: 'joined' | 'left' | 'restarted', node_id: string | null) => ({
      at: before(seconds),
      event,
      node_id,
    });
    const marks = eventMarks(
      [
        event(100, 'joined', 'a'),
        event(99, 'joined', 'b'),
        event(98, 'left', 'a'),
        event(10, 'restarted', null),
      ],
      5000,
    );
    assert.deepEqual(
      marks.map(({ text }) => text),
      ['2 joined, 1 left', 'coordinator restarted'],
    );
  });

  test('the axis of time has as many labels as fit', () => {
    for (const window of [3600, 86_400, 7 * 86_400]) {
      for (const count of [4, 8]) {
        const found = timeTicks(NOW_MS - window * 1000, window, count);
        assert.ok(found.length >= 2 && found.length <= count + 1, `${window} ${count}: ${found.length}`);
      }
    }
  });
});
