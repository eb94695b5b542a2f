import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import type { z } from 'zod';
import { NOTICES, REQUESTS, ackEnvelope, hello, lease } from './messages.ts';
import { fieldProblems } from './problems.ts';

const HELLO = {
  protocol: 1,
  node_id: 'desk-1',
  session: '0123456789abcdef0123456789abcdef',
  kind: 'cpu',
  host: 'node',
  software: '0.1.0',
  device: {
    description: 'two cores',
    vendor: null,
    backend: null,
    software: false,
    gpu_memory_mb: null,
    threads: 2,
  },
  tags: ['lab', 'room=3'],
  priority: 0,
  workloads: [{ type: 'collatz', version: 1 }],
  health_url: null,
  leases: [],
};
const LEASE = {
  lease_id: 'l1',
  token: 't',
  job_id: 'j1',
  type: 'collatz',
  workload_version: 1,
  parameters: { start: '1', end: '100' },
  start: '1',
  end: '100',
  tile_length: '10',
  kernels: { gpu: 'a'.repeat(64), cpu: 'b'.repeat(64) },
  expires_at: '2026-11-22T00:00:00.000Z',
};

/** One valid message of each kind. */
const VALID: readonly (readonly [string, z.ZodType, Record<string, unknown>])[] = [
  ['hello', hello, HELLO],
  ['lease', lease, LEASE],
  ['lease request', REQUESTS.lease.request, { target_ms: 10_000, rate_per_second: 0 }],
  ['lease reply', REQUESTS.lease.reply, { lease: LEASE, retry_after_ms: 1000 }],
  ['submit', REQUESTS.submit.request, { token: 't', end: '50', aggregate: { a: 1 }, compute_ms: 3 }],
  ['submit reply', REQUESTS.submit.reply, { status: 'accepted' }],
  ['release', REQUESTS.release.request, { token: 't', reason: 'stopping', message: '' }],
  [
    'heartbeat',
    REQUESTS.heartbeat.request,
    { state: 'idle', busy_fraction: 0.5, rate_per_second: 1, leases: [{ lease_id: 'l1', done: '5' }] },
  ],
  ['heartbeat reply', REQUESTS.heartbeat.reply, { revoked: ['l1'] }],
  ['welcome', NOTICES.welcome, { protocol: 1, software: '0.1.0', heartbeat_ms: 10_000, revoked: [] }],
  ['revoke', NOTICES.revoke, { lease_ids: ['l1'] }],
  ['drain', NOTICES.drain, { reconnect_after_ms: 1000 }],
  ['closing', NOTICES.closing, { reason: 'x' }],
];

/** Values that no field takes, whatever its type. */
const NEVER: readonly unknown[] = [
  undefined,
  true,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -1e300,
  'x'.repeat(100_000),
  Array.from({ length: 5000 }, () => 'x'),
];

for (const [name, schema, message] of VALID) {
  test(`${name}: the valid one is taken, and every field has bounds`, () => {
    assert.deepEqual(schema.parse(message), message);
    for (const field of Object.keys(message)) {
      if (field === 'aggregate') continue; // any JSON: the workload reads it
      for (const value of NEVER) {
        if (field === 'lease_ids' || field === 'revoked') continue; // written by the coordinator
        const changed = schema.safeParse({ ...message, [field]: value });
        assert.equal(changed.success, false, `${field} = ${String(value).slice(0, 40)} was taken`);
        const [problem] = fieldProblems(changed.error);
        assert.equal(problem?.path.split('.')[0], field);
      }
    }
  });

  test(`${name}: unknown fields and other shapes are refused`, () => {
    assert.equal(schema.safeParse({ ...message, more: 1 }).success, false);
    for (const value of [null, undefined, 1, 'text', [], [message]]) {
      assert.equal(schema.safeParse(value).success, false, inspect(value));
    }
    const prototype: unknown = JSON.parse(`{"__proto__":{"polluted":1},${JSON.stringify(message).slice(1)}`);
    assert.equal(schema.safeParse(prototype).success, false);
  });
}

test('an acknowledgement is a value or an error, never both', () => {
  const error = { code: 'not_found', message: 'x', retry: false };
  assert.equal(ackEnvelope.safeParse({ ok: true, value: 1 }).success, true);
  assert.equal(ackEnvelope.safeParse({ ok: false, error }).success, true);
  for (const ack of [{ ok: false }, { ok: false, error: { ...error, code: 'made_up' } }, { ok: 1 }, null]) {
    assert.equal(ackEnvelope.safeParse(ack).success, false, JSON.stringify(ack));
  }
});
