import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readLine } from './c-programs.ts';

test('a line of a C program is read without losing digits', () => {
  const line =
    '{"units": 8, "cpu_ns": 1000000007, "result": {"delay_sum": 123456789012345678901, "max_peak": {"n": "7", "peak": 18446744073709551617}, "list": [1, 22]}}\n';
  assert.deepEqual(readLine('a case', line), {
    units: 8,
    cpu_ns: 1000000007,
    result: {
      delay_sum: '123456789012345678901',
      max_peak: { n: '7', peak: '18446744073709551617' },
      list: ['1', '22'],
    },
  });
});

test('what is no such line is shown', () => {
  for (const line of ['', 'Segmentation fault', '{"units": 0, "cpu_ns": 5, "result": {}}', '{"units": 5}']) {
    assert.throws(() => readLine('a case', line), /a case: the C program printed "/);
  }
});
