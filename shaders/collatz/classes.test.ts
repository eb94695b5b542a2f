/** The classes against their definition, and the plans of pieces against their ranges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { rangeLength } from '../../protocol/range.ts';
import { residueClasses } from './classes.ts';
import { numberOf, planOf, statisticsGpuKernel, weightOf } from './statistics-plan.ts';
import { statisticsConstants } from './statistics-tables.ts';
import { walkToOne } from './walk.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** c and d of a residue, step by step. */
function stepped(residue: number, bits: number): string {
  let value = BigInt(residue);
  let odd = 0;
  for (let step = 0; step < bits; step++) {
    if (value % 2n === 1n) {
      value = 3n * value + 1n;
      odd++;
    }
    value /= 2n;
  }
  return `${odd} ${value}`;
}

test('every residue is in one class, which begins with its smallest', () => {
  const levels = [0, 1, 5, 12];
  for (const [level, classes] of residueClasses(levels).entries()) {
    const bits = levels[level] ?? 0;
    const members = new Map<string, number[]>();
    for (let residue = 0; residue < 2 ** bits; residue++) {
      const key = stepped(residue, bits);
      members.set(key, [...(members.get(key) ?? []), residue]);
    }
    const found = Array.from(classes.residues, (residue, index) => ({
      key: `${classes.odd[index]} ${classes.values[index]}`,
      residue,
      weight: classes.weights[index],
    }));
    const expected = [...members].map(([key, list]) => ({ key, residue: list[0], weight: list.length }));
    assert.deepEqual(found, expected);
  }
});

test('2^16 and 2^20 residues have as many classes as the kernel thinks', () => {
  const [small, large] = residueClasses([16, 20]);
  assert.equal(small?.residues.length, 19275);
  assert.equal(large?.residues.length, 246912);
  for (const classes of [small, large]) {
    const total = classes?.weights.reduce((sum, weight) => sum + weight, 0);
    assert.equal(total, 2 ** (classes?.bits ?? 0));
  }
  assert.equal(statisticsConstants().length, 1024 + 2048 + 2 ** 18 + 2 * (19275 + 246912));
});

test('levels that do not ascend or do not fit in words are refused', () => {
  assert.throws(() => residueClasses([21]), RangeError);
  assert.throws(() => residueClasses([8, 4]), RangeError);
});

test(`rows and edges cover a piece exactly (seed ${seed})`, () => {
  const most = BigInt(statisticsGpuKernel.maxPieceLength);
  const start = fc.oneof(fc.bigInt(1n, 2n ** 25n), fc.bigInt(1n, 2n ** 95n));
  const length = fc.oneof(fc.bigInt(1n, 200_000n), fc.bigInt(1n, most));
  fc.assert(
    fc.property(start, length, (from, numbers) => {
      const range = { start: from, end: from + numbers };
      const { rows, edges } = planOf(range);
      const parts = [...rows.map((row) => row.range), ...edges].sort((a, b) => (a.start < b.start ? -1 : 1));
      let next = range.start;
      for (const part of parts) {
        assert.equal(part.start, next);
        assert.ok(part.end > part.start);
        next = part.end;
      }
      assert.equal(next, range.end);
      assert.ok(rows.reduce((sum, { units }) => sum + units, 0) <= 544);
      for (const row of rows) {
        assert.ok(row.range.start >= 1n << 24n);
        if (row.classes === undefined) assert.ok(row.walks <= 2 ** 16);
        else assert.equal(row.range.start % (1n << BigInt(row.classes.bits)), 0n);
      }
    }),
    { seed },
  );
});

test(`a class shares its delay (seed ${seed})`, () => {
  const [row] = planOf({ start: 1n << 40n, end: (1n << 40n) + (1n << 20n) }).rows;
  assert.ok(row?.classes !== undefined);
  assert.equal(rangeLength(row.range), 1n << 20n);
  const delays = new Map<string, { delay: number; count: number }>();
  for (let residue = 0; residue < 4096; residue++) {
    const key = stepped(residue, 20);
    const { delay } = walkToOne(row.range.start + BigInt(residue));
    const known = delays.get(key) ?? { delay, count: 0 };
    assert.equal(delay, known.delay);
    delays.set(key, { delay, count: known.count + 1 });
  }
  for (let index = 0; index < 500; index++) {
    const n = numberOf(row, index);
    const known = delays.get(stepped(Number(n - row.range.start), 20));
    assert.equal(walkToOne(n).delay, known?.delay);
    assert.ok(weightOf(row, index) >= (known?.count ?? 0));
  }
});
