import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { workloads } from '../shaders/registry.ts';
import { kernelIndex } from './kernels.ts';
import { NOTICES, REQUESTS, ackEnvelope, hello } from './messages.ts';
import { schemaOf } from './openapi.ts';
import { PROTOCOL_HISTORY, PROTOCOL_VERSION } from './version.ts';

/** All that both sides must read alike, without the words that only people read. */
function fingerprint(): string {
  const schema = (of: Parameters<typeof schemaOf>[0]) => schemaOf(of, 'input');
  const requests = Object.entries(REQUESTS).map(([name, { request, reply }]) => [
    name,
    schema(request),
    schema(reply),
  ]);
  const types = [...workloads.values()].map(({ type, version, parameters }) => [
    type,
    version,
    schema(parameters),
  ]);
  const all = {
    hello: schema(hello),
    ack: schema(ackEnvelope),
    requests,
    notices: Object.entries(NOTICES).map(([name, of]) => [name, schema(of)]),
    kernels: schema(kernelIndex),
    types,
  };
  return createHash('sha256').update(canonical(all)).digest('hex').slice(0, 16);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (key === 'description') return undefined;
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

test('a change of the schemas comes with a line of history', () => {
  const last = PROTOCOL_HISTORY.at(-1);
  const now = fingerprint();
  assert.equal(
    last?.schemas,
    now,
    `The messages, or the parameters or version of a workload, have changed: their fingerprint is ${now} now. ` +
      'If a peer of the last version would misread them, add a line to PROTOCOL_HISTORY in protocol/version.ts ' +
      'with the next version and this fingerprint. If the last version was never released, or every peer of it ' +
      'reads them still, put the fingerprint into its line. Then run node scripts/build-docs.ts.',
  );
});

test('history counts up by one and is dated in order', () => {
  PROTOCOL_HISTORY.forEach(({ version, date, change }, index) => {
    assert.equal(version, index + 1);
    assert.match(date, /^\d{4}-\d{2}-\d{2}$/);
    assert.ok(change.length > 10);
    assert.ok(date >= (PROTOCOL_HISTORY[index - 1]?.date ?? ''));
  });
  assert.equal(PROTOCOL_VERSION, PROTOCOL_HISTORY.length);
});
