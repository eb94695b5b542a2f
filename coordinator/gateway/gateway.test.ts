import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { io } from 'socket.io-client';
import { jobStatus, nodeStatus } from '../../protocol/http.ts';
import {
  MAX_MESSAGE_BYTES,
  NOTICES,
  ackEnvelope,
  heartbeatReply,
  leaseReply,
} from '../../protocol/messages.ts';
import type { WireError } from '../../protocol/messages.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import { MOST_STOP_MS, runCoordinator } from '../../tests/coordinator/running.ts';
import type { TestCoordinator } from '../../tests/coordinator/running.ts';
import { answerOf, connect, helloOf, join, next, refusalOf } from '../../tests/coordinator/worker-socket.ts';
import type { Answer, JoinedWorker } from '../../tests/coordinator/worker-socket.ts';

const LEASE_REQUEST = { target_ms: 1000, rate_per_second: 1000 };

function errorIn(answer: Answer): WireError {
  assert.equal(answer.ok, false, JSON.stringify(answer));
  return answer.error;
}

/** After an attack: the coordinator serves, and another worker can work. */
async function assertAlive(t: Parameters<typeof join>[0], coordinator: TestCoordinator): Promise<void> {
  assert.equal((await coordinator.ask('/health')).status, 200);
  const worker = await join(t, coordinator.url);
  assert.equal((await worker.request('lease', LEASE_REQUEST)).ok, true);
  worker.socket.disconnect();
}

/** The reason that the coordinator gives before it closes. */
async function closed(worker: JoinedWorker): Promise<string> {
  const [notice] = await Promise.all([next(worker.socket, 'closing'), next(worker.socket, 'disconnect')]);
  return NOTICES.closing.parse(notice).reason;
}

/** The fields of a JSON object. */
function fieldsOf(value: unknown): Record<string, unknown> {
  assert.ok(typeof value === 'object' && value !== null);
  return { ...value };
}

suite('a handshake', () => {
  test('with a good hello is welcomed, and the worker is listed', async (t) => {
    const coordinator = await runCoordinator(t);
    const { welcome, hello } = await join(t, coordinator.url);
    assert.equal(welcome.protocol, PROTOCOL_VERSION);
    assert.ok(welcome.heartbeat_ms > 0 && welcome.heartbeat_ms <= 30_000);
    assert.deepEqual(welcome.revoked, []);
    const reply = await coordinator.ask(`/api/nodes/${hello.node_id}`);
    assert.equal(nodeStatus.parse(reply.body).kind, 'cpu');
  });

  test('of another protocol is refused as such, in whatever form it says hello', async (t) => {
    const coordinator = await runCoordinator(t);
    for (const hello of [helloOf({ protocol: 999 }), { protocol: 0 }, { protocol: 2.5, more: [] }]) {
      const error = await refusalOf(connect(t, coordinator.url, hello));
      assert.equal(error.code, 'protocol_mismatch');
      assert.match(error.message, /update/);
    }
  });

  test('that breaks its schema is told every field', async (t) => {
    const coordinator = await runCoordinator(t);
    const cases: readonly (readonly [object, RegExp])[] = [
      [{}, /protocol: missing/],
      [
        { ...helloOf(), node_id: 'no spaces', kind: 'toaster' },
        /node_id: expected 1-64.*kind: expected one of/,
      ],
      [{ ...helloOf(), tags: Array.from({ length: 33 }, () => 'a') }, /tags: expected at most 32/],
      [{ ...helloOf(), session: 'g'.repeat(32) }, /session: expected 32 hex digits/],
      [{ ...helloOf(), extra: 1 }, /extra: unknown field/],
      [{ ...helloOf(), priority: 1e9 }, /priority/],
      [{ ...helloOf(), software: 'x'.repeat(65) }, /software: expected at most 64 characters/],
    ];
    for (const [hello, words] of cases) {
      const error = await refusalOf(connect(t, coordinator.url, hello));
      assert.equal(error.code, 'invalid_request');
      assert.match(error.message, words);
    }
    await assertAlive(t, coordinator);
  });

  test('with the node_id of a live worker is refused, but the same worker takes its place back', async (t) => {
    const coordinator = await runCoordinator(t);
    const first = await join(t, coordinator.url);
    const other = connect(t, coordinator.url, helloOf({ node_id: first.hello.node_id }));
    assert.equal((await refusalOf(other)).code, 'node_id_in_use');
    const gone = next(first.socket, 'disconnect');
    const again = await join(t, coordinator.url, first.hello);
    await gone;
    assert.equal((await again.request('lease', LEASE_REQUEST)).ok, true);
  });

  test('of a page must come from the own origin or an allowed one', async (t) => {
    const coordinator = await runCoordinator(t, { allowedOrigins: ['https://pages.example'] });
    const port = new URL(coordinator.url).port;
    for (const origin of [coordinator.url, `https://127.0.0.1:${port}`, 'https://pages.example']) {
      const worker = await join(t, coordinator.url, {}, { origin });
      worker.socket.disconnect();
    }
    for (const origin of [
      'https://evil.example',
      'null',
      `http://127.0.0.1:${Number(port) + 1}`,
      'file://',
      '',
    ]) {
      const error = await next(connect(t, coordinator.url, helloOf(), { origin }), 'connect_error');
      assert.match(String(error), /websocket error/, origin);
    }
  });

  test('by polling is refused', async (t) => {
    const coordinator = await runCoordinator(t);
    const socket = io(coordinator.url, { transports: ['polling'], reconnection: false, auth: helloOf() });
    t.after(() => socket.disconnect());
    await next(socket, 'connect_error');
    await assertAlive(t, coordinator);
  });
});

suite('requests', () => {
  test('that are right are answered by their schemas', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await join(t, coordinator.url);
    const none = await worker.request('lease', LEASE_REQUEST);
    assert.ok(none.ok && leaseReply.parse(none.value).lease === null);
    const work = next(worker.socket, 'work');
    const job_id = await coordinator.submit('1000');
    await work;
    const lease = await worker.lease();
    assert.equal(lease.job_id, job_id);
    const beat = await worker.request('heartbeat', {
      state: 'computing',
      busy_fraction: 1,
      rate_per_second: 5,
      leases: [{ lease_id: lease.lease_id, done: '1' }],
    });
    assert.ok(beat.ok);
    assert.deepEqual(heartbeatReply.parse(beat.value), { revoked: [] });
    const release = { token: lease.token, reason: 'stopping', message: '' };
    assert.deepEqual(await worker.request('release', release), { ok: true, value: {} });
  });

  test('that break their schema are refused with the field, and the connection lives', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await join(t, coordinator.url);
    const cases: readonly (readonly [string, unknown, string, RegExp])[] = [
      ['lease', null, 'invalid_request', /expected a JSON object/],
      ['lease', { ...LEASE_REQUEST, more: 1 }, 'invalid_request', /more: unknown field/],
      ['lease', { target_ms: -1, rate_per_second: 'x' }, 'invalid_request', /target_ms.*rate_per_second/],
      ['lease', [LEASE_REQUEST], 'invalid_request', /expected a JSON object/],
      ['submit', { token: 't', end: '01', aggregate: {}, compute_ms: 1 }, 'invalid_request', /end/],
      ['submit', { token: 't', end: 5, aggregate: {}, compute_ms: 1 }, 'invalid_request', /end/],
      ['release', { token: 't', reason: 'bored', message: '' }, 'invalid_request', /reason: expected one of/],
      ['heartbeat', { state: 'idle' }, 'invalid_request', /busy_fraction: missing/],
      ['shutdown', {}, 'malformed', /lease, submit, release, heartbeat/],
      ['toString', {}, 'malformed', /lease, submit, release, heartbeat/],
      ['__proto__', {}, 'malformed', /lease, submit, release, heartbeat/],
    ];
    for (const [name, body, code, words] of cases) {
      const error = errorIn(await worker.request(name, body));
      assert.equal(error.code, code, name);
      assert.match(error.message, words);
      assert.equal(error.retry, false);
    }
    assert.equal((await worker.request('lease', LEASE_REQUEST)).ok, true);
  });

  test('without an acknowledgement, or with too many values, are abuse in the end', async (t) => {
    const coordinator = await runCoordinator(t);
    const silent = await join(t, coordinator.url);
    const reason = closed(silent);
    for (let i = 0; i < 20; i++) silent.socket.emit('lease', LEASE_REQUEST);
    assert.match(await reason, /without acknowledgement/);

    const wordy = await join(t, coordinator.url);
    const answer = await new Promise<unknown>((resolve) => {
      wordy.socket.emit('lease', LEASE_REQUEST, 2, 3, resolve);
    });
    const ack = ackEnvelope.parse(answer);
    assert.ok(!ack.ok && ack.error.code === 'malformed');
    await assertAlive(t, coordinator);
  });
});

suite('abuse', () => {
  test('a flood is cut off and told why', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await join(t, coordinator.url);
    const reason = closed(worker);
    const beat = { state: 'idle', busy_fraction: 0, rate_per_second: 0, leases: [] };
    for (let i = 0; i < 5000; i++) worker.socket.emit('heartbeat', beat, () => undefined);
    assert.match(await reason, /more than 2000 messages in a second/);
    await assertAlive(t, coordinator);
  });

  test('binary is cut off and told why', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await join(t, coordinator.url);
    const reason = closed(worker);
    worker.socket.emit('submit', { token: 't', end: '5', aggregate: Buffer.alloc(10), compute_ms: 1 }, () => {
      assert.fail('binary was answered');
    });
    assert.match(await reason, /binary/);
    await assertAlive(t, coordinator);
  });

  test('an oversized message closes the connection, one just below the bound does not', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await join(t, coordinator.url);
    const fits = { token: 't', end: '5', aggregate: 'x'.repeat(MAX_MESSAGE_BYTES - 200), compute_ms: 1 };
    assert.equal(errorIn(await worker.request('submit', fits)).code, 'lease_forged');
    const gone = next(worker.socket, 'disconnect');
    worker.socket.emit('submit', { ...fits, aggregate: 'x'.repeat(MAX_MESSAGE_BYTES + 1) }, () => {
      assert.fail('an oversized message was answered');
    });
    await gone;
    await assertAlive(t, coordinator);
  });

  test('frames that are no Socket.IO, or a nesting without end, close at most their own connection', async (t) => {
    const coordinator = await runCoordinator(t);
    const socketUrl = `${coordinator.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
    const deep = `42["submit",{"token":"t","end":"5","compute_ms":1,"aggregate":${'['.repeat(200_000)}${']'.repeat(200_000)}}]`;
    const frames = [
      'nonsense',
      '',
      '4',
      '49',
      '42',
      '42[]',
      '42["disconnect"]',
      '42{"a":1}',
      '420["lease"',
      '4599999999-["x",{"_placeholder":true,"num":0}]',
      '451-["x",{"_placeholder":true,"num":7}]',
      '40/other,{}',
      '40',
      '40[]',
      '2probe',
      '5',
      deep,
      'b4AAAA',
    ];
    for (const frame of frames) {
      const socket = new WebSocket(socketUrl);
      await once(socket, 'open');
      socket.send(`40${JSON.stringify(helloOf())}`);
      const joined = new Promise<void>((resolve) => {
        socket.addEventListener('message', ({ data }) => {
          if (String(data).startsWith('40') || String(data).startsWith('44')) resolve();
        });
        socket.addEventListener('close', () => resolve());
      });
      await joined;
      socket.send(frame);
      socket.send(new Uint8Array([1, 2, 3]));
      const over = once(socket, 'close');
      await over;
    }
    await assertAlive(t, coordinator);
  });

  test('a connection that joins twice stays one worker', async (t) => {
    const coordinator = await runCoordinator(t);
    const socketUrl = `${coordinator.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
    const socket = new WebSocket(socketUrl);
    t.after(() => socket.close());
    await once(socket, 'open');
    const replies: string[] = [];
    const refused = new Promise<void>((resolve) => {
      socket.addEventListener('message', ({ data }) => {
        replies.push(String(data));
        if (String(data).startsWith('44')) resolve();
      });
    });
    socket.send(`40${JSON.stringify(helloOf({ node_id: 'first' }))}`);
    socket.send(`40${JSON.stringify(helloOf({ node_id: 'second' }))}`);
    await refused;
    assert.match(replies.at(-1) ?? '', /joined already/);
    assert.equal((await coordinator.ask('/api/nodes/second')).status, 404);
  });
});

suite('leases and results', () => {
  test('forged, altered and foreign tokens are each refused by their own kind', async (t) => {
    const coordinator = await runCoordinator(t);
    const [worker, other] = [await join(t, coordinator.url), await join(t, coordinator.url)];
    await coordinator.submit('1000');
    const lease = await worker.lease();
    const answer = answerOf(lease);
    const flipped = `${lease.token.slice(0, -2)}${lease.token.endsWith('AA') ? 'BB' : 'AA'}`;
    for (const token of ['', 'forged', flipped, `${lease.token}x`, 'x'.repeat(2048), lease.token.slice(1)]) {
      assert.equal(errorIn(await worker.request('submit', { ...answer, token })).code, 'lease_forged', token);
    }
    assert.equal(errorIn(await other.request('submit', answer)).code, 'lease_foreign');
    assert.deepEqual(await worker.request('submit', answer), { ok: true, value: { status: 'accepted' } });
  });

  test('a repeated result is acknowledged as duplicate and counted once', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await join(t, coordinator.url);
    const job_id = await coordinator.submit('500');
    const answer = answerOf(await worker.lease());
    const [first, second] = await Promise.all([
      worker.request('submit', answer),
      worker.request('submit', answer),
    ]);
    const third = await worker.request('submit', answer);
    assert.deepEqual(first, { ok: true, value: { status: 'accepted' } });
    assert.deepEqual(second, { ok: true, value: { status: 'duplicate' } });
    assert.ok(
      third.ok || third.error.code === 'lease_superseded',
      'the job may be folded by now: then nothing is left to compare with',
    );
    const status = jobStatus.parse((await coordinator.ask(`/api/status/${job_id}`)).body);
    assert.ok(BigInt(status.progress.done) <= 499n);
  });

  test('a result that contradicts itself is refused with what is wrong, and the range is leased again', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await join(t, coordinator.url);
    const job_id = await coordinator.submit('500');
    const lease = await worker.lease();
    const good = answerOf(lease);
    const forged = { ...fieldsOf(good.aggregate), count: '1' };
    for (const aggregate of [forged, null, [], {}, 'x', { count: 'NaN' }]) {
      const error = errorIn(await worker.request('submit', { ...good, aggregate }));
      assert.equal(error.code, 'result_contradicts');
      assert.ok(error.message.length > 10);
    }
    const honest = await join(t, coordinator.url);
    for (let left = 10; ; left--) {
      assert.ok(left > 0, 'the job was not computed');
      const reply = await coordinator.ask(`/api/status/${job_id}`);
      if (jobStatus.parse(reply.body).progress.done === '499') break;
      const answer = await honest.request('lease', LEASE_REQUEST);
      const given = answer.ok ? leaseReply.parse(answer.value).lease : null;
      if (given !== null) await honest.request('submit', answerOf(given));
      else await worker.request('submit', good);
    }
    await coordinator.completed(job_id);
  });

  test('a cancelled job’s leases are revoked and its results superseded', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await join(t, coordinator.url);
    const job_id = await coordinator.submit('100000');
    const lease = await worker.lease();
    const revoked = next(worker.socket, 'revoke');
    await coordinator.post(`/api/cancel/${job_id}`);
    assert.deepEqual(await revoked, { lease_ids: [lease.lease_id] });
    const error = errorIn(await worker.request('submit', { ...answerOf(lease) }));
    assert.equal(error.code, 'lease_superseded');
    const back = await join(t, coordinator.url, { ...worker.hello, leases: [lease.lease_id] });
    assert.deepEqual(back.welcome.revoked, [lease.lease_id]);
  });
});

suite('the end', () => {
  test('of a worker leaves its lease until it falls silent; of the coordinator, workers are told', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await join(t, coordinator.url);
    await coordinator.submit('1000');
    const answer = answerOf(await worker.lease());
    const gone = next(worker.socket, 'disconnect');
    worker.socket.disconnect();
    await gone;
    const back = await join(t, coordinator.url, worker.hello);
    assert.deepEqual(await back.request('submit', answer), { ok: true, value: { status: 'accepted' } });

    const told = Promise.all([next(back.socket, 'drain'), next(back.socket, 'disconnect')]);
    const started = performance.now();
    await coordinator.close();
    const [drain] = await told;
    assert.ok(NOTICES.drain.parse(drain).reconnect_after_ms > 0);
    assert.ok(performance.now() - started < MOST_STOP_MS, 'closing did not wait for a time limit');
  });
});
