/**
 * A thread of its own that opens thousands of connections, so that the honest client beside it is measured with a
 * loop of its own. It says `decided` when each is either served or cut, holds what it has, and lets go on `stop`.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';

export const floodOrder = z.object({
  port: z.number(),
  count: z.number(),
  /**
   * idle       a first request shows whether the connection is served; then nothing more comes
   * websocket  a handshake, then nothing: no hello
   * headers    a request whose headers never end
   * body       a request whose body never ends
   */
  kind: z.enum(['idle', 'websocket', 'headers', 'body']),
  key: z.string(),
});
export type FloodOrder = z.infer<typeof floodOrder>;

/** `served`: answered by HTTP or WebSocket. `cut`: closed without a word. */
export const floodReport = z.object({ served: z.number(), cut: z.number() });
export type FloodReport = z.infer<typeof floodReport>;

const OPENINGS: Readonly<Record<FloodOrder['kind'], (order: FloodOrder) => string>> = {
  idle: () => 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n',
  websocket: () =>
    'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  headers: () => 'GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ',
  body: ({ key }) =>
    `POST /api/submit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\n` +
    'Content-Length: 100\r\n\r\n{',
};

/** So many are under way at once: the system's own queue of new connections is 4096 long. */
const AT_ONCE = 500;

function open(order: FloodOrder): Promise<{ readonly socket: Socket; readonly isServed: boolean }> {
  return new Promise((resolve) => {
    const socket = connect(order.port, '127.0.0.1');
    socket.once('data', () => resolve({ socket, isServed: true }));
    socket.once('close', () => resolve({ socket, isServed: false }));
    // Cut by a reset: `close` follows.
    socket.on('error', () => undefined);
    socket.write(OPENINGS[order.kind](order));
  });
}

async function flood(order: FloodOrder): Promise<Socket[]> {
  const sockets: Socket[] = [];
  let served = 0;
  for (let left = order.count; left > 0; left -= AT_ONCE) {
    const wave = await Promise.all(Array.from({ length: Math.min(AT_ONCE, left) }, () => open(order)));
    served += wave.filter(({ isServed }) => isServed).length;
    sockets.push(...wave.map(({ socket }) => socket));
  }
  const report: FloodReport = { served, cut: order.count - served };
  parentPort?.postMessage(report);
  return sockets;
}

if (parentPort !== null) {
  const stopped = once(parentPort, 'message');
  const sockets = await flood(floodOrder.parse(workerData));
  await stopped;
  for (const socket of sockets) socket.destroy();
  parentPort.close();
}
