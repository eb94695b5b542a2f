/**
 * LOCAL_PEERS lets a container's gateway submit without a key, as the machine around it. What else comes from there,
 * or says that it does.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { CoordinatorConfig } from '../../coordinator/config.ts';
import { CASES, DOORS, LOCAL, verdict } from '../../protocol/access-table.ts';
import { jobList, submitReply } from '../../protocol/http.ts';
import { callerStatus } from '../../protocol/access.ts';
import { bearer, runOpenCoordinator } from './keys.ts';
import type { OpenCoordinator } from './keys.ts';
import { outerAddress } from './outer-address.ts';
import { refusalIn, requestText, sendRaw } from './raw-http.ts';
import type { RawReply } from './raw-http.ts';

const BODIES: Readonly<Record<string, string>> = {
  '/api/submit': JSON.stringify({ type: 'collatz', parameters: { start: '1', end: '100' } }),
  '/api/keys': JSON.stringify({ user: 'eve', role: 'admin' }),
};

interface Scene {
  readonly coordinator: OpenCoordinator;
  readonly address: string;
  readonly port: number;
  /** Sends as the peer, by default straight to `localhost`. */
  ask(method: string, path: string, headers?: Readonly<Record<string, string>>): Promise<RawReply>;
}

/** @param peers by default the address that this test asks from */
async function sceneOf(
  t: TestContext,
  address: string,
  config: Partial<CoordinatorConfig> = {},
): Promise<Scene> {
  const coordinator = await runOpenCoordinator(t, { policy: LOCAL, localPeers: [address], ...config });
  const port = Number(new URL(coordinator.url).port);
  return {
    coordinator,
    address,
    port,
    ask(method, path, headers = {}) {
      const body = method === 'POST' ? (BODIES[path] ?? '{}') : undefined;
      const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
      const text = requestText(method, path, { Host: `localhost:${port}`, ...type, ...headers }, body);
      return sendRaw({ port, host: address, from: address }, text);
    },
  };
}

const submit = ({ ask }: Scene, headers: Readonly<Record<string, string>> = {}) =>
  ask('POST', '/api/submit', headers);

async function jobCount({ coordinator }: Scene): Promise<number> {
  return jobList.parse((await coordinator.ask('/api/jobs')).body).jobs.length;
}

const outer = outerAddress();
const options = { skip: outer === undefined ? 'this machine has no address but loopback' : false };
const address = outer ?? '';

suite('a peer of LOCAL_PEERS', options, () => {
  test('may submit, and do nothing else that needs a key: not even steer what it submitted', async (t) => {
    const scene = await sceneOf(t, address);
    const made = await submit(scene);
    assert.equal(made.status, 202, made.text);
    const job = submitReply.parse(JSON.parse(made.text)).job_id;
    const each = CASES.find(({ name }) => name === 'submit local: no key');
    assert.ok(each !== undefined);
    for (const door of DOORS.filter(({ kind }) => kind === 'http')) {
      const [method = '', path = ''] = door.name.split(' ');
      const target = path.replace(':job_id', job).replace(/:key_id|:node_id/, '0'.repeat(12));
      const reply = await scene.ask(method.toUpperCase(), target);
      const due = verdict(door, each);
      if (due !== null) assert.equal(refusalIn(reply), due, door.name);
      else assert.ok(reply.status < 401 || reply.status === 404, `${door.name}: ${reply.text}`);
    }
    const caller = callerStatus.parse(JSON.parse((await scene.ask('GET', '/api/caller')).text));
    assert.deepEqual([caller.kind, caller.role, caller.may.steer], ['anonymous', null, 'none']);
    const { jobs } = jobList.parse((await scene.coordinator.ask('/api/jobs')).body);
    assert.ok(
      jobs.every(({ user_id, status }) => user_id === null && status === 'pending'),
      'the jobs are nobody’s, and go on',
    );
  });

  test('that forwards for others is a stranger', async (t) => {
    const scene = await sceneOf(t, address, { trustedProxies: [address] });
    for (const name of ['X-Forwarded-For', 'Forwarded', 'Via', 'X-Real-IP', 'X-Forwarded-Host']) {
      for (const value of ['127.0.0.1', scene.address, '']) {
        assert.equal(refusalIn(await submit(scene, { [name]: value })), 'key_needed', name);
      }
    }
    // As nginx forwards where it is told nothing.
    const silent = requestText(
      'POST',
      '/api/submit',
      { 'Content-Type': 'application/json' },
      BODIES['/api/submit'],
    )
      .toString()
      .replace('HTTP/1.1', 'HTTP/1.0');
    const reply = await sendRaw({ port: scene.port, host: address, from: address }, silent);
    assert.equal(refusalIn(reply), 'key_needed');
    assert.equal(await jobCount(scene), 0);
  });

  test('whose browser was led here by a name of another site is a stranger', async (t) => {
    const scene = await sceneOf(t, address);
    const hosts = ['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io', '0.0.0.0', scene.address];
    for (const host of hosts.flatMap((name) => [name, `${name}:${scene.port}`])) {
      for (const more of [{}, { Origin: `http://${host}`, 'Sec-Fetch-Site': 'same-origin' }]) {
        assert.equal(refusalIn(await submit(scene, { Host: host, ...more })), 'key_needed', host);
      }
    }
    assert.equal(await jobCount(scene), 0);
  });

  test('whose browser another site’s page makes ask submits nothing', async (t) => {
    const scene = await sceneOf(t, address);
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost:1',
      `http://127.0.0.1:${scene.port}`,
    ]) {
      const reply = await submit(scene, { Origin: origin });
      assert.ok(['origin_refused', 'key_needed'].includes(refusalIn(reply)), `${origin}: ${reply.text}`);
    }
    for (const site of ['cross-site', 'same-site']) {
      const reply = await submit(scene, { 'Sec-Fetch-Site': site });
      assert.ok(['origin_refused', 'key_needed'].includes(refusalIn(reply)), site);
    }
    assert.equal(await jobCount(scene), 0);
  });

  test('is who is listed: a neighbour on the same network is a stranger, whatever it says', async (t) => {
    const scene = await sceneOf(t, address, { localPeers: ['192.0.2.250'] });
    for (const more of [{}, { 'X-Forwarded-For': '192.0.2.250' }, { Host: '127.0.0.1' }, { Host: '[::1]' }]) {
      assert.equal(refusalIn(await submit(scene, more)), 'key_needed', JSON.stringify(more));
    }
    assert.equal(await jobCount(scene), 0);
  });

  test('counts in every limit as any address without a key does', async (t) => {
    const scene = await sceneOf(t, address, {
      rates: { requests: 0, submits: 1, connects: 0, messages: 0 },
    });
    const replies = await Promise.all(Array.from({ length: 12 }, () => submit(scene)));
    assert.ok(replies.some((reply) => reply.status === 429 && refusalIn(reply) === 'limit_reached'));
    const crowded = await sceneOf(t, address, { jobRules: { maxWaitingJobs: 3 } });
    const codes: number[] = [];
    for (let i = 0; i < 5; i++) codes.push((await submit(crowded)).status);
    assert.deepEqual(codes, [202, 202, 202, 429, 429], 'those without a key share what may wait');
    const { key } = await crowded.coordinator.key('submitter');
    const own = await submit(crowded, bearer(key));
    assert.equal(own.status, 202, 'who has a key has a share of their own');
  });
});
