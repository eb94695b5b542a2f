import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterError } from '../../protocol/errors.ts';
import { ackEnvelope } from '../../protocol/messages.ts';
import type { LeaseReply } from '../../protocol/messages.ts';
import type { WorkerSession } from '../cluster.ts';
import { createLog } from '../log.ts';
import { WorkerRequests } from './requests.ts';

const LIMITS = { inFlight: 3, strikesPerMinute: 5, hurriedPerMinute: 4 };
const LEASE_REQUEST = { target_ms: 1000, rate_per_second: 1 };

/** Requests over a session that answers when the test says so. */
function scripted(admit: () => void = () => undefined) {
  const leases: PromiseWithResolvers<LeaseReply>[] = [];
  const session: WorkerSession = {
    nodeId: 'node',
    revoked: [],
    lease: () => {
      const pending = Promise.withResolvers<LeaseReply>();
      leases.push(pending);
      return pending.promise;
    },
    submit: () => Promise.reject(new ClusterError('lease_expired', 'too late')),
    release: () => Promise.reject(new TypeError('secret internals')),
    heartbeat: () => {
      throw new TypeError('secret internals');
    },
    disconnected: () => undefined,
  };
  const logged: string[] = [];
  const abuse: string[] = [];
  const log = createLog('error', { sink: { write: (line) => logged.push(line) } });
  const requests = new WorkerRequests(session, LIMITS, log, {
    admit,
    abused: (reason) => abuse.push(reason),
  });
  const send = (name: string, body: unknown): Promise<unknown> =>
    new Promise((resolve) => requests.handle(name, [body, resolve]));
  return { requests, leases, send, logged, abuse };
}

test('more requests at once than allowed are refused, and room comes back with an answer', async () => {
  const { leases, send } = scripted();
  const waiting = Array.from({ length: LIMITS.inFlight }, () => send('lease', LEASE_REQUEST));
  const refused = ackEnvelope.parse(await send('lease', LEASE_REQUEST));
  assert.ok(!refused.ok && refused.error.code === 'limit_reached' && refused.error.retry);
  leases[0]?.resolve({ lease: null, retry_after_ms: 1 });
  assert.deepEqual(await waiting[0], { ok: true, value: { lease: null, retry_after_ms: 1 } });
  void send('lease', LEASE_REQUEST);
  assert.equal(leases.length, LIMITS.inFlight + 1);
});

test('an error of the core goes out as it is, one of ours without what it says', async () => {
  const { send, logged } = scripted();
  const submission = { token: 't', end: '1', aggregate: {}, compute_ms: 1 };
  const expired = ackEnvelope.parse(await send('submit', submission));
  assert.deepEqual(expired, {
    ok: false,
    error: { code: 'lease_expired', message: 'too late', retry: false },
  });
  const heartbeat = { state: 'idle', busy_fraction: 0, rate_per_second: 0, leases: [] };
  for (const [name, body] of [
    ['release', { token: 't', reason: 'stopping', message: '' }],
    ['heartbeat', heartbeat],
  ] as const) {
    const failed = ackEnvelope.parse(await send(name, body));
    assert.ok(!failed.ok && failed.error.code === 'internal');
    assert.doesNotMatch(JSON.stringify(failed), /secret/);
  }
  assert.equal(logged.filter((line) => line.includes('secret internals')).length, 2);
});

test('messages against the protocol are abuse once there are too many, and only then', () => {
  const { requests, abuse } = scripted();
  for (let i = 0; i < LIMITS.strikesPerMinute - 1; i++) requests.handle('lease', [LEASE_REQUEST]);
  assert.deepEqual(abuse, []);
  requests.handle(undefined, []);
  requests.handle(undefined, []);
  assert.equal(abuse.length, 1);
});

test('whoever goes on above the rate is told to wait, and closed in the end', async () => {
  const { send, abuse } = scripted(() => {
    throw new ClusterError('limit_reached', 'too many messages: wait 1 s');
  });
  for (let i = 1; i < LIMITS.hurriedPerMinute; i++) {
    const refused = ackEnvelope.parse(await send('lease', LEASE_REQUEST));
    assert.ok(!refused.ok && refused.error.code === 'limit_reached');
  }
  assert.deepEqual(abuse, []);
  await send('lease', LEASE_REQUEST);
  assert.match(abuse.join(), /above the rate/);
  await send('lease', LEASE_REQUEST);
  assert.equal(abuse.length, 1, 'closed once');
});
