import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { encoded, expected, makeBatch } from '../../tests/batches.ts';
import { CpuProgram } from '../../shaders/lib/cpu-kernel.ts';
import { TileRun } from './tile-run.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const numRuns = process.env['TEST_FULL'] === '1' ? 500 : 40;
const batch = makeBatch('thread', { thread_count: 300, seed: '7' }, { tileLength: 16n });
const whole = await expected(batch);
const program = await CpuProgram.load(
  batch.kernels.cpu.bytes,
  batch.workload.parameterWords(batch.parameters),
);

suite(`a batch cut into pieces (TEST_SEED=${seed})`, () => {
  test('ends its pieces where the kernel’s own blocks do, if such an end is near', () => {
    const lengthsOf = (units: bigint, grain: bigint, start: bigint) => {
      const run = new TileRun({ ...batch, range: { start, end: 200n } });
      const ends: bigint[] = [];
      for (let piece = run.cut(units, grain); piece !== undefined; piece = run.cut(units, grain)) {
        assert.equal(piece.start, ends.at(-1) ?? start);
        ends.push(piece.end);
      }
      return ends;
    };
    assert.deepEqual(lengthsOf(50n, 50n, 0n), [50n, 100n, 150n, 200n]);
    assert.deepEqual(lengthsOf(90n, 50n, 3n), [100n, 200n]);
    assert.deepEqual(lengthsOf(60n, 100n, 30n), [100n, 160n, 200n]);
    fc.assert(
      fc.property(fc.bigInt(1n, 90n), fc.bigInt(1n, 90n), fc.bigInt(0n, 150n), (units, grain, start) => {
        const ends = lengthsOf(units, grain, start);
        assert.equal(ends.at(-1), 200n);
        for (const [i, end] of ends.entries()) {
          const length = end - (ends[i - 1] ?? start);
          assert.ok(length > 0n && 2n * length <= 3n * units, `${length} for ${units}`);
          if (units >= grain) assert.ok(end % grain === 0n || end === 200n, `${end} at ${grain}`);
        }
      }),
      { seed, numRuns },
    );
  });

  test('gives the same whatever the lengths of the pieces and the order of their answers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ units: fc.bigInt(1n, 40n), pick: fc.nat(), again: fc.boolean() }), {
          minLength: 400,
          maxLength: 400,
        }),
        async (steps) => {
          const run = new TileRun(batch);
          const open: { start: bigint; end: bigint }[] = [];
          const folds: Promise<void>[] = [];
          for (const { units, pick, again } of steps) {
            const piece = run.cut(units);
            if (piece !== undefined) {
              assert.ok(piece.end - piece.start <= units);
              const { tileLength, range } = batch;
              const tile = (at: bigint) => at / tileLength;
              const cutsTile = (at: bigint) => at % tileLength !== 0n && at !== range.end;
              assert.ok(
                tile(piece.start) === tile(piece.end - 1n) || !(cutsTile(piece.start) || cutsTile(piece.end)),
                'a piece lies within one tile, or is whole tiles',
              );
              open.push(piece);
            }
            if (open.length < 5 && run.cuttable) continue;
            const [done] = open.splice(pick % Math.max(1, open.length), 1);
            if (done === undefined) break;
            if (again) run.putBack(done);
            else folds.push(run.settle(done, 1, extendBy(done)));
          }
          for (
            let piece = open.pop() ?? run.cut(7n);
            piece !== undefined;
            piece = open.pop() ?? run.cut(7n)
          ) {
            folds.push(run.settle(piece, 1, extendBy(piece)));
          }
          await Promise.all(folds);
          assert.deepEqual(await run.ended, { how: 'finished' });
          assert.equal(run.prefix().end, batch.range.end);
          assert.equal(encoded(batch, run.prefix().aggregate), whole);
        },
      ),
      { seed, numRuns },
    );
  });

  test('stopped in the middle, its prefix is exact and nothing begins any more', async () => {
    const run = new TileRun(batch);
    const pieces = [run.cut(16n), run.cut(16n), run.cut(16n)].flatMap((piece) => piece ?? []);
    const [first, second, third] = pieces;
    assert.ok(first && second && third);
    void run.settle(third, 1, extendBy(third));
    await run.settle(first, 1, extendBy(first));
    run.stop();
    assert.equal(run.cut(16n), undefined);
    run.putBack(second);
    assert.deepEqual(await run.ended, { how: 'stopped' });
    const { end, aggregate } = run.prefix();
    assert.equal(end, 16n, 'the third piece waits behind the second and is no prefix');
    assert.equal(encoded(batch, aggregate), await expected(batch, { start: 0n, end }));
  });

  test('a piece whose words turn out bad is computed again', async () => {
    const run = new TileRun(batch);
    const piece = run.cut(16n);
    assert.ok(piece);
    const bad = () => Promise.reject(new Error('garbage'));
    await assert.rejects(run.settle(piece, 1, bad), /garbage/);
    assert.deepEqual(run.cut(16n), piece);
  });

  test('abandoned, it ends at once and takes no more answers', async () => {
    const run = new TileRun(batch);
    const piece = run.cut(16n);
    assert.ok(piece);
    run.abandon();
    assert.deepEqual(await run.ended, { how: 'stopped' });
    await run.settle(piece, 1, extendBy(piece));
    assert.equal(run.prefix().end, 0n);
  });
});

function extendBy(piece: { start: bigint; end: bigint }) {
  const { workload, parameters } = batch;
  return (before: unknown) =>
    workload.fold(parameters, before, workload.decodeCpu(parameters, piece, program.run(piece)));
}
