import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ClusterError } from '../../protocol/errors.ts';
import { TokenSigner } from './token.ts';
import type { LeaseClaims } from './token.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const signer = new TokenSigner(new Uint8Array(32).fill(7));
const claims: LeaseClaims = {
  leaseId: '3-1z',
  jobId: '0mabc',
  segment: 1n << 90n,
  range: { start: (1n << 90n) + 5n, end: (1n << 90n) + 1005n },
  nodeId: 'worker-1.example_x',
  attempt: 2,
  epoch: 3,
  expiresAt: 1_790_000_000_000,
};

const forged = (error: unknown): boolean => error instanceof ClusterError && error.code === 'lease_forged';

test('a token gives back what was signed', () => {
  assert.deepEqual(signer.verify(signer.sign(claims)), claims);
});

test('a token of another key is forged', () => {
  const other = new TokenSigner(new Uint8Array(32).fill(8));
  assert.throws(() => signer.verify(other.sign(claims)), forged);
});

test('every altered character makes a token forged', () => {
  const token = signer.sign(claims);
  for (let i = 0; i < token.length; i++) {
    for (const replacement of ['0', 'A', '|', '.', '-', '']) {
      if (replacement === token[i]) continue;
      const altered = token.slice(0, i) + replacement + token.slice(i + 1);
      assert.throws(() => signer.verify(altered), forged, altered);
    }
  }
  for (const addition of ['=', '.', ' ', 'A']) assert.throws(() => signer.verify(token + addition), forged);
});

test(`any text is forged (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ maxLength: 300 }), fc.string({ unit: 'binary' })), (text) => {
      assert.throws(() => signer.verify(text), forged);
    }),
    { seed },
  );
});
