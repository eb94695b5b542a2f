import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readEvent } from '../../client/browser/live/event-data.ts';
import { byOwnClock, ofLastMinute } from '../../client/browser/live/last-minute.ts';
import type { FinishedBatch } from '../../protocol/live.ts';

const NOW = Date.UTC(2026, 10, 22, 12);

function batchAt(ms: number): FinishedBatch {
  const at = new Date(ms).toISOString();
  return { at, node_id: 'one', kind: 'cpu', type: 'collatz', job_id: 'job', start: '1', end: '2' };
}

test('of any batches exactly those of the last minute are kept, in their order', () => {
  const ages = fc.array(fc.integer({ min: 0, max: 120_000 }), { maxLength: 40 });
  fc.assert(
    fc.property(ages, (unsorted) => {
      const batches = unsorted.toSorted((a, b) => b - a).map((age) => batchAt(NOW - age));
      const kept = ofLastMinute(batches, NOW);
      assert.deepEqual(
        kept,
        batches.filter(({ at }) => NOW - Date.parse(at) < 60_000),
      );
      assert.equal(
        ofLastMinute(kept, NOW),
        kept,
        'nothing to leave out: the same list, so that nothing is drawn',
      );
    }),
    { seed: 1 },
  );
});

test('times are shown by this device’s clock; a second more or less is the way, not the clock', () => {
  const batches = [batchAt(NOW - 5000), batchAt(NOW)];
  const theirNow = new Date(NOW).toISOString();
  assert.equal(byOwnClock(batches, theirNow, NOW + 900), batches);
  const shifted = byOwnClock(batches, theirNow, NOW - 3_600_000);
  assert.deepEqual(
    shifted.map(({ at }) => Date.parse(at)),
    [NOW - 3_605_000, NOW - 3_600_000],
  );
  assert.equal(byOwnClock(batches, 'no time', NOW), batches);
});

test('what is no event of the stream is left out', () => {
  const batches = JSON.stringify({ now: new Date(NOW).toISOString(), batches: [batchAt(NOW)] });
  assert.equal(readEvent('batches', batches)?.batches.length, 1);
  for (const json of ['', '{', 'null', '[]', '{}', '{"batches":{}}', '"batches"', '{"batches":[]}'])
    assert.equal(readEvent('batches', json), undefined, json);
  assert.deepEqual(readEvent('jobs', '{"jobs":[]}'), { jobs: [] });
});
