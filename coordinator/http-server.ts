/** The HTTP servers below Express and Socket.IO: time limits, and answers to what is no HTTP, or has two readings. */
import { STATUS_CODES, createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ClusterError } from '../protocol/errors.ts';
import { errorBodyOf } from '../protocol/problems.ts';

export interface ServerTimes {
  /** From the connection, or the last answer, to the end of a request's headers. */
  readonly headers_ms: number;
  /** To the end of its body. */
  readonly request_ms: number;
  /** Longer than a proxy's usual 60 s, so that the proxy closes first and no request meets a closing socket. */
  readonly keepAlive_ms: number;
  /** A peer that takes nothing of its answer for so long is cut off: it would hold the answer in memory for ever. */
  readonly unread_ms: number;
  /** How often these are looked at: each may be late by so much. */
  readonly check_ms: number;
}

export const SERVER_TIMES: ServerTimes = {
  headers_ms: 10_000,
  request_ms: 30_000,
  keepAlive_ms: 75_000,
  unread_ms: 60_000,
  check_ms: 5000,
};

export function httpServer(listener: RequestListener, times: ServerTimes = SERVER_TIMES): Server {
  const server = createServer({
    headersTimeout: times.headers_ms,
    requestTimeout: times.request_ms,
    keepAliveTimeout: times.keepAlive_ms,
    connectionsCheckingInterval: times.check_ms,
    // Told below, in the shape of all errors.
    requireHostHeader: false,
    // All else is an ordinary request: `curl --http2` offers to go on in HTTP/2 and takes no for an answer.
    shouldUpgradeCallback: (request) => isWebSocket(request) && ambiguity(request) === null,
  });
  server.setTimeout(times.unread_ms);
  const refused = new WeakSet<Socket>();
  server.on('request', (request, response) => {
    // Where one request had two readings, what stands behind it may be the other one.
    if (refused.has(request.socket)) {
      request.socket.destroySoon();
      return;
    }
    const problem = ambiguity(request);
    if (problem === null) {
      listener(request, response);
      return;
    }
    refused.add(request.socket);
    const body = errorText('malformed', problem);
    response.writeHead(400, { ...ERROR_HEADERS, 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  });
  server.on('checkExpectation', (_request, response) => {
    const body = errorText('malformed', 'this server meets no expectation but 100-continue');
    response.writeHead(417, { ...ERROR_HEADERS, 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  });
  server.on('connect', (_request, socket) => {
    // No time limit of the server holds for it any more.
    socket.once('finish', () => socket.destroy());
    answerRaw(socket, 405, errorText('method_not_allowed', 'this is no proxy'));
  });
  server.on('clientError', answerNoHttp);
  return server;
}

/** Who a request is from and for hangs on these: said twice, a proxy and this server may each believe another one. */
const SAID_ONCE: ReadonlySet<string> = new Set(['host', 'origin', 'authorization', 'sec-fetch-site']);

/** Why a request could be read in two ways (RFC 9112, 3.2); null if it has one reading. */
function ambiguity(request: IncomingMessage): string | null {
  const { rawHeaders, headers, url = '', httpVersion } = request;
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase() ?? '';
    if (!SAID_ONCE.has(name)) continue;
    if (seen.has(name)) return `the request has more than one header ${name}`;
    seen.add(name);
  }
  if (headers.host === undefined) {
    return httpVersion === '1.0' ? null : 'the request has no header Host';
  }
  // As it is sent to a proxy. A server has to take it, and must believe it before Host: so both must agree.
  if (url.startsWith('/') || url === '*') return null;
  const authority = URL.parse(url)?.host;
  return authority === headers.host.toLowerCase() ? null : 'the address of the request and its Host differ';
}

function isWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}

const ERROR_HEADERS = { 'Content-Type': 'application/json; charset=utf-8', Connection: 'close' } as const;

function errorText(code: 'malformed' | 'method_not_allowed', message: string): string {
  return JSON.stringify(errorBodyOf(new ClusterError(code, message)));
}

function answerNoHttp(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = statusOf(error.code);
  answerRaw(socket, status, errorText('malformed', message));
}

function answerRaw(socket: Duplex, status: number, body: string): void {
  // A peer that has gone is no error of ours.
  socket.on('error', () => socket.destroy());
  const headers = Object.entries(ERROR_HEADERS).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${headers.join('')}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function statusOf(code: string | undefined): readonly [number, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'the headers of the request are too large'];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'the request did not arrive in time'];
    default:
      return [400, 'this is no HTTP/1.1 request'];
  }
}
