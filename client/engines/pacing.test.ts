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
  assert.equal(pacing.units, 300n);
  pacing.record(300n, 250);
  assert.equal(pacing.units, 75n);
  for (let i = 0; i < 10; i++) pacing.halve();
  assert.equal(pacing.units, 1n);
});

test('a device whose end was slept through is found out, however wrong the first estimate', () => {
  const pacing = new Pacing({ ...options, start_units: 2048 });
  for (let call = 0; call < 40; call++) {
    const units = pacing.units;
    // 3 M numbers/s and 5 ms for each call, waited for by a sleep of 85 % of what is expected.
    const real_ms = 5 + Number(units) / 3000;
    const slept_ms = pacing.expected_ms(units) * 0.85;
    pacing.record(units, Math.max(real_ms, slept_ms), real_ms > slept_ms + 2);
    if (call > 12) assert.ok(real_ms < 110, `${real_ms} ms`);
  }
  const real_ms = 5 + Number(pacing.units) / 3000;
  assert.ok(real_ms > 20 && real_ms < 100, `${real_ms} ms`);
});

test('a job begins at once after a known answer of a few units, whose time was the call’s own', () => {
  const pacing = new Pacing({ ...options, start_units: 65_536 });
  // 17 ms for 2000 units, where a millisecond is 500,000 units: 65536 seem to take 560 ms.
  pacing.record(2000n, 17);
  let lasted_ms = 0;
  let calls = 0;
  for (; Number(pacing.units) / 500 < 10_000 && calls < 40; calls++) {
    const units = pacing.units;
    const real_ms = 5 + Number(units) / 500_000;
    const slept_ms = pacing.expected_ms(units) * 0.85;
    lasted_ms += Math.max(real_ms, slept_ms);
    pacing.record(units, Math.max(real_ms, slept_ms), real_ms > slept_ms + 2);
  }
  assert.ok(calls < 40 && lasted_ms < 600, `${lasted_ms} ms in ${calls} calls until half of the full length`);
});

test('a call that was late for another reason, even by hours, is no measure for those after it', () => {
  for (const late_ms of [3000, 3_600_000]) {
    const pacing = new Pacing({ ...options, start_units: 1 });
    pacing.record(1n, late_ms);
    let lasted_ms = 0;
    for (let call = 0; call < 40; call++) {
      const units = pacing.units;
      const real_ms = 5 + Number(units) / 100;
      const slept_ms = pacing.expected_ms(units) * 0.85;
      lasted_ms += Math.max(real_ms, slept_ms);
      pacing.record(units, Math.max(real_ms, slept_ms), real_ms > slept_ms + 2);
    }
    assert.ok(pacing.units > 1000n, `${pacing.units} units after a call of ${late_ms} ms`);
    assert.ok(lasted_ms < 10_000, `${lasted_ms} ms until then`);
  }
});

test('calls that cost much themselves are not shrunk to nothing: half of their time is the units’', () => {
  // A rasteriser: 7 ms for each call, 180 numbers a millisecond, calls to last a quarter of 40 ms; now and then the
  // machine is busy.
  const pacing = new Pacing({ target_ms: 40, limit_ms: 80, start_units: 256 });
  pacing.retarget(0.25);
  const of_units: number[] = [];
  for (let call = 0; call < 200; call++) {
    const units = pacing.units;
    const own_ms = Number(units) / 180;
    pacing.record(units, 7 + own_ms + (call % 17 === 0 ? 90 : 0) + (call % 5) * 0.3);
    if (call > 40) of_units.push(own_ms);
  }
  const mean_ms = of_units.reduce((sum, ms) => sum + ms, 0) / of_units.length;
  assert.ok(mean_ms > 4 && mean_ms < 16, `${mean_ms} ms`);
});

test('a single late call costs little: the length is back within a few calls', () => {
  const pacing = new Pacing(options);
  const call = (extra_ms: number) => pacing.record(pacing.units, 1 + Number(pacing.units) / 100 + extra_ms);
  for (let i = 0; i < 10; i++) call(0);
  const usual = Number(pacing.units);
  call(5000);
  for (let i = 0; i < 3; i++) call(0);
  assert.ok(Number(pacing.units) > usual * 0.8, `${pacing.units} of ${usual}`);
});
