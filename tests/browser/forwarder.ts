/** A network between a page and its coordinator that can be cut for real: emulated offline leaves open sockets open. */
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface Forwarder {
  readonly url: string;
  /** Ends all connections and refuses new ones. */
  cut(): Promise<void>;
  /** Takes connections again, at the same port. */
  mend(): Promise<void>;
}

/** Closed when the test is over. @param url of the coordinator */
export async function openForwarder(test: TestContext, url: string): Promise<Forwarder> {
  const to = Number(new URL(url).port);
  const open = new Set<Socket>();
  let server: Server | undefined;
  const listen = async (port: number): Promise<number> => {
    const next = createServer((from) => {
      const onward = connect(to, '127.0.0.1');
      for (const [one, other] of [
        [from, onward],
        [onward, from],
      ] as const) {
        open.add(one);
        one.pipe(other);
        // A reset is an end like any other here.
        one.on('error', () => other.destroy());
        one.once('close', () => {
          open.delete(one);
          other.destroy();
        });
      }
    });
    await new Promise<void>((resolve) => next.listen(port, '127.0.0.1', resolve));
    server = next;
    const address = next.address();
    if (address === null || typeof address === 'string') throw new Error('the forwarder has no port');
    return address.port;
  };
  const cut = async () => {
    const old = server;
    server = undefined;
    if (old === undefined) return;
    const closed = new Promise<void>((resolve) => {
      old.close(() => resolve());
    });
    for (const socket of open) socket.destroy();
    await closed;
  };
  const port = await listen(0);
  test.after(cut);
  return {
    url: `http://127.0.0.1:${port}`,
    cut,
    mend: async () => {
      await listen(port);
    },
  };
}
