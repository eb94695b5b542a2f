/**
 * The twin of mode statistics against the plain reference where that is fast enough, and against the WebAssembly kernel
 * where that computes by residue classes: the twin knows none. And the facts that the kernel's proofs rest on.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { Range } from '../../../protocol/range.ts';
import { openEngines } from '../../../tests/engines-under-test.ts';
import { walkToOne } from '../walk.ts';
import { collatzWorkload } from '../workload.ts';
import { statisticsTwin } from './statistics.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const full = process.env['TEST_FULL'] === '1';
const TOP = 1n << 96n;

const engines = await openEngines();
after(() => engines.close());
const { cpu } = engines.of(collatzWorkload);
const p = collatzWorkload.parameters.parse({ start: '1', end: String(TOP) });
const twin = statisticsTwin(collatzWorkload.parameterWords(p));

const textOf = (a: ReturnType<typeof collatzWorkload.reference>) =>
  JSON.stringify(collatzWorkload.encode(p, a));
const byTwin = (range: Range) => textOf(collatzWorkload.decodeCpu(p, range, twin(range)));
const named = ({ start, end }: Range) => `[${start}, ${end})`;

test('the twin = the reference wherever the samples lie', () => {
  for (const { parameters, ranges } of collatzWorkload.samples) {
    if (parameters['mode'] === 'verify') continue;
    for (const range of ranges) {
      assert.equal(byTwin(range), textOf(collatzWorkload.reference(p, range)), named(range));
    }
  }
});

test('the kernel = the twin where its blocks begin, and from 1', async () => {
  const length = 3n << 17n;
  for (const start of [1n, (1n << 18n) - 3n, (1n << 24n) - 5n, 1n << 40n, (1n << 52n) + 1n, 1n << 68n]) {
    const range = { start, end: start + length };
    assert.equal(textOf(await cpu(p, range)), byTwin(range), named(range));
  }
});

test('the kernel = the twin over the largest blocks', async () => {
  const length = full ? 9n << 20n : 5n << 19n;
  for (const start of [(1n << 25n) - (1n << 18n), (1n << 40n) + 12_345n]) {
    const range = { start, end: start + length };
    assert.equal(textOf(await cpu(p, range)), byTwin(range), named(range));
  }
});

/** Where a width, a limb or a block's least start ends. */
const EDGES = [16n, 20n, 24n, 30n, 37n, 46n, 51n, 55n, 64n, 72n, 88n, 95n, 96n].map((bits) => 1n << bits);

test(`the kernel = the twin over many blocks, cut anywhere (seed ${seed})`, async () => {
  const start = fc.oneof(
    fc
      .record({ edge: fc.constantFrom(...EDGES), shift: fc.bigInt(0n, 1n << 17n) })
      .map(({ edge, shift }) => edge - shift),
    fc
      .record({ anywhere: fc.bigInt(1n, TOP), bits: fc.nat(80) })
      .map(({ anywhere, bits }) => anywhere >> BigInt(bits)),
  );
  await fc.assert(
    fc.asyncProperty(start, fc.bigInt(1n, 1n << (full ? 20n : 17n)), async (from, wanted) => {
      const first = from < 1n ? 1n : from >= TOP ? TOP - 1n : from;
      const range = { start: first, end: first + wanted > TOP ? TOP : first + wanted };
      assert.equal(textOf(await cpu(p, range)), byTwin(range), named(range));
    }),
    { seed, numRuns: full ? 100 : 10 },
  );
});

test('a sum over a range does not depend on where it is cut', async () => {
  const start = (1n << 68n) + 77n;
  const length = 5n << 20n;
  const whole = textOf(await cpu(p, { start, end: start + length }));
  let folded = collatzWorkload.empty(p);
  for (let from = 0n; from < length;) {
    const to = from + 700_001n < length ? from + 700_001n : length;
    folded = collatzWorkload.fold(p, folded, await cpu(p, { start: start + from, end: start + to }));
    from = to;
  }
  assert.equal(textOf(folded), whole);
});

test('below 2^19 no path climbs above that of 270271, and no product of 1 + 1/3x passes that of 993', () => {
  let highest = { n: 0, peak: 0n };
  let largest = { n: 0, product: 0 };
  for (let n = 1; n < 2 ** 19; n++) {
    const { delay, peak } = walkToOne(BigInt(n));
    if (peak > highest.peak) highest = { n, peak };
    let odd = 0;
    for (let x = n; x !== 1; x = x % 2 === 0 ? x / 2 : 3 * x + 1) odd += x % 2;
    const product = 2 ** (delay - odd - odd * Math.log2(3) - Math.log2(n));
    if (product > largest.product) largest = { n, product };
  }
  assert.deepEqual(highest, { n: 270271, peak: 24648077896n });
  assert.equal(largest.n, 993);
  assert.ok(largest.product < 1.2532, `${largest.product}`);
});
