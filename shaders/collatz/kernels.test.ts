/** The kernels beyond what the conformance suite reaches: OEIS, long ranges, many chunks, any place. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { Range } from '../../protocol/range.ts';
import { rangeLength } from '../../protocol/range.ts';
import { openEngines } from '../../tests/engines-under-test.ts';
import { recordsOfOeis } from '../../tests/oeis.ts';
import type { Statistics } from './statistics.ts';
import { statisticsOf } from './statistics.ts';
import type { Verification } from './verification.ts';
import { walkToOne } from './walk.ts';
import { collatzWorkload } from './workload.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const full = process.env['TEST_FULL'] === '1';
const TOP = 1n << 96n;
const skip = (reason: string | undefined) =>
  reason === undefined ? {} : { skip: `no GPU adapter: ${reason}` };

const engines = await openEngines();
after(() => engines.close());

/** Counts what the GPU leaves to the CPU. */
let claimed = 0n;
const workload: typeof collatzWorkload = {
  ...collatzWorkload,
  claims(p, batch, tile) {
    const claims = collatzWorkload.claims(p, batch, tile);
    claimed += claims.reduce((sum, range) => sum + rangeLength(range), 0n);
    return claims;
  },
};
const { cpu, gpus } = engines.of(workload);
const statistics = collatzWorkload.parameters.parse({ start: '1', end: String(TOP) });
const verify = collatzWorkload.parameters.parse({ start: '1', end: String(TOP), mode: 'verify' });

async function statisticsByCpu(range: Range): Promise<Statistics> {
  const found = await cpu(statistics, range);
  assert.ok(found.mode === 'statistics');
  return found;
}

async function verificationByCpu(range: Range): Promise<Verification> {
  const found = await cpu(verify, range);
  assert.ok(found.mode === 'verify');
  return found;
}

const textOf = (a: Statistics | Verification) => JSON.stringify(collatzWorkload.encode(statistics, a));

/** Near a place where an engine changes, or anywhere below 2^96. */
const place = fc
  .record({
    edge: fc.constantFrom(
      1n,
      1n << 26n,
      1n << 32n,
      1n << 49n,
      1n << 53n,
      1n << 56n,
      1n << 64n,
      1n << 80n,
      TOP,
    ),
    shift: fc.bigInt(-2000n, 2000n),
    anywhere: fc.bigInt(1n, TOP - 1n),
    bits: fc.nat(95),
    near: fc.boolean(),
  })
  .map(({ edge, shift, anywhere, bits, near }) => (near ? edge + shift : anywhere >> BigInt(bits)));

function rangeFrom(start: bigint, length: bigint): Range {
  const from = start < 1n ? 1n : start > TOP - length ? TOP - length : start;
  return { start: from, end: from + length };
}

test(`statistics anywhere = the reference (seed ${seed})`, async () => {
  const property = fc.asyncProperty(place, fc.bigInt(1n, 80n), async (start, length) => {
    const range = rangeFrom(start, length);
    assert.equal(
      textOf(await statisticsByCpu(range)),
      textOf(collatzWorkload.reference(statistics, range)),
      `${range.start}`,
    );
  });
  await fc.assert(property, { seed, numRuns: full ? 5000 : 60 });
});

test(`verify anywhere = the reference (seed ${seed})`, async () => {
  const property = fc.asyncProperty(place, fc.bigInt(1n, 3000n), async (start, length) => {
    const range = rangeFrom(start, length);
    assert.equal(
      textOf(await verificationByCpu(range)),
      textOf(collatzWorkload.reference(verify, range)),
      `${range.start}`,
    );
  });
  await fc.assert(property, { seed, numRuns: full ? 1000 : 40 });
});

test(`longer statistics = every number walked by itself (seed ${seed})`, async () => {
  const property = fc.asyncProperty(place, async (start) => {
    const range = rangeFrom(start, 2000n);
    const walks = Array.from({ length: 2000 }, (_, index) => {
      const n = range.start + BigInt(index);
      return { n, ...walkToOne(n) };
    });
    assert.equal(textOf(await statisticsByCpu(range)), textOf(statisticsOf(walks)), `${range.start}`);
  });
  await fc.assert(property, { seed, numRuns: full ? 500 : 10 });
});

const END = full ? 10n ** 8n : 10n ** 7n;
test(`statistics from 1 to ${END} find the records of OEIS, every one`, async () => {
  const found = await statisticsByCpu({ start: 1n, end: END });
  const { delays, peaks } = recordsOfOeis();
  assert.deepEqual(
    found.delayRecords.map(({ n, value }) => ({ n, delay: value })),
    delays.filter(({ n }) => n < END),
  );
  assert.deepEqual(
    found.peakRecords.map(({ n, value }) => ({ n, peak: value })),
    peaks.filter(({ n }) => n < END),
  );
});

test('verify from 1 to 10^9 finds the path records of OEIS from 3 on', async () => {
  const found = await verificationByCpu({ start: 1n, end: 10n ** 9n });
  assert.deepEqual(
    found.peakRecords.map(({ n, value }) => ({ n, peak: value })),
    recordsOfOeis().peaks.filter(({ n }) => n >= 3n),
  );
  assert.deepEqual(found.failures, []);
});

test('a value past 128 bits is handed back and computed exactly', async () => {
  const n = 274133054632352106267n;
  const found = await statisticsByCpu({ start: n - 5n, end: n + 5n });
  assert.deepEqual(found.peakRecords.at(-1), { n, value: 113298124744388651798242538014293435290632n });
  assert.equal(found.histogram.sums().total, 10n);
});

test('just below 2^96 thousands of numbers outgrow 128 bits, and all are counted', async () => {
  const range = { start: TOP - 60_000n, end: TOP };
  const found = await statisticsByCpu(range);
  assert.equal(found.histogram.sums().total, 60_000n);
  assert.deepEqual(collatzWorkload.check(statistics, range, found), []);
});

for (const { name, compute } of gpus) {
  const same = async (p: typeof statistics, range: Range, tile: bigint): Promise<bigint> => {
    claimed = 0n;
    assert.equal(textOf(await compute(p, range, tile)), textOf(await cpu(p, range)), `${range.start}`);
    return claimed;
  };

  test(`many rows give the CPU's statistics, which does little of the work: ${name}`, async () => {
    // Not aligned: rows of 2^16, then of 2^20, then of 2^16 again, and edges. Each number of limbs once.
    const length = 2n ** 24n - 300_000n;
    for (const start of [1n << 24n, (1n << 32n) - 300_000n, 1n << 44n, 1n << 60n, 1n << 68n, 1n << 95n]) {
      const range = { start: start + 12_345n, end: start + 12_345n + length };
      const left = await same(statistics, range, length);
      // About 2·ln 45 = 8 of the 45 rows hold a record, and most are computed in part.
      assert.ok(
        left < (length * 25n) / 100n,
        `${left} of ${length} numbers from ${start} on left to the CPU`,
      );
    }
  });

  test(`statistics in tiles of any length, where limbs change and where the CPU begins: ${name}`, async () => {
    for (const edge of [24n, 45n, 64n, 71n]) {
      const range = { start: (1n << edge) - 1_100_000n, end: (1n << edge) + 1_300_000n };
      for (const tile of [70_001n, 1_048_576n, 2_400_000n]) await same(statistics, range, tile);
    }
    await same(statistics, { start: 1n, end: (1n << 24n) + 70_000n }, 1n << 24n);
  });

  test(`many cells give the CPU's verification, which does little of the work: ${name}`, async () => {
    // Of the first piece of a batch, of which nothing is known before, the CPU computes most.
    const length = (1n << 31n) + 12_345n;
    for (const start of [(1n << 26n) + 77n, (1n << 40n) - 1000n, (1n << 64n) - (1n << 24n)]) {
      const left = await same(verify, { start, end: start + length }, 1n << 28n);
      assert.ok(left < length / 10n, `${left} of ${length} numbers from ${start} on left to the CPU`);
    }
  });

  test(`tiles with a few numbers to hand back, and with too many: ${name}`, async () => {
    await same(statistics, { start: TOP - 500_000n, end: TOP - 490_000n }, 1000n);
    await same(statistics, { start: TOP - 3000n, end: TOP }, 3000n);
    await same(verify, { start: TOP - 200_000n, end: TOP }, 9999n);
  });
}

if (gpus.length === 0) test('GPU = CPU', skip(engines.noGpu), () => {});
