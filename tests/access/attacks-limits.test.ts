/** Limits that somebody tries to get around, or to turn against others. */
import assert from 'node:assert/strict';
import { join as pathOf } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite, test } from 'node:test';
import { auditList } from '../../protocol/access.ts';
import type { AuditLine } from '../../protocol/access.ts';
import { errorOf } from '../coordinator/running.ts';
import { connect, helloOf, join, next, refusalOf } from '../coordinator/worker-socket.ts';
import { bearer, runOpenCoordinator } from './keys.ts';
import type { OpenCoordinator } from './keys.ts';
import { requestText, sendRaw } from './raw-http.ts';
import type { RawReply } from './raw-http.ts';

/** One a second, ten at once: what is left of a dozen is refused. */
const SLOW = { requests: 1, submits: 0, connects: 0, messages: 0 } as const;
const DOZEN = Array.from({ length: 12 }, (_, i) => i);

interface Asker {
  readonly key?: string;
  readonly from?: string;
  readonly forwarded?: string;
}

function askAs({ url }: OpenCoordinator, { key, from, forwarded }: Asker): Promise<RawReply> {
  const headers = {
    ...(key === undefined ? {} : bearer(key)),
    ...(forwarded === undefined ? {} : { 'X-Forwarded-For': forwarded }),
  };
  const target = { port: Number(new URL(url).port), ...(from === undefined ? {} : { from }) };
  return sendRaw(target, requestText('GET', '/api/status', headers));
}

/** @returns how many of a dozen requests were refused, all of them with how long to wait */
async function refusedOf(coordinator: OpenCoordinator, asker: (i: number) => Asker): Promise<number> {
  const replies = await Promise.all(DOZEN.map((i) => askAs(coordinator, asker(i))));
  const refused = replies.filter(({ status }) => status === 429);
  for (const { headers } of refused) assert.ok(Number(headers.get('retry-after')) >= 1);
  return refused.length;
}

suite('a rate', () => {
  test('is counted by address for strangers, and others are not concerned', async (t) => {
    const coordinator = await runOpenCoordinator(t, { rates: SLOW });
    assert.ok((await refusedOf(coordinator, () => ({ from: '127.0.0.3' }))) >= 1);
    assert.equal((await askAs(coordinator, { from: '127.0.0.4' })).status, 200);
    const { key } = await coordinator.key('viewer');
    assert.equal(
      (await askAs(coordinator, { from: '127.0.0.3', key })).status,
      200,
      'who has a key is somebody else',
    );
  });

  test('is counted by key for its user, from however many addresses', async (t) => {
    const coordinator = await runOpenCoordinator(t, { rates: SLOW });
    const [ada, bob] = [await coordinator.key('viewer', 'ada'), await coordinator.key('viewer', 'bob')];
    assert.ok((await refusedOf(coordinator, (i) => ({ key: ada.key, from: `127.0.0.${10 + i}` }))) >= 1);
    assert.equal((await askAs(coordinator, { key: bob.key, from: '127.0.0.10' })).status, 200);
  });

  test('is not got around by inventing an address, nor by the first hops of one that a proxy adds to', async (t) => {
    const alone = await runOpenCoordinator(t, { rates: SLOW });
    assert.ok((await refusedOf(alone, (i) => ({ from: '127.0.0.3', forwarded: `203.0.113.${i}` }))) >= 1);
    const behind = await runOpenCoordinator(t, { rates: SLOW, trustedProxies: ['127.0.0.1'] });
    assert.ok((await refusedOf(behind, (i) => ({ forwarded: `198.51.100.${i}, 203.0.113.5` }))) >= 1);
    assert.equal(
      (await askAs(behind, { forwarded: '203.0.113.6' })).status,
      200,
      'another client of the proxy',
    );
    assert.ok(
      (await refusedOf(behind, (i) => ({ from: '127.0.0.9', forwarded: `203.0.113.${50 + i}` }))) >= 1,
      'no proxy',
    );
  });

  test('is one for a whole network of IPv6', async (t) => {
    const coordinator = await runOpenCoordinator(t, { rates: SLOW, trustedProxies: ['127.0.0.1'] });
    assert.ok((await refusedOf(coordinator, (i) => ({ forwarded: `2001:db8:0:1:${i}::${i}` }))) >= 1);
    assert.equal((await askAs(coordinator, { forwarded: '2001:db8:0:2::1' })).status, 200);
  });

  test('of jobs, of connections and of messages is kept too', async (t) => {
    const coordinator = await runOpenCoordinator(t, {
      rates: { requests: 0, submits: 1, connects: 1, messages: 1 },
    });
    const { key } = await coordinator.key('submitter');
    const body = { type: 'collatz', parameters: { start: '1', end: '100' } };
    const submits = await Promise.all(DOZEN.map(() => coordinator.post('/api/submit', body, bearer(key))));
    const refused = submits.filter(({ status }) => status === 429);
    assert.ok(refused.length >= 1);
    for (const reply of refused) {
      assert.equal(errorOf(reply).code, 'limit_reached');
      assert.ok(Number(reply.headers.get('retry-after')) >= 1);
    }
    const worker = await join(t, coordinator.url);
    const answers = await Promise.all(
      DOZEN.map(() => worker.request('lease', { target_ms: 1, rate_per_second: 1 })),
    );
    assert.ok(
      answers.some((answer) => !answer.ok && answer.error.code === 'limit_reached' && answer.error.retry),
    );
    const closing = next(worker.socket, 'closing');
    const hurried = Array.from({ length: 300 }, () =>
      worker.request('lease', { target_ms: 1, rate_per_second: 1 }),
    );
    for (const each of hurried) each.catch(() => undefined);
    assert.match(JSON.stringify(await closing), /above the rate/);
    const codes: string[] = [];
    for (let i = 0; i < 20; i++) {
      const socket = connect(t, coordinator.url, helloOf());
      const joined = next(socket, 'welcome').then(() => 'joined');
      codes.push(await Promise.race([joined, refusalOf(socket).then(({ code }) => code)]));
    }
    assert.ok(codes.includes('limit_reached'), codes.join());
  });

  test('of requests holds for handshakes and for metrics as well', async (t) => {
    const coordinator = await runOpenCoordinator(t, { rates: SLOW });
    const metrics = await Promise.all(DOZEN.map(() => fetch(coordinator.metricsUrl)));
    for (const reply of metrics) await reply.text();
    assert.ok(
      metrics.some(({ status, headers }) => status === 429 && Number(headers.get('retry-after')) >= 1),
    );
    // Of a budget of their own ten would join; of the one that is used up, one for each second that this takes.
    const ends = await Promise.all(
      DOZEN.map(() => {
        const socket = connect(t, coordinator.url, helloOf());
        return Promise.race([next(socket, 'welcome').then(() => 'joined'), next(socket, 'connect_error')]);
      }),
    );
    const joined = ends.filter((end) => end === 'joined').length;
    assert.ok(joined < 10, `${joined} of ${DOZEN.length} joined`);
    assert.match(ends.join(), /websocket error/);
  });
});

suite('the audit log', () => {
  async function entries(coordinator: OpenCoordinator): Promise<readonly AuditLine[]> {
    const reply = await coordinator.ask('/api/audit?limit=1000', { headers: bearer(coordinator.adminKey) });
    return auditList.parse(reply.body).entries;
  }

  test('tells who was refused what, within a bound, and how many more there were', async (t) => {
    const coordinator = await runOpenCoordinator(t);
    const attempts = 400;
    for (let i = 0; i < attempts; i++) assert.equal((await coordinator.ask('/api/keys')).status, 401);
    const lines = (await entries(coordinator)).filter(({ action }) => action === 'access.refused');
    assert.ok(lines.length >= 30, `${lines.length} lines of ${attempts}`);
    assert.ok(lines.length < attempts / 2, `${lines.length} lines of ${attempts}`);
    for (const line of lines) assert.deepEqual([line.outcome, line.user], ['key_needed', null]);
    const { dataDir } = coordinator;
    await coordinator.close();
    const database = new DatabaseSync(pathOf(dataDir, 'cluster.db'));
    t.after(() => database.close());
    const sums = database.prepare("SELECT outcome FROM audit WHERE outcome LIKE '% more'").all();
    const left = sums.reduce((sum, { outcome }) => sum + Number(String(outcome).split(' ')[0]), 0);
    assert.ok(left > 0 && left + lines.length <= attempts, `${left} are told to be left out`);
  });

  test('is not changed: not by a request, and not by SQL', async (t) => {
    const coordinator = await runOpenCoordinator(t);
    await coordinator.key('viewer', 'ada');
    for (const method of ['DELETE', 'PUT', 'PATCH', 'POST']) {
      const reply = await coordinator.ask('/api/audit', { method, headers: bearer(coordinator.adminKey) });
      assert.equal(errorOf(reply).code, 'method_not_allowed');
    }
    const { dataDir } = coordinator;
    await coordinator.close();
    const database = new DatabaseSync(pathOf(dataDir, 'cluster.db'));
    t.after(() => database.close());
    const count = () => database.prepare('SELECT count(*) AS n FROM audit').get()?.['n'];
    const before = count();
    assert.ok(Number(before) > 0);
    assert.throws(() => database.exec("UPDATE audit SET user = 'eve'"), /append-only/);
    assert.throws(() => database.exec('DELETE FROM audit'), /append-only/);
    assert.equal(count(), before);
  });
});
