import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isCandidateByDefinition, survivesByDefinition } from './reference.ts';
import { countCandidates, firstCandidate, isCandidate, survivingResidues } from './sieve.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const full = process.env['TEST_FULL'] === '1';

test('234,485 of the 2^24 residues survive; with five classes mod 9 that is 0.776 % of all numbers', () => {
  const residues = survivingResidues();
  assert.equal(residues.length, 234_485);
  assert.ok(residues.every((r, index) => index === 0 || r > (residues[index - 1] ?? 0)));
  const period = 9n << 24n;
  const start = 1n << 60n;
  assert.equal(countCandidates({ start, end: start + period }), 234_485n * 5n);
  assert.equal(Math.round((234_485 * 5 * 1e5) / (9 * 2 ** 24)), 776);
});

test(`residues survive exactly if the definition says so (seed ${seed})`, () => {
  const all = new Set(survivingResidues());
  const known = [...all];
  const count = full ? 200_000 : 3000;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 24 - 1 }), fc.nat(known.length - 1), (r, index) => {
      assert.equal(all.has(r), survivesByDefinition(BigInt(r)), `residue ${r}`);
      const survivor = known[index] ?? 0;
      assert.ok(survivesByDefinition(BigInt(survivor)), `residue ${survivor}`);
    }),
    { seed, numRuns: count },
  );
  for (let r = 0; r < 5000; r++) assert.equal(all.has(r), survivesByDefinition(BigInt(r)), `residue ${r}`);
});

test(`counts, first candidates and membership agree with the definition (seed ${seed})`, () => {
  const edges = fc.constantFrom(
    1n,
    2n ** 26n - 300n,
    2n ** 32n - 300n,
    9n << 40n,
    2n ** 64n - 300n,
    2n ** 95n,
  );
  fc.assert(
    fc.property(edges, fc.bigInt(0n, 1n << 25n), fc.bigInt(1n, 600n), (edge, shift, length) => {
      const start = edge + (shift % 2n === 0n ? shift : shift % 600n);
      const range = { start, end: start + length };
      const candidates: bigint[] = [];
      for (let n = range.start; n < range.end; n++) {
        assert.equal(isCandidate(n), isCandidateByDefinition(n), `${n}`);
        if (isCandidate(n)) candidates.push(n);
      }
      assert.equal(countCandidates(range), BigInt(candidates.length));
      assert.equal(firstCandidate(range), candidates[0]);
    }),
    { seed, numRuns: full ? 3000 : 60 },
  );
});

test(`counts of adjoining ranges add up (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt(1n, 2n ** 96n), { minLength: 3, maxLength: 3 }), (cuts) => {
      const [a = 0n, b = 0n, c = 0n] = cuts.toSorted((x, y) => (x < y ? -1 : x > y ? 1 : 0));
      const whole = countCandidates({ start: a, end: c });
      assert.equal(countCandidates({ start: a, end: b }) + countCandidates({ start: b, end: c }), whole);
    }),
    { seed },
  );
});
