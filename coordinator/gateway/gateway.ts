/**
 * The workers' side of the coordinator: Socket.IO over WebSocket alone. It checks what arrives, hands it to
 * the core, and carries the core's notices back. Polling is left out: it fails behind a proxy that does not
 * stick to one server (40 of 40 tried), and WebSocket alone needs no stickiness. The only home of socket.io.
 */
import { IncomingMessage } from 'node:http';
import type { Server as HttpServer } from 'node:http';
import { Socket as TcpSocket } from 'node:net';
import { Server } from 'socket.io';
import type { Socket } from 'socket.io';
import { ClusterError } from '../../protocol/errors.ts';
import { MAX_MESSAGE_BYTES, hello } from '../../protocol/messages.ts';
import type { Hello, ServerToClient, WireError } from '../../protocol/messages.ts';
import { fieldProblems, summary, wireErrorOf } from '../../protocol/problems.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import { isOwnWorker } from '../../protocol/access.ts';
import { actorOf } from '../access/access.ts';
import type { Access, Visitor } from '../access/access.ts';
import { plainAddress } from '../access/client-address.ts';
import type { ConnectionLimit } from '../access/connection-limit.ts';
import type { Cluster, WorkerLink, WorkerSession } from '../cluster.ts';
import type { Log } from '../log.ts';
import { isAllowedOrigin } from '../origin.ts';
import { guard } from './connection-guard.ts';
import type { Connection, GuardLimits } from './connection-guard.ts';
import { WorkerRequests } from './requests.ts';
import type { RequestLimits } from './requests.ts';

export interface GatewayOptions {
  readonly cluster: Cluster;
  readonly log: Log;
  /** This coordinator's version, told to workers. */
  readonly software: string;
  /** How often workers send a heartbeat. */
  readonly heartbeat_ms: number;
  readonly access: Access;
  /** Of connections that came through a trusted proxy, by the addresses that it names. */
  readonly connectionLimit: ConnectionLimit;
  readonly allowedOrigins: readonly string[];
  readonly limits?: Partial<GatewayLimits>;
}

export interface GatewayLimits extends GuardLimits, RequestLimits {
  /** Connections, joined or not. Above the core's limit of workers, so that those get an error that says so. */
  readonly connections: number;
  /** Between pings. At a million tabs the library's default (25 s) outweighs the work; heartbeats tell more. */
  readonly ping_ms: number;
  /** For the answer to a ping: after ping_ms + pong_ms a half-open connection is cut. */
  readonly pong_ms: number;
  /** Between the connection and a valid `hello`. */
  readonly join_ms: number;
  /** Refused `hello`s of one connection before it is closed. */
  readonly hellos: number;
}

export const DEFAULT_GATEWAY_LIMITS: GatewayLimits = {
  connections: 25_000,
  messagesPerSecond: 2000,
  unreadBytes: 4 * 1024 * 1024,
  unreadMessages: 512,
  inFlight: 32,
  strikesPerMinute: 20,
  hurriedPerMinute: 200,
  ping_ms: 60_000,
  pong_ms: 30_000,
  join_ms: 10_000,
  hellos: 5,
};

/** From the word that a connection is closed to its end, whatever the peer does. */
const CUT_MS = 1000;

export interface Gateway {
  /** Joined workers. */
  connections(): number;
  /** Closes every connection, joined or not; what was written before still goes out. */
  close(): void;
}

type None = Record<string, never>;
type WorkerSocket = Socket<None, ServerToClient, None, None>;

/** A connection whose `hello` was accepted. */
interface Member {
  readonly socket: WorkerSocket;
  readonly session: WorkerSession;
  readonly link: SocketLink;
  readonly visitor: Visitor;
}

/** Serves workers on `server`, at Socket.IO's usual path. */
export function openGateway(server: HttpServer, options: GatewayOptions): Gateway {
  const limits: GatewayLimits = { ...DEFAULT_GATEWAY_LIMITS, ...options.limits };
  const { cluster, log, access } = options;
  const members = new Map<Connection, Member>();
  const refused = new WeakSet<Connection>();
  const refusedHellos = new WeakMap<Connection, number>();
  const open = new Map<Connection, TcpSocket>();
  let closed = false;

  const io = new Server<None, ServerToClient, None, None>(server, {
    transports: ['websocket'],
    allowUpgrades: false,
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: MAX_MESSAGE_BYTES,
    pingInterval: limits.ping_ms,
    pingTimeout: limits.pong_ms,
    connectTimeout: limits.join_ms,
    allowRequest: (request, decide) => {
      if (!isAllowedOrigin(request.headers, options.allowedOrigins))
        decide('this origin may not connect', false);
      else if (closed) decide('this coordinator stops', false);
      else if (open.size >= limits.connections) decide('too many connections', false);
      else if (!isInTime(access, request)) decide('too many requests', false);
      else decide(null, true);
    },
  });

  // Nobody is told anything by rooms, and the one that each socket joins by itself costs two sets and their entries.
  io.of('/').adapter.addAll = () => undefined;

  io.engine.on('connection', (connection: Connection) => {
    open.set(connection, connection.request.socket);
    connection.once('close', () => open.delete(connection));
    guard(connection, limits, (reason) => shut(connection, reason, 'warn'));
    holdPlace(connection, options, (reason) => shut(connection, reason, 'info'));
  });

  const shut = (connection: Connection, reason: string, level: 'warn' | 'info'): void => {
    refused.add(connection);
    const member = members.get(connection);
    const node_id = member?.session.nodeId ?? null;
    log[level]({ reason, node_id, address: connection.remoteAddress }, 'connection closed');
    member?.socket.emit('closing', { reason: reason.slice(0, 500) });
    connection.close();
    // A connection closes once all is written: a peer that does not read would keep it open.
    const tcp = open.get(connection);
    const cut = setTimeout(() => tcp?.destroy(), CUT_MS);
    connection.once('close', () => clearTimeout(cut));
  };

  io.use((socket, next) => {
    const connection = socket.conn;
    if (members.has(connection)) {
      next(connectError(new ClusterError('malformed', 'this connection has joined already')));
      return;
    }
    let session: WorkerSession;
    let visitor: Visitor;
    let link: SocketLink;
    try {
      const says = readHello(socket.handshake.auth);
      visitor = admit(access, socket, says);
      link = new SocketLink(socket, visitor.address, (reason) => shut(connection, reason, 'info'));
      session = cluster.connect(says, link, isOwnWorker(visitor.caller));
      if (visitor.caller.kind === 'key') access.audit.done(actorOf(visitor), 'node.join', says.node_id);
    } catch (error) {
      if (!(error instanceof ClusterError)) log.error({ err: error }, 'a worker could not be connected');
      next(connectError(error));
      const tries = (refusedHellos.get(connection) ?? 0) + 1;
      refusedHellos.set(connection, tries);
      // After the refusal has been written, which Socket.IO does a turn later.
      if (tries === limits.hellos) setImmediate(shut, connection, `${tries} hellos were refused`, 'info');
      return;
    }
    members.set(connection, { socket, session, link, visitor });
    forgetHandshake(socket);
    // On the connection, not on the socket: a connection that closes before Socket.IO has finished joining
    // gives no `disconnect`.
    connection.once('close', () => {
      members.delete(connection);
      session.disconnected();
    });
    const requests = new WorkerRequests(session, limits, log, {
      admit: () => access.limit(visitor, 'messages'),
      abused: (reason) => shut(connection, reason, 'warn'),
    });
    socket.onAny((name: unknown, ...args: unknown[]) => {
      if (!refused.has(connection)) requests.handle(name, args);
    });
    next();
  });

  io.on('connection', (socket) => {
    const connection = socket.conn;
    socket.on('error', (error) => log.debug({ err: error }, 'a message could not be read'));
    socket.once('disconnect', () => connection.close());
    const member = members.get(connection);
    member?.link.open(member.session, options);
  });

  const forget = access.keys.onEnded((keyId) => {
    for (const [connection, { visitor }] of members) {
      if (visitor.caller.kind === 'key' && visitor.caller.keyId === keyId) {
        shut(connection, 'its key is not good any more', 'info');
      }
    }
  });

  return {
    connections: () => members.size,
    close: () => {
      closed = true;
      forget();
      // Not io.close(): it would drop what waits to be written, such as the word to come back later.
      for (const connection of open.keys()) connection.close();
    },
  };
}

/** Stands for the request of everybody who has joined. */
const FORGOTTEN = new IncomingMessage(new TcpSocket());

/**
 * Nobody reads the request once a worker has joined, and the libraries keep it as long as the connection lives: 3 KB of the
 * 21 KB that a simulated worker cost, more of a browser, whose headers are longer. Engine.IO holds it by a listener of the
 * TCP socket too, so it is emptied; a property that Engine.IO deletes from it had made it a hash table of 1.6 KB.
 */
function forgetHandshake({ handshake, conn }: WorkerSocket): void {
  const { request } = conn;
  conn.request = FORGOTTEN;
  for (const name of Reflect.ownKeys(request)) Reflect.deleteProperty(request, name);
  handshake.auth = {};
  handshake.headers = {};
}

/** The core's way to one worker. Before Socket.IO has finished joining, notices are kept for the welcome. */
class SocketLink implements WorkerLink {
  readonly address: string | null;
  readonly #socket: WorkerSocket;
  readonly #shut: (reason: string) => void;
  #early: string[] | undefined = [];

  constructor(socket: WorkerSocket, address: string, shut: (reason: string) => void) {
    this.#socket = socket;
    this.#shut = shut;
    this.address = address;
  }

  open(session: WorkerSession, options: GatewayOptions): void {
    this.#socket.emit('welcome', {
      protocol: PROTOCOL_VERSION,
      software: options.software,
      heartbeat_ms: options.heartbeat_ms,
      revoked: [...session.revoked, ...(this.#early ?? [])],
    });
    this.#early = undefined;
  }

  /** A worker asks by itself after its welcome, so nothing is lost before it. */
  notifyWork(): void {
    if (this.#early === undefined) this.#socket.emit('work', {});
  }

  revoke(body: Parameters<WorkerLink['revoke']>[0]): void {
    if (this.#early === undefined) this.#socket.emit('revoke', body);
    else this.#early.push(...body.lease_ids);
  }

  drain(reconnectAfterMs: number): void {
    this.#socket.emit('drain', { reconnect_after_ms: reconnectAfterMs });
  }

  close(reason: string): void {
    this.#shut(reason);
  }
}

/** A handshake is a request like others, and counts as one of its address: who it is for is not known yet. */
function isInTime(access: Access, request: IncomingMessage): boolean {
  try {
    access.limit(access.identify(request, undefined), 'requests');
    return true;
  } catch (error) {
    if (error instanceof ClusterError) return false;
    throw error;
  }
}

/** @throws ClusterError key_needed, key_refused, forbidden, limit_reached: the first three are audited */
function admit(access: Access, { request }: WorkerSocket, { key, node_id: nodeId }: Hello): Visitor {
  const stranger = access.identify(request, undefined);
  let visitor = stranger;
  try {
    visitor = access.identify(request, key);
    access.limit(visitor, 'connects');
    access.require(visitor, 'volunteer');
    return visitor;
  } catch (error) {
    if (error instanceof ClusterError && error.code !== 'limit_reached') {
      access.audit.refused(actorOf(visitor), 'node.refused', nodeId, error.code);
    }
    throw error;
  }
}

/** Counts what came through a proxy by the address that it names; the proxy's own sockets are not counted. */
function holdPlace(
  connection: Connection,
  { access, connectionLimit }: GatewayOptions,
  refuse: (reason: string) => void,
): void {
  const { request } = connection;
  const peer = request.socket.remoteAddress ?? '';
  const address = access.address(request);
  if (plainAddress(peer) === address) return;
  try {
    connection.once('close', connectionLimit.enter(address));
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
}

/** The protocol version first: a worker of another version may say hello in another form. */
function readHello(auth: unknown) {
  const stated = typeof auth === 'object' && auth !== null && 'protocol' in auth ? auth.protocol : undefined;
  if (typeof stated === 'number' && stated !== PROTOCOL_VERSION) {
    const older = stated < PROTOCOL_VERSION ? 'update the worker' : 'update the coordinator';
    throw new ClusterError(
      'protocol_mismatch',
      `the worker speaks protocol ${stated}, this coordinator ${PROTOCOL_VERSION}: ${older}`,
    );
  }
  const parsed = hello.safeParse(auth);
  if (parsed.success) return parsed.data;
  const problems = fieldProblems(parsed.error);
  throw new ClusterError('invalid_request', `hello: ${summary(problems)}`, { fields: problems });
}

/** Socket.IO carries `data` of a refused handshake to the client's `connect_error`. */
class ConnectError extends Error {
  readonly data: WireError;

  constructor(error: ClusterError) {
    super(error.message);
    this.data = wireErrorOf(error);
  }
}

function connectError(error: unknown): ConnectError {
  if (error instanceof ClusterError) return new ConnectError(error);
  return new ConnectError(new ClusterError('internal', 'the coordinator failed at this; its log says why'));
}
