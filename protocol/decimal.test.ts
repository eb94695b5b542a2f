import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { decimalBigInt, decimalInput, decimalString, parseDecimal } from './decimal.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const TOP = 2n ** 96n;
const input = decimalInput(1n, TOP);

function problemOf(value: unknown): string {
  const parsed = input.safeParse(value);
  assert.equal(parsed.success, false, `${String(value)} was taken as ${String(parsed.data)}`);
  const [issue] = parsed.error.issues;
  return issue?.message ?? '';
}

test(`every whole number in bounds is read back from its plain decimal (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: TOP }), (number) => {
      assert.equal(input.parse(String(number)), number);
      assert.equal(parseDecimal(String(number)), number);
      assert.equal(decimalBigInt.parse(String(number)), number);
    }),
    { seed },
  );
});

test(`JSON numbers are taken up to 2^53 - 1 (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (number) => {
      assert.equal(input.parse(number), BigInt(number));
    }),
    { seed },
  );
  assert.equal(input.parse(2 ** 53 - 1), 2n ** 53n - 1n);
});

test('a JSON number past 2^53 - 1 is refused with what to do', () => {
  for (const text of ['9007199254740992', '1e21', '1e308', '1e400', '-1e400']) {
    const number: unknown = JSON.parse(text);
    assert.match(problemOf(number), /2\^53 - 1|fraction/, text);
  }
  assert.match(problemOf(2 ** 53), /lost digits: send it as a string/);
});

test('what is no plain decimal is refused with its reason', () => {
  for (const text of [
    '',
    ' ',
    '+1',
    '-1',
    ' 1',
    '1 ',
    '01',
    '00',
    '1.0',
    '1e9',
    '0x10',
    '1_000',
    '1,000',
    '١',
    '1n',
  ]) {
    assert.match(problemOf(text), /digits only/, JSON.stringify(text));
  }
  for (const value of [null, undefined, true, [], ['1'], {}, 1n, Number.NaN]) {
    assert.match(problemOf(value), /expected a whole number/, inspect(value));
  }
  assert.match(problemOf(1.5), /without a fraction/);
});

test('out of bounds is refused with the bounds', () => {
  for (const value of ['0', 0, -1, String(TOP + 1n), '9'.repeat(64)]) {
    assert.match(problemOf(value), /from 1 to 79228162514264337593543950336/, String(value));
  }
});

test('a number of a megabyte is refused before it is computed', () => {
  const started = performance.now();
  assert.match(problemOf('9'.repeat(2 ** 20)), /digits only/);
  assert.equal(decimalString.safeParse('9'.repeat(2 ** 20)).success, false);
  assert.ok(performance.now() - started < 1000);
});
