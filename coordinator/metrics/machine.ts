/** What the coordinator has of its machine: disk, memory, network. Read at scrape time. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { stat, statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** The embedded store: its database and what was written since it was last taken in. */
const STORE_FILES = ['cluster.db', 'cluster.db-wal'];

/** @param dataDir exists, and is on one filesystem with all that is in it */
export function diskGauges(registry: Registry, dataDir: string): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => Promise<number>) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        try {
          this.set(await read());
        } catch {
          // Unreadable just now, as on a filesystem that went away: no value, rather than an old one.
          this.remove();
        }
      },
    });
  gauge('cluster_data_free_bytes', 'Free for this user on the disk below DATA_DIR.', async () => {
    const { bavail, bsize } = await statfs(dataDir);
    return bavail * bsize;
  });
  gauge('cluster_data_total_bytes', 'Size of the disk below DATA_DIR.', async () => {
    const { blocks, bsize } = await statfs(dataDir);
    return blocks * bsize;
  });
  gauge('cluster_store_bytes', 'Size of the embedded store: the database and its log.', async () => {
    const sizes = await Promise.all(STORE_FILES.map((file) => sizeOf(join(dataDir, file))));
    return sizes.reduce((sum, size) => sum + size, 0);
  });
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
    throw error;
  }
}

export function memoryLimitGauge(registry: Registry): void {
  new Gauge({
    name: 'cluster_memory_limit_bytes',
    help: 'Memory that the process may have: its container’s limit, else what the machine has.',
    registers: [registry],
    collect() {
      // Without a limit the system tells a number beyond all memory, or 0.
      const limit = process.constrainedMemory();
      this.set(limit > 0 ? Math.min(limit, totalmem()) : totalmem());
    },
  });
}

/** Bytes of all connections of a server, upgraded ones included. Call it before the server listens. */
export function networkCounter(registry: Registry, server: Server): void {
  const open = new Set<Socket>();
  const closed = { received: 0, sent: 0 };
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      closed.received += socket.bytesRead;
      closed.sent += socket.bytesWritten;
    });
  });
  new Counter({
    name: 'cluster_network_bytes_total',
    help: 'Bytes of pages, API and sockets, as they went over the connections.',
    labelNames: ['direction'],
    registers: [registry],
    collect() {
      let { received, sent } = closed;
      for (const { bytesRead, bytesWritten } of open) {
        received += bytesRead;
        sent += bytesWritten;
      }
      this.reset();
      this.inc({ direction: 'received' }, received);
      this.inc({ direction: 'sent' }, sent);
    },
  });
}
