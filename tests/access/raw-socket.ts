/** A worker's socket as text frames: what no client library would send. */
import { once } from 'node:events';
import { z } from 'zod';
import { ackEnvelope, wireError } from '../../protocol/messages.ts';
import type { Answer } from '../coordinator/worker-socket.ts';
import type { WireError } from '../../protocol/messages.ts';

/** What a frame brought: an acknowledgement, a refused handshake, a welcome, or the end of the connection. */
export type Echo =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'refused'; readonly error: WireError }
  | { readonly kind: 'joined' }
  | { readonly kind: 'closed' };

/** Engine.IO's message, Socket.IO's connect and its refusal, and an acknowledgement with its number. */
const JOINED = /^40(?!\/)/;
/** Not of a namespace that is not there. */
const REFUSED = /^44(?<json>[^/].*)$/s;
const ANSWER = /^43(?<id>\d+)(?<json>.*)$/s;

export class RawSocket {
  readonly #socket: WebSocket;
  readonly #closed: Promise<Echo>;
  readonly #answers = new Map<number, (echo: Echo) => void>();
  #shook: ((echo: Echo) => void) | undefined;
  #open = true;
  #lastId = 0;
  #received = '';

  /** @throws Error if there is no connection */
  static async open(port: number): Promise<RawSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
    await once(socket, 'open');
    return new RawSocket(socket);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#closed = new Promise((resolve) => {
      socket.addEventListener('close', () => {
        this.#open = false;
        resolve({ kind: 'closed' });
      });
    });
    socket.addEventListener('message', ({ data }) => this.#take(String(data)));
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** All that has come. */
  get received(): string {
    return this.#received;
  }

  /** @param json of the hello */
  hello(json: string): Promise<Echo> {
    const shook = new Promise<Echo>((resolve) => (this.#shook = resolve));
    this.frame(`40${json}`);
    return Promise.race([shook, this.#closed]);
  }

  /** @param args the JSON of a list: the name of the message, then its body */
  request(args: string): Promise<Echo> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = new Promise<Echo>((resolve) => this.#answers.set(id, resolve));
    this.frame(`42${id}${args}`);
    return Promise.race([answered, this.#closed]);
  }

  frame(text: string | Uint8Array): void {
    if (this.#open) this.#socket.send(typeof text === 'string' ? text : new Uint8Array(text));
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.#closed;
  }

  #take(text: string): void {
    this.#received += `${text}\n`;
    if (text === '2') return this.frame('3');
    if (JOINED.test(text)) return this.#shook?.({ kind: 'joined' });
    const refused = REFUSED.exec(text)?.groups?.['json'];
    if (refused !== undefined) {
      const value: unknown = JSON.parse(refused);
      const error = wireError.parse(
        typeof value === 'object' && value !== null && 'data' in value ? value.data : value,
      );
      return this.#shook?.({ kind: 'refused', error });
    }
    const { id = '', json = '' } = ANSWER.exec(text)?.groups ?? {};
    if (json === '') return;
    const [answer] = z.tuple([ackEnvelope]).parse(JSON.parse(json));
    this.#answers.get(Number(id))?.({ kind: 'answer', answer });
    this.#answers.delete(Number(id));
  }
}
