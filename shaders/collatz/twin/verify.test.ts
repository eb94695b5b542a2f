/**
 * The twin of mode verify against the plain reference where that is fast enough, and against the WebAssembly kernel
 * on ranges of many blocks: two programs that share no loop.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { Range } from '../../../protocol/range.ts';
import { openEngines } from '../../../tests/engines-under-test.ts';
import { collatzWorkload } from '../workload.ts';
import { verifyTwin } from './verify.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const full = process.env['TEST_FULL'] === '1';
const TOP = 1n << 96n;

const engines = await openEngines();
after(() => engines.close());
const { cpu } = engines.of(collatzWorkload);
const p = collatzWorkload.parameters.parse({ start: '1', end: String(TOP), mode: 'verify' });
const twin = verifyTwin(collatzWorkload.parameterWords(p));

const textOf = (a: ReturnType<typeof collatzWorkload.reference>) =>
  JSON.stringify(collatzWorkload.encode(p, a));
const byTwin = (range: Range) => textOf(collatzWorkload.decodeCpu(p, range, twin(range)));

test('the twin = the reference wherever the samples lie', () => {
  for (const { parameters, ranges } of collatzWorkload.samples) {
    if (parameters['mode'] !== 'verify') continue;
    for (const range of ranges) {
      assert.equal(byTwin(range), textOf(collatzWorkload.reference(p, range)), `from ${range.start}`);
    }
  }
});

/** Where a group of 64 blocks, a width or a limb ends. */
const EDGES = [26n, 30n, 31n, 34n, 43n, 44n, 49n, 64n, 80n, 88n, 96n].map((bits) => 1n << bits);

test(`the kernel = the twin over many blocks, cut anywhere (seed ${seed})`, async () => {
  const start = fc.oneof(
    fc
      .record({ edge: fc.constantFrom(...EDGES), shift: fc.bigInt(0n, 3n << 24n) })
      .map(({ edge, shift }) => edge - shift),
    fc
      .record({ anywhere: fc.bigInt(1n, TOP), bits: fc.nat(70) })
      .map(({ anywhere, bits }) => anywhere >> BigInt(bits)),
  );
  const length = fc.oneof(fc.bigInt(1n, 1n << 25n), fc.bigInt(1n, 1n << (full ? 31n : 28n)));
  await fc.assert(
    fc.asyncProperty(start, length, async (from, wanted) => {
      const first = from < 1n ? 1n : from >= TOP ? TOP - 1n : from;
      const range = { start: first, end: first + wanted > TOP ? TOP : first + wanted };
      assert.equal(textOf(await cpu(p, range)), byTwin(range), `[${range.start}, ${range.end})`);
    }),
    { seed, numRuns: full ? 200 : 12 },
  );
});
