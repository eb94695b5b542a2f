/**
 * The way to a coordinator over Socket.IO, WebSocket alone, for every host. Reconnecting is the loop's: here a
 * connection is one attempt. The only home of socket.io-client.
 */
import { io } from 'socket.io-client';
import { wireError } from '../protocol/messages.ts';
import { HANDSHAKE_MS } from './connection.ts';
import type { Connection, ConnectionEnd, Transport } from './connection.ts';

export interface SocketTransportOptions {
  /** Origin of the coordinator. */
  readonly url: string;
  /** Called with the size of each packet, headers not counted. */
  readonly onBytes?: (direction: 'sent' | 'received', bytes: number) => void;
}

export function socketTransport(options: SocketTransportOptions): Transport {
  return {
    connect(hello, events): Connection {
      const socket = io(options.url, {
        transports: ['websocket'],
        reconnection: false,
        forceNew: true,
        timeout: HANDSHAKE_MS,
        auth: { ...hello },
        autoConnect: false,
      });
      let over = false;
      const end = (why: ConnectionEnd) => {
        if (over) return;
        over = true;
        socket.close();
        events.ended(why);
      };
      socket.on('connect_error', (error) => end(endOf(error)));
      socket.on('disconnect', (reason) =>
        end({ message: `the connection ended: ${reason}`, refusal: undefined }),
      );
      socket.onAny((name: string, body: unknown) => {
        if (!over) events.notice(name, body);
      });
      if (options.onBytes !== undefined) countBytes(socket.io, options.onBytes);
      socket.connect();
      return {
        send: (name, body) =>
          new Promise((resolve) => {
            if (!over) socket.emit(name, body, resolve);
          }),
        close() {
          over = true;
          socket.close();
        },
      };
    },
  };
}

/** A refused handshake carries the coordinator's error as `data`; anything else is the network. */
function endOf(error: Error): ConnectionEnd {
  const data: unknown = 'data' in error ? error.data : undefined;
  const refusal = wireError.safeParse(data);
  if (refusal.success) return { message: refusal.data.message, refusal: refusal.data };
  return { message: `no connection to the coordinator: ${error.message}`, refusal: undefined };
}

type Manager = ReturnType<typeof io>['io'];

function countBytes(
  manager: Manager,
  onBytes: (direction: 'sent' | 'received', bytes: number) => void,
): void {
  const size = (data: unknown) => (typeof data === 'string' ? data.length : 0);
  manager.on('open', () => {
    manager.engine.on('packet', ({ data }: { data?: unknown }) => onBytes('received', size(data)));
    manager.engine.on('packetCreate', ({ data }: { data?: unknown }) => onBytes('sent', size(data)));
  });
}
