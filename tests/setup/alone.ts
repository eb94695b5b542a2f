/** One process of this machine at a time, for what takes long and is kept: the others wait and find it done. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** @param name of what is done; processes that do other things at once use another one */
export async function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
  // Abstract: nothing is left of it when its process is killed.
  const address = `\0threads-cluster-${name}`;
  for (;;) {
    const server = createServer((waiting) => waiting.on('error', () => waiting.destroy()).resume());
    const sockets = new Set<{ destroy(): unknown }>();
    server.on('connection', (waiting) => sockets.add(waiting));
    try {
      const listening = once(server, 'listening');
      server.listen(address);
      await listening;
    } catch {
      const owner = connect(address);
      // It has just ended, or ends while this one waits: either way it is tried again.
      owner.on('error', () => owner.destroy());
      await once(owner, 'close').catch(() => undefined);
      continue;
    }
    try {
      return await work();
    } finally {
      server.close();
      for (const waiting of sockets) waiting.destroy();
    }
  }
}
