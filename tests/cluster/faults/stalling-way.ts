/**
 * A way of TCP that can be cut as a network is: nothing comes through any more, and nobody is told. What was sent
 * meanwhile arrives when it is mended, as TCP sends it again.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Ending } from '../processes.ts';

export class StallingWay {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  #waiting: (() => void)[] = [];
  #isCut = false;

  static async to(ending: Ending, host: string, port: number): Promise<StallingWay> {
    const way = new StallingWay(host, port);
    way.#server.listen(0, '127.0.0.1');
    await once(way.#server, 'listening');
    ending.after(async () => {
      const closed = once(way.#server, 'close');
      way.#server.close();
      for (const socket of way.#sockets) socket.destroy();
      await closed;
    });
    return way;
  }

  private constructor(host: string, port: number) {
    this.#target = { host, port };
    this.#server = createServer((client) => this.#accept(client));
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the way is closed');
    return address.port;
  }

  /** The same address, by this way. */
  by(address: string): string {
    const url = new URL(address);
    url.port = String(this.port);
    return url.href.replace(/\/$/, '');
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.pause();
  }

  mend(): void {
    this.#isCut = false;
    for (const socket of this.#sockets) socket.resume();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  /** The system accepts what dials a way that is cut; the other end hears of it when it is mended. */
  #accept(client: Socket): void {
    this.#keep(client);
    if (this.#isCut) this.#waiting.push(() => this.#join(client));
    else this.#join(client);
  }

  #join(client: Socket): void {
    const server = connect(this.#target.port, this.#target.host);
    this.#keep(server);
    this.#carry(client, server);
    this.#carry(server, client);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    if (this.#isCut) socket.pause();
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #carry(from: Socket, to: Socket): void {
    from.on('data', (bytes: Buffer) => {
      if (this.#isCut) from.pause();
      if (!to.destroyed) to.write(bytes);
    });
    from.on('close', () => {
      // A goodbye does not come through either.
      if (this.#isCut) this.#waiting.push(() => to.destroy());
      else to.destroySoon();
    });
    if (from.destroyed) to.destroySoon();
    else if (!this.#isCut) from.resume();
  }
}
