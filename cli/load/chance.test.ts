import assert from 'node:assert/strict';
import test from 'node:test';
import { Chance } from './chance.ts';

const drawn = (draw: (chance: Chance) => number) => {
  const chance = new Chance('a crowd');
  return Float64Array.from({ length: 20_000 }, () => draw(chance)).sort();
};
const near = (value: number | undefined, expected: number, share: number) =>
  assert.ok(Math.abs((value ?? NaN) - expected) <= share * expected, `${value} is not about ${expected}`);

test('a seed gives the same draws again, another one others', () => {
  const words = (seed: string) => {
    const chance = new Chance(seed);
    return Array.from({ length: 8 }, chance.word);
  };
  assert.deepEqual(words('7 worker 3'), words('7 worker 3'));
  assert.notDeepEqual(words('7 worker 3'), words('7 worker 4'));
  assert.match(new Chance('x').hex(16), /^[0-9a-f]{32}$/);
});

test('speeds are log-normal: half below the median, a tenth above 3.6 times it, none far off', () => {
  const speeds = drawn((chance) => chance.logNormal(100, 1));
  near(speeds[10_000], 100, 0.05);
  near(speeds[18_000], 360, 0.05);
  assert.ok((speeds.at(-1) ?? NaN) <= 100 * Math.exp(2.5) + 1e-9);
});

test('stays follow Pareto: none is shorter than the least, and the tail is heavy', () => {
  const stays = drawn((chance) => chance.pareto(2, 1.5));
  assert.ok((stays[0] ?? 0) >= 2);
  near(stays[10_000], 2 * 2 ** (1 / 1.5), 0.05);
  near(stays[19_800], 2 * 100 ** (1 / 1.5), 0.2);
});

test('times between events at random have their mean', () => {
  const times = drawn((chance) => chance.exponential(5));
  near(times.reduce((sum, time) => sum + time, 0) / times.length, 5, 0.05);
});
