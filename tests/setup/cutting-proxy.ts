/** A way to PostgreSQL that can be cut, for all or at a message: the one by which a transaction is committed, or any other. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

const COMMIT = 'COMMIT\0';

/**
 * `before`: the message does not arrive. `after`: it arrives, and its answer does not. `silent`: it does not arrive, and
 * neither side learns of it: connections stay, and nothing comes through them any more.
 */
export type Cut = 'before' | 'after' | 'silent';

export class CuttingProxy {
  readonly #server: Server;
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  #cut: { readonly message: Buffer; readonly where: Cut; readonly done: () => void } | undefined;
  #isOpen = true;
  #isSilent = false;

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer((client) => this.#carry(client));
  }

  static async to(url: string, ending: { after(end: () => Promise<void>): void }): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(new URL(url));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    ending.after(async () => {
      proxy.close();
      const closed = once(proxy.#server, 'close');
      proxy.#server.close();
      await closed;
    });
    return proxy;
  }

  get url(): string {
    const url = new URL(this.#target);
    const { port } = this.#server.address() as AddressInfo;
    url.port = String(port);
    return url.href;
  }

  /** Resolves when the next COMMIT was cut; the way stays closed from then on. */
  cutNextCommit(where: Cut): Promise<void> {
    return this.cutNext(COMMIT, where);
  }

  /** The same with any other text that a message of ours holds. */
  cutNext(text: string, where: Cut): Promise<void> {
    return new Promise((resolve) => {
      this.#cut = { message: Buffer.from(text), where, done: resolve };
    });
  }

  close(): void {
    this.#isOpen = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  open(): void {
    this.#isOpen = true;
  }

  #carry(client: Socket): void {
    if (!this.#isOpen) {
      client.destroy();
      return;
    }
    const server = connect(Number(this.#target.port), this.#target.hostname);
    let isCut = false;
    const both: readonly (readonly [Socket, Socket])[] = [
      [client, server],
      [server, client],
    ];
    for (const [socket, other] of both) {
      this.#sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        if (!this.#isSilent) other.destroy();
      });
    }
    const cut = (done: () => void) => {
      this.close();
      done();
    };
    client.on('data', (bytes: Buffer) => {
      if (this.#isSilent) return;
      if (this.#cut === undefined || !bytes.includes(this.#cut.message)) {
        server.write(bytes);
        return;
      }
      const { where, done } = this.#cut;
      this.#cut = undefined;
      if (where === 'silent') {
        this.#isSilent = true;
        done();
        return;
      }
      if (where === 'before') {
        cut(done);
        return;
      }
      isCut = true;
      server.once('data', () => cut(done));
      server.write(bytes);
    });
    server.on('data', (bytes: Buffer) => {
      if (!isCut && !this.#isSilent) client.write(bytes);
    });
  }
}
