/** A worker of the tests: the real socket protocol, its requests sent by hand. */
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { io } from 'socket.io-client';
import type { Socket } from 'socket.io-client';
import { ackEnvelope, leaseReply, welcome, wireError } from '../../protocol/messages.ts';
import type { Hello, Lease, Welcome, WireError } from '../../protocol/messages.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import { findWorkload, workloads } from '../../shaders/registry.ts';

export type Answer =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: WireError };

export function helloOf(more: Partial<Hello> = {}): Hello {
  return {
    protocol: PROTOCOL_VERSION,
    node_id: `node-${randomBytes(4).toString('hex')}`,
    session: randomBytes(16).toString('hex'),
    kind: 'cpu',
    host: 'node',
    software: '0.1.0',
    device: {
      description: 'test',
      vendor: null,
      backend: null,
      software: false,
      gpu_memory_mb: null,
      threads: 1,
    },
    tags: [],
    priority: 0,
    workloads: [...workloads.values()].map(({ type, version }) => ({ type, version })),
    health_url: null,
    leases: [],
    ...more,
  };
}

/** A socket that has not joined; closed when the test is over. */
export function connect(
  test: TestContext,
  url: string,
  auth: object,
  headers: Record<string, string> = {},
): Socket {
  const socket = io(url, {
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    auth: (give) => give(auth),
    extraHeaders: headers,
  });
  test.after(() => socket.disconnect());
  return socket;
}

export interface JoinedWorker {
  readonly socket: Socket;
  readonly hello: Hello;
  readonly welcome: Welcome;
  /** Sends a request and gives its acknowledgement; rejects if the connection ends before. */
  request(name: string, body: unknown): Promise<Answer>;
  /** A lease. @throws if there is none */
  lease(): Promise<Lease>;
}

/** @throws Error with the coordinator's words if it refuses */
export async function join(
  test: TestContext,
  url: string,
  more: Partial<Hello> = {},
  headers: Record<string, string> = {},
): Promise<JoinedWorker> {
  const hello = helloOf(more);
  const socket = connect(test, url, hello, headers);
  const greeting = await new Promise<unknown>((resolve, reject) => {
    socket.once('welcome', resolve);
    socket.once('connect_error', reject);
  });
  const request = (name: string, body: unknown): Promise<Answer> =>
    new Promise((resolve, reject) => {
      socket.once('disconnect', reject);
      socket.emit(name, body, (reply: unknown) => {
        socket.off('disconnect', reject);
        resolve(ackEnvelope.parse(reply));
      });
    });
  const lease = async (): Promise<Lease> => {
    const answer = await request('lease', { target_ms: 1000, rate_per_second: 1000 });
    if (!answer.ok) throw new Error(answer.error.message);
    const { lease: given } = leaseReply.parse(answer.value);
    if (given === null) throw new Error('there was nothing to lease');
    return given;
  };
  return { socket, hello, welcome: welcome.parse(greeting), request, lease };
}

/** What the next event of this name brings. */
export function next(socket: Socket, event: string): Promise<unknown> {
  return new Promise((resolve) => socket.once(event, resolve));
}

/** Why a handshake is refused. */
export async function refusalOf(socket: Socket): Promise<WireError> {
  const error = await next(socket, 'connect_error');
  if (typeof error !== 'object' || error === null || !('data' in error)) throw new Error(String(error));
  return wireError.parse(error.data);
}

/** A submission of the whole lease, computed by the plain reference. */
export function answerOf(lease: Lease): {
  readonly token: string;
  readonly end: string;
  readonly aggregate: unknown;
  readonly compute_ms: number;
} {
  const workload = findWorkload(lease.type);
  if (workload === undefined) throw new Error(`no workload ${lease.type}`);
  const parameters = workload.parameters.parse(lease.parameters);
  const range = { start: BigInt(lease.start), end: BigInt(lease.end) };
  const aggregate = workload.encode(parameters, workload.reference(parameters, range));
  return { token: lease.token, end: lease.end, aggregate, compute_ms: 100 };
}
