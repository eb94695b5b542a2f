/** A listening HTTP server with errors that say what to do, and an end that does not wait for slow peers. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { StartError } from './config.ts';
import type { Log } from './log.ts';

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** `http://127.0.0.1:3000`; a wildcard address is given as one that can be opened from here. */
  readonly url: string;
  /** Takes no new connections, waits for the open ones, and after `grace_ms` cuts what is left. */
  close(grace_ms: number): Promise<void>;
}

/**
 * @param name what the port is for, in an error: `COORDINATOR_PORT`
 * @param port 0 takes a free one
 * @throws StartError port_in_use, bad_host, port_refused
 */
export async function listen(
  server: Server,
  host: string,
  port: number,
  name: string,
  log: Log,
): Promise<Listener> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => reject(startError(error, host, port, name));
    server.once('error', failed);
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off('error', failed);
      // Such as no file descriptors left: those who are connected go on.
      server.on('error', (error) => log.error({ err: error }, 'a connection could not be taken'));
      resolve();
    });
  });
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    host,
    port: bound,
    url: `http://${reachable(host)}:${bound}`,
    close: (grace_ms) => closeServer(server, sockets, grace_ms),
  };
}

function closeServer(server: Server, sockets: ReadonlySet<Socket>, grace_ms: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, grace_ms);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function startError(error: NodeJS.ErrnoException, host: string, port: number, name: string): StartError {
  switch (error.code) {
    case 'EADDRINUSE':
      return new StartError(
        'port_in_use',
        `port ${port} on ${host} is in use: stop what listens there, or choose another with ${name} (0 takes a free one)`,
        error,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
      return new StartError(
        'bad_host',
        `${host} is no address of this machine: set HOST to one (127.0.0.1 for this machine alone, 0.0.0.0 for all its networks)`,
        error,
      );
    case 'EACCES':
      return new StartError(
        'port_refused',
        `this user may not listen on port ${port}: choose ${name} above 1023`,
        error,
      );
    default:
      return new StartError(
        'bad_host',
        `cannot listen on ${host}:${port} (${error.message}): check HOST and ${name}`,
        error,
      );
  }
}
