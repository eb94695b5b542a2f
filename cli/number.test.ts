import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { NumberProblem, parseNumber } from './number.ts';

const seed = Number(process.env['TEST_SEED'] ?? randomInt(2 ** 31));
const numRuns = process.env['TEST_FULL'] === '1' ? 100_000 : 2000;
const natural = fc.bigInt({ min: 0n, max: 2n ** 200n });

test('the spellings that people use', () => {
  const spellings: [string, bigint][] = [
    ['0', 0n],
    ['1000000', 1_000_000n],
    ['1_000_000', 1_000_000n],
    ['1,000,000', 1_000_000n],
    ["1'000'000", 1_000_000n],
    ['1 000 000', 1_000_000n],
    ['1\u202f000\u202f000', 1_000_000n],
    ['1e9', 10n ** 9n],
    ['1E9', 10n ** 9n],
    ['1e+9', 10n ** 9n],
    ['1.5e6', 1_500_000n],
    ['10^8', 10n ** 8n],
    ['10**8', 10n ** 8n],
    ['2^68+1', 2n ** 68n + 1n],
    [' 2^68 + 1 ', 2n ** 68n + 1n],
    ['3*2^70-1', 3n * 2n ** 70n - 1n],
    ['2^2^3', 256n],
    ['10-3-2', 5n],
    ['1.0', 1n],
    ['007', 7n],
    ['1_00', 100n],
    ['0^99999999999999999999', 0n],
    ['1^99999999999999999999', 1n],
  ];
  for (const [text, value] of spellings) assert.equal(parseNumber(text), value, text);
});

test('what is no whole number is refused with a message that says what to enter', () => {
  const refused = [
    ...[
      '',
      ' ',
      'abc',
      '12abc',
      '1e',
      'e9',
      '1e-3',
      '--1',
      '+',
      '1+',
      '*2',
      '2^',
      '^2',
      '(1)',
      '0x10',
      '1/2',
    ],
    ...[
      '1.5',
      '1.5e0',
      '1.000.000',
      '1,0',
      '1,00,000',
      '10,0000',
      '1__0',
      '_1',
      '1_',
      '1,000_000',
      '1 00',
      '1 2',
    ],
    ...['NaN', 'Infinity', '-1', '3-5', '2^99999', '10^1000', '1e9999', '9^9^9^9', '١', '1\n000\n00'],
    '9'.repeat(201),
  ];
  for (const text of refused) {
    assert.throws(() => parseNumber(text), NumberProblem, JSON.stringify(text));
  }
});

test(`plain decimals read as themselves (seed ${seed})`, () => {
  fc.assert(
    fc.property(natural, (n) => parseNumber(String(n)) === n),
    { seed, numRuns },
  );
});

test(`grouped digits read like ungrouped ones (seed ${seed})`, () => {
  const separator = fc.constantFrom('_', ',', "'", ' ', '\u00a0', '\u2009', '\u202f');
  fc.assert(
    fc.property(natural, separator, (n, mark) => {
      const grouped = String(n).replaceAll(/\B(?=(\d{3})+$)/g, mark);
      return parseNumber(grouped) === n;
    }),
    { seed, numRuns },
  );
});

test(`expressions have the value of their parts (seed ${seed})`, () => {
  const small = fc.bigInt({ min: 0n, max: 1000n });
  fc.assert(
    fc.property(small, fc.bigInt({ min: 0n, max: 40n }), small, small, (a, e, b, c) => {
      const value = a ** e * b + c;
      assert.equal(parseNumber(`${a}^${e}*${b}+${c}`), value);
      assert.equal(parseNumber(`${value} - ${c}`), a ** e * b);
      assert.equal(parseNumber(`${a}e${e}`), a * 10n ** e);
    }),
    { seed, numRuns },
  );
});

test(`any text gives a number or a NumberProblem, quickly (seed ${seed})`, () => {
  const text = fc.oneof(
    fc.string(),
    fc
      .array(fc.constantFrom('1', '9', '0', '^', '*', '+', '-', 'e', '.', '_', ',', ' '))
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (input) => {
      try {
        assert.ok(parseNumber(input) >= 0n);
      } catch (error) {
        assert.ok(error instanceof NumberProblem, String(error));
      }
    }),
    { seed, numRuns },
  );
});
