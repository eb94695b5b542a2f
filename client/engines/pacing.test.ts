import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pacing } from './pacing.ts';

const options = { target_ms: 50, limit_ms: 100, start_units: 1000 };

test('the pace reaches the target on fast and slow devices, never past the limit by more than one step', () => {
  for (const units_per_ms of [0.3, 10, 1e4, 1e9]) {
    const pacing = new Pacing(options);
    for (let call = 0; call < 40; call++) {
      const elapsed_ms = 0.2 + Number(pacing.units) / units_per_ms;
      if (call > 20) assert.ok(elapsed_ms < 100, `${units_per_ms} units/ms: ${elapsed_ms} ms`);
      pacing.record(pacing.units, elapsed_ms);
    }
    const elapsed_ms = 0.2 + Number(pacing.units) / units_per_ms;
    assert.ok(elapsed_ms > 25 && elapsed_ms < 75, `${units_per_ms} units/ms: ${elapsed_ms} ms`);
  }
});

test('short calls at the end of a batch do not change the pace', () => {
  const pacing = new Pacing(options);
  pacing.record(pacing.units, 10);
  const before = pacing.units;
  pacing.record(1n, 5);
  assert.equal(pacing.units, before);
});

test('a call past the limit shrinks at once; the operator’s upper limit holds; there is always one unit', () => {
  const pacing = new Pacing({ ...options, max_units: 1200 });
  pacing.record(1000n, 1);
  assert.equal(pacing.units, 1200n);
  pacing.record(1200n, 1000);
  assert.equal(pacing.units, 30n);
  for (let i = 0; i < 10; i++) pacing.halve();
  assert.equal(pacing.units, 1n);
});
