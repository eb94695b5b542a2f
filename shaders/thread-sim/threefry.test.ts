import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { referenceThreefry } from './reference.ts';
import { threefry, threefryFull } from './threefry.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const ONES = 0xffffffff;

/** Key, counter and result: the first two from the tables of Random123, the third its digits of π. */
const KNOWN = [
  { key: [0, 0], counter: [0, 0], result: [0x6b200159, 0x99ba4efe] },
  { key: [ONES, ONES], counter: [ONES, ONES], result: [0x1cb996fc, 0xbb002be7] },
  { key: [0x13198a2e, 0x03707344], counter: [0x243f6a88, 0x85a308d3], result: [0xc4923a9c, 0x483df7a0] },
] as const;

test('Threefry-2x32-20 gives its known answers', () => {
  const out = new Uint32Array(2);
  for (const { key, counter, result } of KNOWN) {
    threefryFull(key[0], key[1], counter[0], counter[1], out);
    assert.deepEqual([...out], result);
    const slow = referenceThreefry(
      [BigInt(key[0]), BigInt(key[1])],
      [BigInt(counter[0]), BigInt(counter[1])],
    );
    assert.deepEqual(slow.map(Number), result);
  }
});

test(`Threefry = the reference's own for any key and counter (seed ${seed})`, () => {
  const word = fc.nat({ max: ONES });
  fc.assert(
    fc.property(word, word, word, (key0, key1, counter) => {
      const out = new Uint32Array(2);
      threefry(key0, key1, counter, out);
      const slow = referenceThreefry([BigInt(key0), BigInt(key1)], [BigInt(counter), 0n]);
      assert.deepEqual([...out], slow.map(Number));
    }),
    { seed, numRuns: process.env['TEST_FULL'] === '1' ? 20_000 : 300 },
  );
});
