/** Connections that say nothing, answer nothing or are too many: under limits of milliseconds. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { helloOf } from '../../tests/coordinator/worker-socket.ts';
import { openAccess } from '../access/test-access.ts';
import { ConnectionLimit } from '../access/connection-limit.ts';
import type { Cluster } from '../cluster.ts';
import { createLog } from '../log.ts';
import { openGateway } from './gateway.ts';
import type { GatewayLimits } from './gateway.ts';

/** 64 KB, so that the system's buffers are full soon. */
const LONG_ANSWER = Array.from({ length: 1000 }, () => 'x'.repeat(64));

/** A gateway over a core that only counts who is connected. */
async function gatewayWith(t: TestContext, limits: Partial<GatewayLimits>) {
  const live = new Set<string>();
  const cluster = {
    connect: ({ node_id }: { readonly node_id: string }) => {
      live.add(node_id);
      return {
        nodeId: node_id,
        revoked: [],
        heartbeat: () => ({ revoked: LONG_ANSWER }),
        disconnected: () => live.delete(node_id),
      };
    },
  } as unknown as Cluster;
  const server = createServer();
  const log = createLog('silent');
  const access = await openAccess(t);
  const connectionLimit = new ConnectionLimit(0);
  const options = { cluster, log, access, connectionLimit, software: '0', heartbeat_ms: 1000 };
  const gateway = openGateway(server, { ...options, allowedOrigins: [], limits });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    gateway.close();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const url = `ws://127.0.0.1:${address.port}/socket.io/?EIO=4&transport=websocket`;
  return { gateway, live, url, port: address.port };
}

/** Joined, and silent from then on: it answers no ping. */
async function silentWorker(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  const joined = new Promise<void>((resolve) => {
    socket.addEventListener('message', ({ data }) => {
      if (String(data).startsWith('42["welcome"')) resolve();
    });
  });
  socket.send(`40${JSON.stringify(helloOf())}`);
  await joined;
  return socket;
}

test('a worker that answers no ping is cut, and the core is told', async (t) => {
  const { url, live, gateway } = await gatewayWith(t, { ping_ms: 50, pong_ms: 50 });
  const socket = await silentWorker(url);
  assert.equal(live.size, 1);
  assert.equal(gateway.connections(), 1);
  await once(socket, 'close');
  assert.equal(live.size, 0);
  assert.equal(gateway.connections(), 0);
});

test('a connection that never says hello is closed', async (t) => {
  const { url, live } = await gatewayWith(t, { join_ms: 50 });
  const socket = new WebSocket(url);
  await once(socket, 'open');
  await once(socket, 'close');
  assert.equal(live.size, 0);
});

test('a connection whose hellos are refused again and again is closed', async (t) => {
  const { url, live } = await gatewayWith(t, { hellos: 3 });
  const socket = new WebSocket(url);
  await once(socket, 'open');
  let refused = 0;
  socket.addEventListener('message', ({ data }) => {
    if (!String(data).startsWith('44')) return;
    refused += 1;
    socket.send('40{}');
  });
  socket.send('40{}');
  await once(socket, 'close');
  assert.equal(refused, 3);
  assert.equal(live.size, 0);
});

test('a connection that leaves before its hello is answered leaves no worker behind', async (t) => {
  const { url, live } = await gatewayWith(t, {});
  const gone = Array.from({ length: 20 }, async () => {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    socket.send(`40${JSON.stringify(helloOf())}`);
    socket.close();
    await once(socket, 'close');
  });
  await Promise.all(gone);
  await silentWorker(url);
  assert.equal(live.size, 1, 'only the one that stayed');
});

test('more connections than allowed are refused, and there is room again when one has left', async (t) => {
  const { url } = await gatewayWith(t, { connections: 2 });
  const [first] = [await silentWorker(url), await silentWorker(url)];
  const refused = new WebSocket(url);
  await once(refused, 'error');
  const left = once(first, 'close');
  first.close();
  await left;
  await silentWorker(url);
});

test('a worker that reads no answers is cut before they pile up', async (t) => {
  const { port, live } = await gatewayWith(t, { messagesPerSecond: 1e9 });
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(
    'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n' +
      'Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  let received = '';
  socket.on('data', (data: Buffer) => (received += data.toString()));
  while (!received.includes('"sid"')) await once(socket, 'data');
  socket.write(frame(`40${JSON.stringify(helloOf())}`));
  while (!received.includes('"welcome"')) await once(socket, 'data');
  assert.equal(live.size, 1);
  socket.pause();
  const beat = { state: 'idle', busy_fraction: 0, rate_per_second: 0, leases: [] };
  const requests = Array.from({ length: 200 }, (_, i) =>
    frame(`42${i}["heartbeat",${JSON.stringify(beat)}]`),
  );
  const chunk = Buffer.concat(requests);
  while (live.size > 0) {
    socket.write(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
});

/** A masked text frame of RFC 6455 (a mask of zeros), at most 64 KB. */
function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  const length =
    payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([0x81, ...length, 0, 0, 0, 0]), payload]);
}
