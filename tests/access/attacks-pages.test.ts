/** What a page of another site makes a visitor's browser do to a coordinator on the visitor's own machine. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ROUTES } from '../../protocol/routes.ts';
import { keyList } from '../../protocol/access.ts';
import { jobStatus, nodeStatus } from '../../protocol/http.ts';
import { runCoordinator } from '../coordinator/running.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import { connect, helloOf, join, next } from '../coordinator/worker-socket.ts';
import { refusalIn, requestText, sendRaw } from './raw-http.ts';
import type { RawReply } from './raw-http.ts';

const BODIES: Readonly<Record<string, string>> = {
  '/api/submit': JSON.stringify({ type: 'collatz', parameters: { start: '1', end: '100' } }),
  '/api/keys': JSON.stringify({ user: 'eve', role: 'admin' }),
};
/** Everything for which somebody has to be somebody. */
const CLOSED = ROUTES.filter(({ need }) => need === 'submit' || need === 'steer' || need === 'administer');

interface Scene {
  readonly coordinator: TestCoordinator;
  readonly port: number;
  readonly job: string;
}

/** @returns the answer to each route that needs a role, asked with these headers */
async function knock({ port, job }: Scene, headers: Readonly<Record<string, string>>): Promise<RawReply[]> {
  return Promise.all(
    CLOSED.map(({ method, path }) => {
      const body = method === 'post' ? (BODIES[path] ?? '{}') : undefined;
      const type = method === 'post' ? { 'Content-Type': 'application/json' } : {};
      const address = path.replace(':job_id', job).replace(':key_id', '0'.repeat(12));
      return sendRaw({ port }, requestText(method.toUpperCase(), address, { ...type, ...headers }, body));
    }),
  );
}

async function assertUntouched({ coordinator, job }: Scene): Promise<void> {
  const { keys } = keyList.parse((await coordinator.ask('/api/keys')).body);
  assert.deepEqual(keys, []);
  const jobs = await coordinator.ask('/api/jobs');
  assert.match(JSON.stringify(jobs.body), /^\{"jobs":\[\{[^[]*/);
  assert.equal(jobStatus.parse((await coordinator.ask(`/api/status/${job}`)).body).status, 'pending');
  const list = JSON.stringify(jobs.body).match(/"job_id"/g) ?? [];
  assert.equal(list.length, 1, 'no job was made');
}

suite('a coordinator on loopback', () => {
  test('does nothing that a page of another site makes a browser ask for', async (t) => {
    const coordinator = await runCoordinator(t);
    const scene = {
      coordinator,
      port: Number(new URL(coordinator.url).port),
      job: await coordinator.submit('100000'),
    };
    const own = `127.0.0.1:${scene.port}`;
    const foreign = [
      'https://evil.example',
      'null',
      'http://127.0.0.1:1',
      `http://localhost:${scene.port}`,
      `http://${own}.evil.example`,
      'file://',
      'http://[::1]',
    ];
    for (const origin of foreign) {
      for (const type of [
        'application/json',
        'text/plain',
        'multipart/form-data; boundary=x',
        'application/x-www-form-urlencoded',
        '',
      ]) {
        const replies = await knock(scene, { Host: own, Origin: origin, 'Content-Type': type });
        for (const reply of replies) {
          assert.ok(
            ['origin_refused', 'key_needed'].includes(refusalIn(reply)),
            `${origin} ${type}: ${reply.text}`,
          );
          assert.equal(reply.headers.get('access-control-allow-origin'), undefined);
        }
      }
    }
    // A browser that says nothing of the origin, but where the page is from.
    for (const site of ['cross-site', 'same-site']) {
      for (const reply of await knock(scene, { Host: own, 'Sec-Fetch-Site': site })) {
        assert.ok(['origin_refused', 'key_needed'].includes(refusalIn(reply)), site);
      }
    }
    // A form without a script: its types are no JSON, whatever else is right.
    for (const type of [
      'text/plain',
      'multipart/form-data; boundary=x',
      'application/x-www-form-urlencoded',
    ]) {
      const reply = await sendRaw(
        scene,
        requestText('POST', '/api/submit', { Host: own, 'Content-Type': type }, BODIES['/api/submit']),
      );
      assert.equal(refusalIn(reply), 'unsupported_media_type');
    }
    const socket = connect(t, coordinator.url, helloOf(), { origin: 'https://evil.example' });
    assert.match(String(await next(socket, 'connect_error')), /websocket error/);
    await assertUntouched(scene);
  });

  test('is not opened by a preflight: no origin that is not listed is let read or send', async (t) => {
    const coordinator = await runCoordinator(t, { allowedOrigins: ['https://pages.example'] });
    const port = Number(new URL(coordinator.url).port);
    const ask = (origin: string) =>
      sendRaw(
        { port },
        requestText('OPTIONS', '/api/keys', {
          Host: `127.0.0.1:${port}`,
          Origin: origin,
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'authorization,content-type',
        }),
      );
    assert.equal((await ask('https://evil.example')).headers.get('access-control-allow-origin'), undefined);
    const listed = await ask('https://pages.example');
    assert.equal(listed.headers.get('access-control-allow-origin'), 'https://pages.example');
    assert.equal(listed.headers.get('access-control-allow-credentials'), undefined);
  });

  test('takes nobody for its admin whose browser was led here by a name of another site', async (t) => {
    const coordinator = await runCoordinator(t);
    const scene = {
      coordinator,
      port: Number(new URL(coordinator.url).port),
      job: await coordinator.submit('100000'),
    };
    for (const host of [
      `evil.example:${scene.port}`,
      'evil.example',
      '127.0.0.1.nip.io',
      'localhost.evil.example',
      '0.0.0.0',
      '2130706433',
      '127.1',
      `[::ffff:127.0.0.1]:${scene.port}`,
    ]) {
      for (const more of [{}, { Origin: `http://${host}`, 'Sec-Fetch-Site': 'same-origin' }]) {
        for (const reply of await knock(scene, { Host: host, ...more })) {
          assert.ok(['key_needed', 'origin_refused'].includes(refusalIn(reply)), `${host}: ${reply.text}`);
        }
      }
    }
    const worker = await join(
      t,
      coordinator.url,
      { node_id: 'rebound', tags: ['trusted'] },
      { host: 'evil.example', origin: 'http://evil.example' },
    );
    const node = nodeStatus.parse((await coordinator.ask('/api/nodes/rebound')).body);
    assert.deepEqual([node.own, node.tags], [false, []], 'it computes as a stranger does');
    worker.socket.disconnect();
    await assertUntouched(scene);
  });

  test('takes nobody for its admin who came through a proxy', async (t) => {
    const coordinator = await runCoordinator(t);
    const scene = {
      coordinator,
      port: Number(new URL(coordinator.url).port),
      job: await coordinator.submit('100000'),
    };
    const names = [
      'Forwarded',
      'Via',
      'X-Forwarded-For',
      'X-Forwarded-Host',
      'X-Forwarded-Proto',
      'X-Forwarded-Port',
      'X-Real-IP',
      'CF-Connecting-IP',
      'True-Client-IP',
    ];
    for (const name of names) {
      for (const value of ['127.0.0.1', '', 'for=127.0.0.1']) {
        for (const reply of await knock(scene, { [name]: value }))
          assert.equal(refusalIn(reply), 'key_needed', name);
      }
    }
    // As nginx forwards where it is told nothing: HTTP/1.0, its own name as Host, no header more.
    const silent = requestText('GET', '/api/keys').toString().replace('HTTP/1.1', 'HTTP/1.0');
    assert.equal(refusalIn(await sendRaw(scene, silent)), 'key_needed');
    // Behind so many others that a server which counts headers would drop it.
    for (const count of [50, 500, 900, 3000]) {
      const lines = `${'a:b\r\n'.repeat(count)}X-Forwarded-For: 203.0.113.5\r\n`;
      const reply = await sendRaw(
        scene,
        `GET /api/keys HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${lines}\r\n`,
      );
      assert.ok(['key_needed', 'malformed'].includes(refusalIn(reply)), `${count} headers: ${reply.status}`);
    }
    await assertUntouched(scene);
  });
});
