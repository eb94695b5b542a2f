/** The public HTTP server below Express and Socket.IO: time limits, and answers to what is no HTTP. */
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { ClusterError } from '../protocol/errors.ts';
import { errorBodyOf } from '../protocol/problems.ts';

export function publicServer(listener: RequestListener): Server {
  const server = createServer(
    {
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      // Longer than a proxy's usual 60 s, so that the proxy closes first and no request meets a closing socket.
      keepAliveTimeout: 75_000,
      connectionsCheckingInterval: 5000,
    },
    listener,
  );
  server.on('clientError', answerNoHttp);
  return server;
}

function answerNoHttp(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = statusOf(error.code);
  const body = JSON.stringify(errorBodyOf(new ClusterError('malformed', message)));
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function statusOf(code: string | undefined): readonly [string, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return ['431 Request Header Fields Too Large', 'the headers of the request are too large'];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['408 Request Timeout', 'the request did not arrive in time'];
    default:
      return ['400 Bad Request', 'this is no HTTP/1.1 request'];
  }
}
