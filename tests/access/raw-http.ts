/** HTTP as bytes on a connection of its own: what no client library would send. */
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { errorBody } from '../../protocol/http.ts';
import { ERROR_KINDS } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';

export interface RawReply {
  /** 0: the connection was closed without an answer. */
  readonly status: number;
  /** Names in small letters. */
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
}

export interface Target {
  readonly port: number;
  readonly host?: string;
  /** The address that the connection comes from. */
  readonly from?: string;
}

/** What the server answers first. An event stream is left after its headers. */
export function sendRaw(
  { port, host = '127.0.0.1', from }: Target,
  request: string | Buffer,
): Promise<RawReply> {
  return new Promise((resolve) => {
    const socket = connect({ port, host, ...(from === undefined ? {} : { localAddress: from }) });
    let received = '';
    socket.setEncoding('latin1');
    socket.on('data', (data: string) => {
      received += data;
      const reply = replyIn(received);
      if (reply === undefined) return;
      socket.destroy();
      resolve(reply);
    });
    // A server that has answered may reset what it did not read.
    socket.on('error', () => undefined);
    socket.on('close', () =>
      resolve(replyIn(received, true) ?? { status: 0, headers: new Map(), text: received }),
    );
    socket.write(request);
  });
}

/** @param ended nothing more comes: an answer to HEAD has the length of what it leaves out */
function replyIn(received: string, ended = false): RawReply | undefined {
  const start = received.startsWith('HTTP/1.1 100') ? received.indexOf('\r\n\r\n') + 4 : 0;
  const end = received.indexOf('\r\n\r\n', start);
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = received.slice(start, end).split('\r\n');
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = received.slice(end + 4);
  const status = Number(statusLine.split(' ')[1]);
  const isStream = headers.get('content-type')?.startsWith('text/event-stream') === true;
  const length = Number(headers.get('content-length') ?? 0);
  if (!ended && !isStream && headers.get('transfer-encoding') === undefined && body.length < length)
    return undefined;
  if (headers.get('transfer-encoding') === 'chunked' && !ended && !isStream && !body.endsWith('0\r\n\r\n'))
    return undefined;
  if (isStream) return { status, headers, text: body };
  const bytes = Buffer.from(
    headers.get('transfer-encoding') === 'chunked' ? dechunked(body) : body,
    'latin1',
  );
  const isPacked = headers.get('content-encoding') === 'gzip' && bytes.length > 0;
  return { status, headers, text: (isPacked ? gunzipSync(bytes) : bytes).toString('utf8') };
}

function dechunked(body: string): string {
  let text = '';
  for (let at = 0; ;) {
    const line = body.indexOf('\r\n', at);
    const length = Number.parseInt(body.slice(at, line), 16);
    if (!(length > 0)) return text;
    text += body.slice(line + 2, line + 2 + length);
    at = line + 2 + length + 2;
  }
}

/** Below Express an error has the status that HTTP gives it, and the code `malformed`. */
const HTTP_STATUSES: ReadonlySet<number> = new Set([400, 408, 417, 431]);

/** The code of a refusal in the shape of all errors, with the status of its kind. @throws Error for any other */
export function refusalIn({ status, text }: RawReply): ErrorCode {
  const { code } = errorBody.parse(JSON.parse(text)).error;
  const isRight = status === ERROR_KINDS[code].status || (code === 'malformed' && HTTP_STATUSES.has(status));
  if (!isRight) throw new Error(`${code} came with status ${status}`);
  return code;
}

/** A whole request, with the length of its body. */
export function requestText(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string | Buffer,
): Buffer {
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  const all = { Host: 'localhost', Connection: 'close', ...length, ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'),
    Buffer.from(body ?? ''),
  ]);
}
