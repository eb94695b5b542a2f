import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PipelineConstants } from '../../protocol/workload.ts';
import type { TuningMemory } from './autotune.ts';
import { Autotune } from './autotune.ts';

const TUNINGS = [{ LANES: 64 }, { LANES: 16 }, { LANES: 256 }];

function memory(kept: [string, string][] = []): TuningMemory & { readonly kept: Map<string, string> } {
  const map = new Map(kept);
  return {
    kept: map,
    get: (kernel) => map.get(kernel),
    set: (kernel, tuning) => void map.set(kernel, tuning),
  };
}

/** Dispatches of 1000 units until the choice is made; a tuning takes as long as `ms` says. */
function run(tune: Autotune, ms: (tuning: PipelineConstants) => number, most = 200): PipelineConstants[] {
  const used: PipelineConstants[] = [];
  for (let dispatch = 0; dispatch < most && !tune.settled; dispatch++) {
    const tuning = tune.next();
    assert.ok(tuning !== undefined);
    used.push(tuning);
    tune.record(tuning, 1000n, ms(tuning));
  }
  return used;
}

test('the conservative tuning computes first, then all take turns, and the fastest is chosen and remembered', () => {
  const kept = memory();
  const tune = new Autotune('kernel', TUNINGS, kept);
  const used = run(tune, ({ LANES }) => (LANES === 16 ? 25 : LANES === 64 ? 50 : 80));
  assert.deepEqual(tune.chosen, { LANES: 16 });
  assert.equal(kept.kept.get('kernel'), '{"LANES":16}');
  const turns = used.slice(used.findIndex(({ LANES }) => LANES !== 64));
  assert.ok(used.length - turns.length > 50, 'turns were taken before the device was at it for a while');
  assert.ok(turns.length < 10, `${turns.length} dispatches were spent on measuring`);
});

test('what is hardly faster is not taken, and one slow dispatch does not decide', () => {
  const close = new Autotune('kernel', TUNINGS);
  run(close, ({ LANES }) => (LANES === 16 ? 49 : 50));
  assert.deepEqual(close.chosen, { LANES: 64 });
  const disturbed = new Autotune('kernel', TUNINGS);
  let late = true;
  run(disturbed, ({ LANES }) => {
    if (LANES !== 16) return 50;
    const ms = late ? 500 : 30;
    late = false;
    return ms;
  });
  assert.deepEqual(disturbed.chosen, { LANES: 16 });
});

test('a choice that is remembered is used at once; one that the kernel no longer has is not', () => {
  const known = new Autotune('kernel', TUNINGS, memory([['kernel', '{"LANES":256}']]));
  assert.ok(known.settled);
  assert.deepEqual(known.next(), { LANES: 256 });
  const stale = new Autotune('kernel', TUNINGS, memory([['kernel', '{"LANES":512}']]));
  assert.ok(!stale.settled);
  assert.deepEqual(stale.next(), { LANES: 64 });
});

test('a tuning that the device refuses is left out; the usual one can’t be', () => {
  const tune = new Autotune('kernel', TUNINGS);
  assert.equal(tune.reject(TUNINGS[1]), true);
  assert.equal(tune.reject(TUNINGS[0]), false);
  const used = run(tune, () => 50);
  assert.ok(!used.some(({ LANES }) => LANES === 16));
  assert.ok(tune.settled);
});

test('a device of which something is known begins with another tuning', () => {
  assert.deepEqual(new Autotune('kernel', TUNINGS, undefined, { LANES: 256 }).next(), { LANES: 256 });
  assert.deepEqual(new Autotune('kernel', TUNINGS, undefined, { LANES: 512 }).next(), { LANES: 64 });
});

test('without tunings, or with one, there is nothing to measure', () => {
  assert.equal(new Autotune('kernel', []).next(), undefined);
  const only = new Autotune('kernel', [{ LANES: 64 }]);
  assert.ok(only.settled);
  assert.deepEqual(only.next(), { LANES: 64 });
});
