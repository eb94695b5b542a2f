/** Keys that are stolen, made up, over or taken back, shown in every way there is. */
import assert from 'node:assert/strict';
import { connect as dial } from 'node:net';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { errorBody, jobList } from '../../protocol/http.ts';
import { keyList } from '../../protocol/access.ts';
import { errorOf } from '../coordinator/running.ts';
import { connect, helloOf, join, next, refusalOf } from '../coordinator/worker-socket.ts';
import { bearer, runOpenCoordinator } from './keys.ts';
import type { OpenCoordinator } from './keys.ts';

const DAY_MS = 86_400_000;
const CLOSED = { read: 'key', volunteer: 'key', submit: 'key' } as const;

/** Shows a key at every door there is. @returns the code of each refusal */
async function atEveryDoor(t: TestContext, coordinator: OpenCoordinator, key: string): Promise<string[]> {
  const headers = bearer(key);
  const http = ['/api/status', '/api/keys', '/api/events', '/api/caller'].map(
    async (path) => errorOf(await coordinator.ask(path, { headers })).code,
  );
  const metrics = await fetch(coordinator.metricsUrl, { headers });
  assert.ok([401, 429].includes(metrics.status));
  assert.doesNotMatch(await metrics.text(), /cluster_/);
  const socket = refusalOf(connect(t, coordinator.url, helloOf({ key })));
  return [...(await Promise.all(http)), (await socket).code];
}

suite('a key', () => {
  test('that is made up, half right, expired or revoked opens no door', async (t) => {
    const coordinator = await runOpenCoordinator(t, { policy: CLOSED });
    const good = await coordinator.key('admin');
    const [, id = '', secret = ''] = /^tc_([^_]+)_(.+)$/.exec(good.key) ?? [];
    const revoked = await coordinator.key('admin');
    await coordinator.revoke(revoked.key_id);
    const wrong = [
      `tc_${id}_${'A'.repeat(43)}`,
      `tc_${'0'.repeat(12)}_${secret}`,
      `${good.key}x`,
      good.key.slice(0, -1),
      good.key.toUpperCase(),
      `tc_${id}_`,
      '__proto__',
      'x',
      revoked.key,
    ];
    for (const key of wrong) {
      const codes = await atEveryDoor(t, coordinator, key);
      // After twenty guesses it is the guessing that is refused.
      for (const code of codes)
        assert.ok(code === 'key_refused' || code === 'limit_reached', `${key}: ${code}`);
    }
    const short = await coordinator.key('admin', 'ada', 1);
    const now = Date.now() + DAY_MS;
    t.mock.method(Date, 'now', () => now);
    assert.deepEqual([...new Set(await atEveryDoor(t, coordinator, short.key))], ['key_refused']);
    assert.equal(
      (await coordinator.ask('/api/status', { headers: bearer(good.key) })).status,
      200,
      'a good one does',
    );
  });

  test('is taken from the header Authorization alone: not from an address, a cookie or a body', async (t) => {
    const coordinator = await runOpenCoordinator(t, { policy: CLOSED });
    const { key } = await coordinator.key('admin');
    for (const name of ['key', 'api_key', 'apikey', 'token', 'access_token', 'authorization', 'auth']) {
      const query = `${name}=${key}`;
      assert.ok([400, 401].includes((await coordinator.ask(`/api/jobs?${query}`)).status), query);
      assert.equal((await coordinator.ask(`/api/keys?${query}`)).status, 401, query);
      assert.equal((await coordinator.ask('/api/keys', { headers: { Cookie: query } })).status, 401);
      assert.equal((await coordinator.ask('/api/keys', { headers: { [`X-${name}`]: key } })).status, 401);
      assert.equal(
        (await coordinator.post('/api/keys', { user: 'eve', role: 'admin', [name]: key })).status,
        401,
      );
      const socket = connect(t, `${coordinator.url}/?${query}`, helloOf());
      assert.equal((await refusalOf(socket)).code, 'key_needed');
    }
    const inHeader = connect(t, coordinator.url, helloOf(), bearer(key));
    assert.equal((await refusalOf(inHeader)).code, 'key_needed', 'a worker shows it in its hello');
  });

  test('that is revoked ends its sockets and event streams at once', async (t) => {
    const coordinator = await runOpenCoordinator(t);
    const made = await coordinator.key('admin', 'stolen');
    const worker = await join(t, coordinator.url, { key: made.key });
    const job = await coordinator.submit('100000', {}, bearer(made.key));
    const streams = await Promise.all(
      ['/api/events', `/api/jobs/${job}/events`].map(async (path) => {
        const response = await fetch(coordinator.url + path, { headers: bearer(made.key) });
        assert.equal(response.status, 200);
        return { over: response.text() };
      }),
    );
    const closing = next(worker.socket, 'closing');
    const gone = Promise.all([next(worker.socket, 'disconnect'), ...streams.map(({ over }) => over)]);
    const started = performance.now();
    await coordinator.revoke(made.key_id);
    await gone;
    t.diagnostic(
      `a socket and two streams were over ${(performance.now() - started).toFixed(0)} ms after the request`,
    );
    assert.match(JSON.stringify(await closing), /key/);
    const back = connect(t, coordinator.url, worker.hello);
    assert.equal((await refusalOf(back)).code, 'key_refused');
    const asStranger = connect(t, coordinator.url, helloOf({ node_id: worker.hello.node_id }));
    assert.equal((await refusalOf(asStranger)).code, 'node_id_in_use', 'the name of an own worker stays one');
  });

  test('that is revoked while its request still arrives does nothing', async (t) => {
    const coordinator = await runOpenCoordinator(t);
    const made = await coordinator.key('admin', 'stolen');
    const body = JSON.stringify({ user: 'eve', role: 'admin' });
    const socket = dial(Number(new URL(coordinator.url).port), '127.0.0.1');
    t.after(() => socket.destroy());
    socket.write(
      `POST /api/keys HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${made.key}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
    );
    // The interim answer says that the request is under way.
    await once(socket, 'data');
    await coordinator.revoke(made.key_id);
    let text = '';
    socket.on('data', (data: Buffer) => (text += data.toString()));
    socket.write(body);
    await once(socket, 'close');
    assert.match(text, /^HTTP\/1.1 401 /);
    assert.equal(errorBody.parse(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).error.code, 'key_refused');
    const { keys } = keyList.parse(
      (await coordinator.ask('/api/keys', { headers: bearer(coordinator.adminKey) })).body,
    );
    assert.deepEqual(
      keys.filter(({ user }) => user === 'eve'),
      [],
    );
  });

  test('of a submitter steers nothing that another user owns', async (t) => {
    const coordinator = await runOpenCoordinator(t);
    const ada = await coordinator.key('submitter', 'ada');
    const mallory = await coordinator.key('submitter', 'mallory');
    const job = await coordinator.submit('100000', {}, bearer(ada.key));
    for (const path of [`/api/cancel/${job}`, `/api/jobs/${job}/pause`, `/api/jobs/${job}/resume`]) {
      assert.equal(errorOf(await coordinator.post(path, undefined, bearer(mallory.key))).code, 'forbidden');
    }
    const { jobs } = jobList.parse((await coordinator.ask('/api/jobs')).body);
    assert.deepEqual(
      jobs.map(({ status }) => status),
      ['pending'],
    );
  });

  test('is not guessed at without end, and who guesses does not lock others out', async (t) => {
    const coordinator = await runOpenCoordinator(t);
    const { key } = await coordinator.key('viewer');
    const answers: { readonly code: string; readonly wait: string | null }[] = [];
    for (let i = 0; i < 40; i++) {
      const guess = `tc_${i.toString(16).padStart(12, '0')}_${'A'.repeat(43)}`;
      const reply = await coordinator.ask('/api/status', { headers: bearer(guess) });
      answers.push({ code: errorOf(reply).code, wait: reply.headers.get('retry-after') });
    }
    const refused = answers.filter(({ code }) => code === 'limit_reached');
    assert.ok(refused.length >= 15, JSON.stringify(answers));
    for (const { wait } of refused) assert.ok(Number(wait) >= 1, 'and it is told how long to wait');
    assert.equal((await coordinator.ask('/api/status', { headers: bearer(key) })).status, 200);
    assert.equal((await coordinator.ask('/health', { headers: bearer('tc_x') })).status, 200);
  });
});
