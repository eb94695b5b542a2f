import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonical, compareAnswers, ResultsDiffer, workOf } from './comparison.ts';

const range = { start: 5n, end: 9n };
const right = {
  count: '4',
  candidates: '1',
  max_peak: { n: '7', peak: '52' },
  peak_records: [{ n: '7', peak: '52' }],
};
const compare = (fields: Record<string, unknown>) =>
  compareAnswers('verify at 1', range, [
    { program: 'WebAssembly', fields: right },
    { program: 'C', fields },
  ]);

test('the same results in other types, orders and selections are the same', () => {
  compare(right);
  compare({ candidates: 1, max_peak: { peak: 52n, n: 7 } });
  compare({ count: 4n, settled: '4' });
});

test('one wrong field is named, with both programs and the range', () => {
  for (const [fields, field] of [
    [{ ...right, candidates: '2' }, 'candidates'],
    [{ ...right, max_peak: { n: '5', peak: '52' } }, 'max_peak'],
    [{ ...right, max_peak: null }, 'max_peak'],
    [{ ...right, peak_records: [] }, 'peak_records'],
    [{ ...right, peak_records: [...right.peak_records, { n: '8', peak: '53' }] }, 'peak_records'],
  ] as const) {
    assert.throws(
      () => compare(fields),
      (error: unknown) =>
        error instanceof ResultsDiffer &&
        error.message.startsWith(`verify at 1, [5, 9): ${field} is `) &&
        /by C, but .* by WebAssembly$/.test(error.message),
      field,
    );
  }
});

test('who says nothing that can be compared is no witness', () => {
  assert.throws(() => compare({ settled: '4' }), /tells nothing to compare/);
});

test('numbers past 2^53 are compared digit by digit', () => {
  assert.notEqual(canonical('9007199254740993'), canonical('9007199254740992'));
  assert.equal(canonical(9007199254740993n), canonical('9007199254740993'));
  assert.throws(() => canonical(() => 0), TypeError);
});

test('work is numbers, or threads with those of oversize trees as far as they must be walked', () => {
  assert.equal(workOf({ count: '100', delay_sum: '5' }, 0), 100);
  assert.equal(workOf({ threads: '100', oversize: 2 }, 10), 122);
});
