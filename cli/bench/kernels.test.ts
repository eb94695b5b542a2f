/** The order of measuring and comparing, with programs that are played. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Range } from '../../protocol/range.ts';
import { BeyondBounds } from './c-programs.ts';
import { caseOf, roundStart } from './cases.ts';
import { ResultsDiffer, type Fields } from './comparison.ts';
import { benchKernels } from './kernels.ts';
import type { ProgramName } from './names.ts';
import type { Program, Sample } from './programs.ts';

const each = caseOf('verify at 2^40');
const CALL = 1000n;

function program(
  engine: ProgramName,
  log: string[],
  answer: (range: Range) => Fields,
  told = false,
): Program {
  const measure = (start: bigint): Sample => ({
    rate: log.length,
    clock: 'CPU time',
    hostShare: 0,
    ...(told
      ? { told: { range: { start, end: start + CALL }, fields: answer({ start, end: start + CALL }) } }
      : {}),
  });
  return {
    ...{ engine, adapter: null, software: false, title: engine },
    unable: ({ place }) => (place === '2^95' && engine === 'twin' ? 'not there' : undefined),
    prepare: () => Promise.resolve(told ? undefined : CALL),
    fields: (_test, range) => Promise.resolve(answer(range)),
    measure: (_test, start) => {
      log.push(`${engine} ${start}`);
      return Promise.resolve(measure(start));
    },
    close: () => undefined,
  };
}

const honest = ({ start, end }: Range): Fields => ({ candidates: end - start });
const run = { seconds: 1, rounds: 3, signal: new AbortController().signal, note: () => undefined };
const all: readonly ProgramName[] = ['wasm', 'twin', 'c'];

test('programs are measured in turn, there and back, at the same places', async () => {
  const log: string[] = [];
  const programs = [
    program('wasm', log, honest),
    program('twin', log, honest),
    program('c', log, honest, true),
  ];
  const { rates, compared, unable } = await benchKernels([each], programs, all, run);
  const place = [0, 1, 2].map((round) => roundStart(each, round));
  assert.equal(new Set(place).size, 3);
  assert.deepEqual(log, [
    ...['wasm', 'twin', 'c'].map((name) => `${name} ${place[0]}`),
    ...['c', 'twin', 'wasm'].map((name) => `${name} ${place[1]}`),
    ...['wasm', 'twin', 'c'].map((name) => `${name} ${place[2]}`),
  ]);
  assert.deepEqual(
    rates.map(({ engine, samples }) => [engine, samples]),
    [
      ['wasm', [1, 6, 7]],
      ['twin', [2, 5, 8]],
      ['c', [3, 4, 9]],
    ],
  );
  assert.deepEqual(unable, []);
  // A small range, a call by the fast ones, and C with each of its figures.
  assert.deepEqual(
    compared.map(({ programs: names }) => names.join(' ')),
    ['wasm twin', 'wasm twin', 'wasm c', 'wasm c', 'wasm c'],
  );
});

test('a program that is only held against is not measured; one that is unable is left out by name', async () => {
  const log: string[] = [];
  const programs = [program('wasm', log, honest), program('twin', log, honest)];
  const { rates, unable } = await benchKernels([each, caseOf('verify at 2^95')], programs, ['twin'], run);
  assert.deepEqual(
    rates.map(({ case: name, engine }) => `${name} ${engine}`),
    ['verify at 2^40 twin'],
  );
  assert.deepEqual(unable, [{ case: 'verify at 2^95', title: 'twin', reason: 'not there' }]);
});

test('a wrong result ends the run: on the small range, on that of a call, and in what C tells', async () => {
  const wrongOn = (wrong: (range: Range) => boolean) => (range: Range) =>
    wrong(range) ? { candidates: 0 } : honest(range);
  const isSmall = ({ start }: Range) => start === each.small.start;
  const isFirst = ({ start }: Range) => start === roundStart(each, 0);
  const isSecond = ({ start }: Range) => start === roundStart(each, 1);
  for (const [engine, wrong, told] of [
    ['twin', isSmall, false],
    ['twin', isFirst, false],
    ['c', isFirst, true],
    ['c', isSecond, true],
  ] as const) {
    const programs = [program('wasm', [], honest), program(engine, [], wrongOn(wrong), told)];
    await assert.rejects(
      benchKernels([each], programs, all, run),
      (error: unknown) =>
        error instanceof ResultsDiffer && error.message.includes(`candidates is 0 by ${engine}`),
      engine,
    );
  }
});

test('a program whose numbers do not suffice is out of the case, by name', async () => {
  const beyond = () => {
    throw new BeyondBounds('a value passes 2^128');
  };
  const programs = [program('wasm', [], honest), program('c', [], beyond, true)];
  const { rates, unable } = await benchKernels([each], programs, all, run);
  assert.deepEqual(
    rates.map(({ engine }) => engine),
    ['wasm'],
  );
  assert.deepEqual(unable, [{ case: each.name, title: 'c', reason: 'a value passes 2^128' }]);
});
