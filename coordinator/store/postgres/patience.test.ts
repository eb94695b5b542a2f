import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Patience } from './patience.ts';

/** The session of the one that looks. */
const ME = 99;
const sign = (beats: number | null, commits = 0, epoch = 1) => ({
  ...{ epoch, begun: true, connected: true },
  ...{ beats, commits },
});
const gone = (beats: number) => ({ ...sign(beats), connected: false });
const starting = { epoch: 1, begun: false, connected: true, beats: null, commits: 0 };

test('three looks over three seconds without a sign are a death, two or a shorter time are not', () => {
  const patience = new Patience(3000);
  assert.deepEqual(patience.look(0, ME, [sign(5)]), []);
  assert.deepEqual(patience.look(1500, ME, [sign(5)]), []);
  assert.deepEqual(patience.look(3000, ME, [sign(5)]), [], 'two looks after the first one');
  assert.deepEqual(patience.look(3100, ME, [sign(5)]), [1]);
  const quick = new Patience(3000);
  const looks = [0, 900, 1800, 2700, 3600].map((now) => quick.look(now, ME, [sign(5)]).length);
  assert.deepEqual(looks, [0, 0, 0, 0, 1]);
});

test('a beat or a commit is a sign of life', () => {
  const patience = new Patience(3000);
  const seen = [sign(1), sign(2), sign(2), sign(2, 1), sign(2, 1), sign(2, 1), sign(2, 1)];
  assert.deepEqual(
    seen.map((each, i) => patience.look(i * 1000, ME, [each]).length),
    [0, 0, 0, 0, 0, 0, 1],
  );
});

test('after a gap in the looks everybody is given time anew, and twice as much', () => {
  const patience = new Patience(3000);
  for (const now of [0, 1000, 2000]) assert.deepEqual(patience.look(now, ME, [sign(1), sign(1, 0, 2)]), []);
  assert.deepEqual(patience.look(60_000, ME, [sign(1), sign(1, 0, 2)]), [], 'the database was away');
  const deaths = [1, 2, 3, 4, 5, 6].map((s) =>
    patience.look(60_000 + s * 1000, ME, [sign(1), sign(s, 0, 2)]),
  );
  assert.deepEqual(deaths, [[], [], [], [], [], [1]]);
});

test('one that has not begun to beat is given ten times as long; one that is gone is forgotten', () => {
  const patience = new Patience(3000);
  for (let s = 0; s < 30; s += 1) assert.deepEqual(patience.look(s * 1000, ME, [starting]), []);
  assert.deepEqual(patience.look(30_000, ME, [starting]), [1]);
  assert.deepEqual(patience.look(31_000, ME, []), []);
  assert.deepEqual(patience.look(32_000, ME, [starting]), []);
});

test('one whose beats a crash of the database took is given no longer than others', () => {
  const patience = new Patience(3000);
  assert.deepEqual(patience.look(0, ME, [sign(7)]), []);
  const deaths = [1, 2, 3, 4].map((s) => patience.look(s * 1000, ME, [sign(null)]).length);
  assert.deepEqual(deaths, [0, 0, 0, 1]);
});

test('whose session has ended is given two looks and half the time, if it gives no other sign meanwhile', () => {
  const patience = new Patience(3000);
  assert.deepEqual(patience.look(0, ME, [gone(5)]), []);
  assert.deepEqual(patience.look(1000, ME, [gone(5)]), []);
  assert.deepEqual(patience.look(2000, ME, [gone(5)]), [1]);
  const soon = new Patience(3000);
  const looks = [0, 700, 1400, 2100].map((now) => soon.look(now, ME, [gone(5)]).length);
  assert.deepEqual(looks, [0, 0, 0, 1], 'not before half the time');
});

test('who beats on another session is alive, and the looks without one must be in a row', () => {
  const patience = new Patience(3000);
  const seen = [gone(1), gone(1), sign(2), gone(2), sign(2), gone(2)];
  assert.deepEqual(
    seen.map((each, i) => patience.look(i * 1000, ME, [each]).length),
    [0, 0, 0, 0, 0, 1],
    'by the usual patience alone',
  );
  const back = new Patience(3000);
  assert.deepEqual(
    [gone(1), gone(1), gone(2), gone(3)].map((each, i) => back.look(i * 1000, ME, [each]).length),
    [0, 0, 0, 0],
  );
});

test('after a gap nobody is hurried whose session is not back', () => {
  const patience = new Patience(3000);
  assert.deepEqual(patience.look(0, ME, [gone(1)]), []);
  const deaths = [60, 61, 62, 63, 64, 65, 66].map((s) => patience.look(s * 1000, ME, [gone(1)]).length);
  assert.deepEqual(deaths, [0, 0, 0, 0, 0, 0, 1]);
});

test('whose own session is new hurries nobody that was silent before: what ended it may have ended the others’', () => {
  const patience = new Patience(3000);
  assert.deepEqual(patience.look(0, ME, [gone(1)]), []);
  assert.deepEqual(patience.look(1000, ME, [gone(1)]), []);
  const looks = [2000, 2500, 3000].map((now) => patience.look(now, ME + 1, [gone(1)]).length);
  assert.deepEqual(looks, [0, 0, 1], 'dead by the usual patience');
});
