/**
 * What holds for every connection before a message is looked at, joined or not: a rate of messages, no
 * binary, and no heap of answers that the peer does not read.
 */
import type { Socket } from 'socket.io';

/** Engine.IO's connection, below Socket.IO's namespaces. */
export type Connection = Socket['conn'];

export interface GuardLimits {
  readonly messagesPerSecond: number;
  /** Answers that wait for a peer that does not read: in the system's hands … */
  readonly unreadBytes: number;
  /** … and, behind those, in Engine.IO's. */
  readonly unreadMessages: number;
}

/** Calls `refuse` once, at the first breach; the caller closes. */
export function guard(connection: Connection, limits: GuardLimits, refuse: (reason: string) => void): void {
  const tcp = connection.request.socket;
  let refused = false;
  let windowStart = performance.now();
  let messages = 0;
  const breach = (reason: string) => {
    refused = true;
    refuse(reason);
  };
  connection.on('packet', (packet: { readonly type: string; readonly data?: unknown }) => {
    if (refused) return;
    const now = performance.now();
    if (now - windowStart >= 1000) {
      windowStart = now;
      messages = 0;
    }
    messages += 1;
    if (messages > limits.messagesPerSecond) {
      breach(`more than ${limits.messagesPerSecond} messages in a second`);
    } else if (packet.data !== undefined && typeof packet.data !== 'string') {
      breach('binary messages are not part of the protocol');
    } else if (tcp.writableLength > limits.unreadBytes || unsent(connection) > limits.unreadMessages) {
      breach('the answers are not read');
    }
  });
}

/** Engine.IO hands the transport nothing more until it has written what it has: the rest waits here. */
function unsent(connection: Connection): number {
  const waiting: unknown = Reflect.get(connection, 'writeBuffer');
  return Array.isArray(waiting) ? waiting.length : 0;
}
