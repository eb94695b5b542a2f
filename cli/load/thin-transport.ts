/**
 * The way to a coordinator for thousands of simulated workers in one process: Engine.IO 4 and Socket.IO 5 over
 * WebSocket, as socket.io-client speaks them, and nothing else. It can bind a source address, which that library
 * can't; docs/measurements.md has what either costs.
 */
import { createHash } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { z } from 'zod';
import { HANDSHAKE_MS } from '../../client/connection.ts';
import type { Connection, ConnectionEvents, Transport } from '../../client/connection.ts';
import type { Hello, RequestName } from '../../protocol/messages.ts';
import { wireError } from '../../protocol/messages.ts';
import { clientFrame, FrameReader, OPCODE } from './websocket-frames.ts';

const MOST_HEADER_BYTES = 16 * 1024;
/** RFC 6455, 1.3. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * How a connection ended or an attempt failed.
 * unreachable: nobody listens, or no route, port or file descriptor is left · refused: the coordinator said no to the
 * hello · closed: by the coordinator · broken: without a goodbye · late: no handshake in time · garbled: not the protocol
 */
export const END_KINDS = ['unreachable', 'refused', 'closed', 'broken', 'late', 'garbled'] as const;
export type EndKind = (typeof END_KINDS)[number];

export interface ThinOptions {
  /** Origin of the coordinator. */
  readonly url: string;
  /** Source address; undefined: the system's choice. */
  readonly localAddress: string | undefined;
  /** 32 random bits. */
  readonly word: () => number;
  /** Each end once, before the connection's own `ended`; not after `close` or `vanish`. */
  readonly onEnd: (kind: EndKind, detail: string) => void;
}

export interface ThinTransport extends Transport {
  connect(hello: Hello, events: ConnectionEvents): ThinConnection;
}

export function thinTransport(options: ThinOptions): ThinTransport {
  return { connect: (hello, events) => new ThinConnection(options, hello, events) };
}

const event = z.tuple([z.string()]).rest(z.unknown());
const answer = z.tuple([z.unknown()]);
const refusal = z.object({ message: z.string(), data: z.unknown() });

export class ThinConnection implements Connection {
  readonly #options: ThinOptions;
  readonly #hello: Hello;
  readonly #events: ConnectionEvents;
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  readonly #frames = new FrameReader();
  readonly #answers = new Map<number, (value: unknown) => void>();
  readonly #key: string;
  /** What has come of the answer to the upgrade; undefined once it is complete. */
  #header: Buffer | undefined = Buffer.alloc(0);
  #lastId = 0;
  #over = false;

  constructor(options: ThinOptions, hello: Hello, events: ConnectionEvents) {
    this.#options = options;
    this.#hello = hello;
    this.#events = events;
    const words = Buffer.alloc(16);
    for (let i = 0; i < 16; i += 4) words.writeUInt32BE(options.word(), i);
    this.#key = words.toString('base64');
    this.#socket = open(options);
    this.#timer = setTimeout(() => this.#end('late', 'no handshake in time'), HANDSHAKE_MS);
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error: NodeJS.ErrnoException) =>
      this.#end(this.#header === undefined ? 'broken' : 'unreachable', error.code ?? error.message),
    );
    this.#socket.on('close', () => this.#end('broken', 'without a goodbye'));
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.write(this.#upgrade());
  }

  send(name: RequestName, body: unknown): Promise<unknown> {
    return new Promise((resolve) => {
      if (this.#over) return;
      const id = ++this.#lastId;
      this.#answers.set(id, resolve);
      this.#text(`42${id}${JSON.stringify([name, body])}`);
    });
  }

  close(): void {
    if (this.#over) return;
    this.#forget();
    if (this.#header === undefined) {
      this.#text('41');
      this.#frame(OPCODE.close, '');
    }
    this.#socket.destroySoon();
  }

  /** Ends as a device does that loses its power: nothing is said. */
  vanish(): void {
    this.#forget();
    this.#socket.destroy();
  }

  /** Somebody between cuts it: the worker finds out, and may dial again. */
  cut(): void {
    this.#end('broken', 'cut on purpose');
  }

  #upgrade(): string {
    const { host } = new URL(this.#options.url);
    return [
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1',
      `Host: ${host}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${this.#key}`,
      '\r\n',
    ].join('\r\n');
  }

  #take(chunk: Buffer): void {
    if (this.#over) return;
    try {
      const rest = this.#header === undefined ? chunk : this.#readHeader(chunk);
      if (rest.length > 0) this.#frames.push(rest, (opcode, text) => this.#frameArrived(opcode, text));
    } catch (error) {
      this.#end('garbled', error instanceof Error ? error.message : String(error));
    }
  }

  /** @returns what follows the header */
  #readHeader(chunk: Buffer): Buffer {
    const bytes = Buffer.concat([this.#header ?? Buffer.alloc(0), chunk]);
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) {
      if (bytes.length > MOST_HEADER_BYTES) throw new Error('the answer to the upgrade has no end');
      this.#header = bytes;
      return Buffer.alloc(0);
    }
    const [status = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
    if (!status.startsWith('HTTP/1.1 101 ')) {
      this.#end('unreachable', `the upgrade was answered by ${status.slice(9, 60)}`);
      return Buffer.alloc(0);
    }
    const accept = createHash('sha1').update(`${this.#key}${ACCEPT_GUID}`).digest('base64');
    if (!lines.some((line) => line.toLowerCase() === `sec-websocket-accept: ${accept.toLowerCase()}`)) {
      throw new Error('the answer to the upgrade is to another request');
    }
    this.#header = undefined;
    return bytes.subarray(end + 4);
  }

  #frameArrived(opcode: number, text: string): void {
    if (this.#over) return;
    if (opcode === OPCODE.text) this.#packet(text);
    else if (opcode === OPCODE.ping) this.#frame(OPCODE.pong, text);
    else if (opcode === OPCODE.close) this.#end('closed', 'by the coordinator');
  }

  /** Of Engine.IO: 0 open, 1 close, 2 ping, 4 message. */
  #packet(text: string): void {
    switch (text[0]) {
      case '0':
        return this.#text(`40${JSON.stringify(this.#hello)}`);
      case '1':
        return this.#end('closed', 'by the coordinator');
      case '2':
        return this.#text('3');
      case '4':
        return this.#message(text);
      default:
        throw new Error(`a packet ${text.slice(0, 1)} that this client does not know`);
    }
  }

  /** Of Socket.IO, behind the 4: 0 connected, 1 disconnected, 2 event, 3 acknowledgement, 4 refused. */
  #message(text: string): void {
    switch (text[1]) {
      case '0':
        clearTimeout(this.#timer);
        return;
      case '1':
        return this.#end('closed', 'by the coordinator');
      case '2': {
        const [name, body] = event.parse(JSON.parse(text.slice(2)));
        return this.#events.notice(name, body);
      }
      case '3': {
        const begin = text.indexOf('[');
        const id = Number(text.slice(2, begin));
        const [value] = answer.parse(JSON.parse(text.slice(begin)));
        const settle = this.#answers.get(id);
        this.#answers.delete(id);
        return settle?.(value);
      }
      case '4': {
        const { message, data } = refusal.parse(JSON.parse(text.slice(2)));
        const said = wireError.safeParse(data);
        return this.#end('refused', said.success ? said.data.code : message, said.data);
      }
      default:
        throw new Error(`a packet ${text.slice(0, 2)} that this client does not know`);
    }
  }

  #text(text: string): void {
    this.#frame(OPCODE.text, text);
  }

  #frame(opcode: number, text: string): void {
    this.#socket.write(clientFrame(opcode, text, this.#options.word()));
  }

  #end(kind: EndKind, detail: string, refused?: z.infer<typeof wireError>): void {
    if (this.#over) return;
    this.#forget();
    this.#socket.destroy();
    this.#options.onEnd(kind, detail);
    this.#events.ended({ message: `${kind}: ${detail}`, refusal: refused });
  }

  #forget(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#answers.clear();
  }
}

function open({ url, localAddress }: ThinOptions): Socket {
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === 'https:';
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const target = {
    host,
    port: port === '' ? (secure ? 443 : 80) : Number(port),
    ...(localAddress === undefined ? {} : { localAddress }),
  };
  return secure ? connectTls({ ...target, servername: host }) : connectTcp(target);
}
