import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeParameters, parametersSchema } from './parameters.ts';

const TOP = 1n << 96n;

function accepted(body: unknown) {
  return parametersSchema.parse(body);
}

/** The fields that are complained about. */
function refused(body: unknown): string[] {
  const result = parametersSchema.safeParse(body);
  assert.ok(!result.success, `accepts ${JSON.stringify(body)}`);
  for (const { message } of result.error.issues) assert.ok(message.length > 5);
  return result.error.issues.map(({ path }) => path.join('.'));
}

test('both spellings, as strings and as numbers, give the same range', () => {
  const wanted = { start: 1n, end: 1001n, mode: 'statistics', batchHint: undefined };
  assert.deepEqual(accepted({ start: 1, end: 1001 }), wanted);
  assert.deepEqual(accepted({ start: '1', end: '1001' }), wanted);
  assert.deepEqual(accepted({ start_number: 1, number_count: '1000' }), wanted);
  assert.deepEqual(accepted({ start: '1', end: 1001, mode: 'statistics' }), wanted);
  assert.equal(accepted({ start: 1, end: 2, mode: 'verify' }).mode, 'verify');
  assert.equal(accepted({ start: 1, end: 2, batch_size: 2 ** 53 - 1 }).batchHint, 2n ** 53n - 1n);
});

test('the range reaches to 2^96 and not beyond', () => {
  assert.equal(accepted({ start: (TOP - 1n).toString(), end: TOP.toString() }).end, TOP);
  assert.equal(accepted({ start_number: (TOP - 1n).toString(), number_count: 1 }).end, TOP);
  assert.deepEqual(refused({ start: '1', end: (TOP + 1n).toString() }), ['end']);
  assert.deepEqual(refused({ start_number: '2', number_count: (TOP - 1n).toString() }), ['number_count']);
});

test('what is wrong is named', () => {
  assert.deepEqual(refused({}), ['start']);
  assert.deepEqual(refused({ start: 1 }), ['end']);
  assert.deepEqual(refused({ number_count: 1 }), ['start_number']);
  assert.deepEqual(refused({ start_number: 1 }), ['number_count']);
  assert.deepEqual(refused({ start: 0, end: 10 }), ['start']);
  assert.deepEqual(refused({ start: 10, end: 10 }), ['end']);
  assert.deepEqual(refused({ start: 10, end: 9 }), ['end']);
  assert.deepEqual(refused({ start_number: 5, number_count: 0 }), ['number_count']);
  assert.deepEqual(refused({ start: 1, end: 2 ** 53 }), ['end']);
  assert.deepEqual(refused({ start: 1, end: 10, mode: 'fast' }), ['mode']);
  for (const batch_size of [0, -1, 1.5, 2 ** 53, '100', null]) {
    assert.deepEqual(refused({ start: 1, end: 10, batch_size }), ['batch_size']);
  }
  for (const start of [
    '',
    ' 1',
    '1 ',
    '+1',
    '-1',
    '01',
    '1e3',
    '1.0',
    '0x1',
    '1_000',
    1.5,
    -1,
    true,
    null,
    [],
  ]) {
    assert.deepEqual(refused({ start, end: 1000000 }), ['start']);
  }
});

test('unknown fields and mixed spellings are refused', () => {
  refused({ start: 1, end: 10, step: 2 });
  assert.deepEqual(refused({ start: 1, end: 10, number_count: 9 }), ['number_count']);
  assert.deepEqual(refused({ start: 1, end: 10, start_number: 1 }), ['start_number']);
  assert.deepEqual(refused({ start: 1, start_number: 1, number_count: 5 }), ['start_number']);
});

test('the canonical form reads back to itself', () => {
  for (const body of [
    { start: 1, end: '79228162514264337593543950336', mode: 'verify', batch_size: 1000 },
    { start_number: '17', number_count: 3 },
  ]) {
    const parameters = accepted(body);
    assert.deepEqual(accepted(JSON.parse(JSON.stringify(encodeParameters(parameters)))), parameters);
  }
});
