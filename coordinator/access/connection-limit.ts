/** How many connections one address may hold: all its sockets, whatever they are used for, idle ones too. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { ClusterError } from '../../protocol/errors.ts';
import { limitKey } from './client-address.ts';

export class ConnectionLimit {
  readonly #most: number;
  readonly #held = new Map<string, number>();

  /** @param most 0: without limit */
  constructor(most: number) {
    this.#most = most;
  }

  held(address: string): number {
    return this.#held.get(limitKey(address)) ?? 0;
  }

  /**
   * @returns call it when the connection is over
   * @throws ClusterError limit_reached
   */
  enter(address: string): () => void {
    const key = limitKey(address);
    const held = this.#held.get(key) ?? 0;
    if (this.#most > 0 && held >= this.#most) {
      throw new ClusterError('limit_reached', `${held} connections of your address are open: close some`);
    }
    this.#held.set(key, held + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const still = (this.#held.get(key) ?? 1) - 1;
      if (still === 0) this.#held.delete(key);
      else this.#held.set(key, still);
    };
  }
}

/**
 * Cuts sockets above the limit as soon as they are accepted: nothing is read from them, so that thousands of them
 * cost what the system needs for a handshake. A trusted proxy holds many for others and is spared; the gateway
 * counts its workers by the addresses that it names.
 */
export function limitSockets(
  server: Server,
  limit: ConnectionLimit,
  isSpared: (address: string) => boolean,
): void {
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    if (isSpared(address)) return;
    try {
      socket.once('close', limit.enter(address));
    } catch {
      socket.destroy();
    }
  });
}
