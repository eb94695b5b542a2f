import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateLimiter } from './rate-limiter.ts';

function limiter(perSecond: number, burst: number) {
  const clock = { now: 1000 };
  return { clock, limiter: new RateLimiter({ perSecond, burst }, () => clock.now) };
}

test('a burst passes, then the rate, and it is told how long to wait', () => {
  const { clock, limiter: rate } = limiter(10, 3);
  assert.deepEqual(
    [1, 2, 3].map(() => rate.take('a')),
    [0, 0, 0],
  );
  assert.equal(rate.take('a'), 100);
  clock.now += 99;
  assert.equal(rate.take('a'), 1);
  clock.now += 1;
  assert.equal(rate.take('a'), 0);
  assert.ok(rate.take('a') > 0, 'one came back, and no more');
  clock.now += 10_000;
  assert.deepEqual(
    [1, 2, 3].map(() => rate.take('a')),
    [0, 0, 0],
  );
  assert.ok(rate.take('a') > 0, 'a rest fills no more than the bucket');
});

test('whoever is refused pays nothing for it, and others are not concerned', () => {
  const { clock, limiter: rate } = limiter(1, 1);
  assert.equal(rate.take('a'), 0);
  for (let i = 0; i < 1000; i++) assert.ok(rate.take('a') > 0);
  assert.equal(rate.take('b'), 0);
  clock.now += 1000;
  assert.equal(rate.take('a'), 0);
});

test('a flood of addresses does not grow the memory, nor free who asks all the time', () => {
  const { clock, limiter: rate } = limiter(1, 1);
  rate.take('regular');
  for (let i = 0; i < 200_000; i++) {
    rate.take(`address ${i}`);
    if (i % 1000 === 0) {
      clock.now += 1;
      rate.take('regular');
    }
  }
  assert.ok(rate.size <= 50_000, `${rate.size}`);
  assert.ok(rate.take('regular') > 0, 'who asks all the time is not forgotten');
});

test('room is made for many at once: new addresses do not cost a walk over all each time', () => {
  const { limiter: rate } = limiter(1, 1);
  const sizes: number[] = [];
  for (let i = 0; i < 60_000; i++) {
    rate.take(`address ${i}`);
    sizes.push(rate.size);
  }
  const walks = sizes.filter((size, i) => i > 0 && size < (sizes[i - 1] ?? 0)).length;
  assert.ok(walks >= 1 && walks <= 3, `${walks} walks for 10,000 addresses above the bound`);
});
