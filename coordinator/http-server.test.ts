import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { errorBody } from '../protocol/http.ts';
import { httpServer, SERVER_TIMES } from './http-server.ts';
import type { ServerTimes } from './http-server.ts';

const SHORT: ServerTimes = {
  headers_ms: 100,
  request_ms: 200,
  keepAlive_ms: 300,
  unread_ms: 300,
  check_ms: 20,
};
const BIG = Buffer.alloc(64 * 1024 * 1024, 'x');

/** Serves the requests that it lets through: `/big` is answered with 64 MB, others with what was understood. `accepted` is the first connection. */
async function serve(t: TestContext, times: ServerTimes = SERVER_TIMES) {
  const server = httpServer((request, response) => {
    request.resume();
    if (request.url === '/big') response.end(BIG);
    else response.end(`${request.method ?? ''} ${request.url ?? ''}`);
  }, times);
  const accepted = once(server, 'connection').then(([socket]: Socket[]) => {
    assert.ok(socket !== undefined);
    return socket;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { port: address.port, accepted };
}

function dial(t: TestContext, port: number, text: string): Socket {
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(text);
  return socket;
}

/** All that comes until the server closes. */
async function whole(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (data: Buffer) => (text += data.toString('latin1')));
  await once(socket, 'close');
  return text;
}

function refusalIn(answer: string): { readonly status: number; readonly code: string } {
  const [head = '', body = ''] = answer.split('\r\n\r\n', 2);
  return { status: Number(head.split(' ')[1]), code: errorBody.parse(JSON.parse(body)).error.code };
}

test('a request that two servers could read in two ways is refused', async (t) => {
  const { port } = await serve(t);
  const cases: readonly (readonly [string, string])[] = [
    ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['the same host twice', 'GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n'],
    ['two origins', 'GET / HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\nOrigin: http://b\r\n\r\n'],
    ['two keys', 'GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n'],
    ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['another host in the address', 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a user in the address', 'GET http://a@b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
  ];
  for (const [name, request] of cases) {
    assert.deepEqual(
      refusalIn(await whole(dial(t, port, request))),
      { status: 400, code: 'malformed' },
      name,
    );
  }
  const same = 'GET http://A/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  assert.match(await whole(dial(t, port, same)), /^HTTP\/1.1 200 .*GET http:\/\/A\/x/s);
});

test('what asks to be something else than HTTP is answered like anything else', async (t) => {
  const { port } = await serve(t);
  const offer = 'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n';
  const socket = dial(t, port, offer);
  const data: unknown = (await once(socket, 'data'))[0];
  assert.match(String(data), /^HTTP\/1.1 200 /);
  const through = await whole(dial(t, port, 'CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n'));
  assert.deepEqual(refusalIn(through), { status: 405, code: 'method_not_allowed' });
  const expecting = 'GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n';
  assert.deepEqual(refusalIn(await whole(dial(t, port, expecting))), { status: 417, code: 'malformed' });
});

test('whoever says nothing, or half of it, is told so and cut', async (t) => {
  const { port } = await serve(t, SHORT);
  const halves = [
    '',
    'GET / HTTP/1.1\r\nHost',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf',
  ];
  for (const half of halves) {
    const answer = await whole(dial(t, port, half));
    // The handler has answered the third at once: nothing can be said any more.
    if (answer.startsWith('HTTP/1.1 200')) continue;
    assert.deepEqual(refusalIn(answer), { status: 408, code: 'malformed' }, half);
  }
});

test('whoever does not read its answer is cut, whoever reads it slowly is not', async (t) => {
  // Long enough that a reader who is slow because the machine is busy is not taken for one who stopped.
  const { port, accepted } = await serve(t, { ...SHORT, unread_ms: 2000 });
  const unread = dial(t, port, 'GET /big HTTP/1.1\r\nHost: a\r\n\r\n');
  unread.pause();
  const cut = once(await accepted, 'close');
  const slow = dial(t, port, 'GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  let bytes = 0;
  for await (const chunk of slow) {
    bytes += Buffer.isBuffer(chunk) ? chunk.length : 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(bytes > BIG.length, 'the slow reader got all of it');
  await cut;
});
