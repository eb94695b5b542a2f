/** The share of the time in which a device computes, under a virtual clock. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../tests/simulation/clock.ts';
import { Duty } from './duty.ts';

const HOUR_MS = 3_600_000;

interface Device {
  readonly clock: VirtualClock;
  readonly duty: Duty;
  busy_ms: number;
  begun: number;
  pass(ms: number): Promise<void>;
}

/** A device that always has work, in pieces of this length. */
function device(share: number, piece_ms: () => number): Device {
  const clock = new VirtualClock();
  const runtime = {
    now: () => clock.now(),
    setTimer: (ms: number, fire: () => void) => clock.setTimer(ms, fire),
    random: () => 0.5,
  };
  const duty = new Duty(runtime, share);
  let running = false;
  const begin = () => {
    if (running || !duty.mayBegin()) return;
    running = true;
    self.begun++;
    const ms = piece_ms();
    clock.setTimer(ms, () => {
      running = false;
      self.busy_ms += ms;
      duty.spent(ms);
      begin();
    });
  };
  const self: Device = {
    clock,
    duty,
    busy_ms: 0,
    begun: 0,
    async pass(ms) {
      let over = false;
      clock.setTimer(ms, () => {
        over = true;
      });
      await clock.run(() => over, HOUR_MS * 10);
    },
  };
  duty.attach(begin);
  begin();
  return self;
}

suite('duty', () => {
  test('the share is kept over seconds, whatever the pieces’ length', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0.05, 0.2, 0.5, 0.8),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 }),
        async (share, lengths) => {
          let next = 0;
          const one = device(share, () => lengths[next++ % lengths.length] ?? 1);
          await one.pass(30_000);
          assert.ok(Math.abs(one.busy_ms / 30_000 - share) < 0.02, `${one.busy_ms / 30_000} of ${share}`);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('at 1 it never rests; a change counts at once, in the middle of a rest too', async () => {
    const one = device(1, () => 20);
    await one.pass(2000);
    assert.ok(one.busy_ms >= 1960);
    one.duty.share = 0.05;
    await one.pass(10_000);
    assert.ok(one.busy_ms < 2000 + 10_000 * 0.05 + 60, `${one.busy_ms}`);
    const before = one.busy_ms;
    one.duty.share = 1;
    await one.pass(1000);
    assert.ok(one.busy_ms - before > 950);
  });

  test('held, it begins nothing until it goes on; an idle time is not made up for', async () => {
    const one = device(0.5, () => 20);
    await one.pass(1000);
    one.duty.hold();
    await one.pass(25);
    const { begun, busy_ms } = one;
    await one.pass(60_000);
    assert.equal(one.begun, begun);
    one.duty.go();
    await one.pass(1000);
    assert.ok(one.busy_ms - busy_ms < 600, `${one.busy_ms - busy_ms}`);
    assert.ok(one.busy_ms - busy_ms > 450);
  });

  test('a piece in which the machine slept for hours does not cost hours of rest', async () => {
    let slept = false;
    const one = device(0.05, () => {
      if (slept) return 20;
      slept = true;
      return HOUR_MS;
    });
    await one.pass(HOUR_MS + 1);
    const { begun } = one;
    await one.pass(11_000);
    assert.ok(one.begun > begun);
  });

  test('a share is above 0 and at most 1', () => {
    const { duty } = device(1, () => 20);
    for (const share of [0, -1, 1.1, NaN]) assert.throws(() => (duty.share = share), RangeError);
  });
});
