/** A number's path: against plain BigInt walks, the shaders' reference, and OEIS; its words and its CSV. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stepsCsv } from '../../client/browser/collatz/csv.ts';
import { DELAY_RECORDS, nextRecord, randomNumber } from '../../client/browser/collatz/delay-records.ts';
import { runAtOnce, runInSlices } from '../../client/browser/collatz/slices.ts';
import { log2, next, valuesFrom, walk } from '../../client/browser/collatz/trajectory.ts';
import { headline, neighbourSentence, relative } from '../../client/browser/collatz/words.ts';
import { walkToOne } from '../../shaders/collatz/walk.ts';
import { recordsOfOeis } from '../oeis.ts';

const path = (n: bigint) => runAtOnce(walk(n));
const plain = (text: string) => text.replaceAll('\u202f', ' ');

test('27', () => {
  const of27 = path(27n);
  assert.deepEqual(
    [of27.steps, of27.oddSteps, of27.peak, of27.peakStep, of27.checkpoints],
    [111, 41, 9232n, 77, [27n]],
  );
  assert.equal(plain(headline(of27)), '27 climbs to 9 232 and takes 111 steps home.');
  assert.equal(
    plain(neighbourSentence(of27, [26n, 28n].map(path))),
    'Its neighbours fall at once: 26 needs 10 steps, 28 needs 18.',
  );
});

test('every step of every path, its height, parity and peak', () => {
  fc.assert(
    fc.property(fc.oneof(fc.bigInt(1n, 5000n), fc.bigInt(1n, 2n ** 96n), fc.bigInt(1n, 10n ** 300n)), (n) => {
      const walked = path(n);
      const values = valuesFrom(walked, 0, walked.steps + 10);
      assert.equal(values.length, walked.steps + 1);
      assert.equal(values.at(-1), 1n);
      let peak = 0n;
      values.forEach((value, step) => {
        if (step > 0) assert.equal(value, next(values[step - 1] ?? 0n));
        assert.equal(walked.odd[step], Number(value & 1n));
        assert.ok(Math.abs((walked.heights[step] ?? 0) - log2(value) * Math.log10(2)) < 1e-9);
        if (value > peak) peak = value;
      });
      assert.equal(walked.peak, peak);
      assert.equal(values[walked.peakStep], peak);
      assert.equal(
        values.filter((value, step) => (value & 1n) === 1n && step < walked.steps).length,
        walked.oddSteps,
      );
      const from = Math.floor(walked.steps / 2);
      assert.deepEqual(valuesFrom(walked, from, 200), values.slice(from, from + 200));
    }),
    { numRuns: 60, seed: 27 },
  );
});

test('agrees with the reference of the workload', () => {
  for (let n = 1n; n < 3000n; n++) {
    const { delay, peak } = walkToOne(n);
    const walked = path(n);
    assert.deepEqual([walked.steps, walked.peak], [delay, peak]);
  }
});

test('the known records are OEIS A006877, with their delays; the next one follows', () => {
  const oeis = recordsOfOeis().delays;
  assert.deepEqual(
    DELAY_RECORDS,
    oeis.map(({ n }) => n),
  );
  for (const { n, delay } of oeis) assert.equal(path(n).steps, delay);
  assert.equal(nextRecord(27n), 54n);
  assert.equal(nextRecord(0n), 1n);
  assert.equal(nextRecord(10n ** 30n), undefined);
});

test('2,000 digits: some ten thousand steps, in slices that can be called off', async () => {
  const n = 10n ** 2000n - 1n;
  const walked = await runInSlices(walk(n));
  assert.ok(walked !== undefined && walked.steps > 40_000);
  assert.deepEqual(valuesFrom(walked, walked.steps - 3, 9), [8n, 4n, 2n, 1n]);
  assert.ok(
    Math.abs((walked.heights[1000] ?? 0) - log2(valuesFrom(walked, 1000, 1)[0] ?? 0n) * Math.log10(2)) < 1e-8,
  );
  const gone = new AbortController();
  const pending = runInSlices(walk(n), gone.signal);
  gone.abort();
  assert.equal(await pending, undefined);
});

test('sentences for 1, for powers of two, and for long numbers', () => {
  assert.equal(headline(path(1n)), '1 is home already.');
  assert.equal(headline(path(64n)), '64 only falls: 6 steps home.');
  assert.equal(headline(path(2n)), '2 only falls: 1 step home.');
  assert.equal(neighbourSentence(path(1n), [path(2n)]), 'Its neighbour 2 needs 1.');
  assert.match(headline(path(10n ** 40n + 1n)), /^1\.000… × 10⁴⁰ climbs to .* and takes .* steps home\.$/);
  assert.equal(relative(10n ** 40n, 10n ** 40n + 1n), 'n + 1');
  assert.equal(relative(10n ** 40n, 10n ** 40n - 2n), 'n − 2');
});

test('the CSV of the steps has every digit of every value', async () => {
  const walked = path(10n ** 60n + 7n);
  const lines = (await new Blob(runAtOnce(stepsCsv(walked))).text()).split('\r\n');
  assert.equal(lines[0], 'step,value,parity');
  assert.equal(lines.at(-1), '');
  const rows = lines.slice(1, -1).map((line) => line.split(','));
  assert.equal(rows.length, walked.steps + 1);
  valuesFrom(walked, 0, rows.length).forEach((value, step) => {
    assert.deepEqual(rows[step], [String(step), String(value), value % 2n === 1n ? 'odd' : 'even']);
  });
});

test('random numbers have 3 to 18 digits', () => {
  for (let i = 0; i < 500; i++) assert.match(String(randomNumber()), /^[1-9]\d{2,17}$/);
});
