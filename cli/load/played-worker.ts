/**
 * A worker as the coordinator sees one, played by the load generator: it speaks the protocol over a socket of
 * its own, but hundreds of them share one process and one kernel.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Connection } from '../../client/connection.ts';
import { socketTransport } from '../../client/socket-transport.ts';
import {
  leaseReply,
  submissionReply,
  wireError,
  welcome,
  type Heartbeat,
  type Hello,
  type LeaseReply,
  type LeaseRequest,
  type RequestName,
  type Submission,
} from '../../protocol/messages.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import { workloads } from '../../shaders/registry.ts';

const ANSWER_MS = 30_000;
/** Told to the coordinator, so that it gives short leases to what it takes for a slow device. */
const RATE_PER_SECOND = 100;
const ASK: LeaseRequest = { target_ms: 1000, rate_per_second: RATE_PER_SECOND };

const ack = z.union([
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), error: wireError }),
]);

export class PlayedWorker {
  readonly #connection: Connection;
  readonly #heartbeat: NodeJS.Timeout;
  #ended: string | undefined;
  readonly #waiting = new Set<(reason: Error) => void>();
  #wake: () => void = () => undefined;

  private constructor(connection: Connection, heartbeat_ms: number) {
    this.#connection = connection;
    this.#heartbeat = setInterval(() => this.#beat(), heartbeat_ms);
  }

  /** @throws Error if the coordinator refuses or does not answer */
  static connect(url: string, node_id: string): Promise<PlayedWorker> {
    return new Promise((resolve, reject) => {
      let worker: PlayedWorker | undefined;
      const timer = setTimeout(
        () => reject(new Error(`${node_id}: no welcome in ${ANSWER_MS / 1000} s`)),
        ANSWER_MS,
      );
      const connection = socketTransport({ url }).connect(helloOf(node_id), {
        notice(name, body) {
          if (name === 'work') worker?.work();
          if (name !== 'welcome' || worker !== undefined) return;
          clearTimeout(timer);
          worker = new PlayedWorker(connection, welcome.parse(body).heartbeat_ms);
          resolve(worker);
        },
        ended({ message }) {
          clearTimeout(timer);
          worker?.end(message);
          reject(new Error(`${node_id}: ${message}`));
        },
      });
    });
  }

  /** Why the connection ended; undefined while it stands. */
  get ended(): string | undefined {
    return this.#ended;
  }

  async lease(): Promise<LeaseReply> {
    return leaseReply.parse(await this.#request('lease', ASK));
  }

  /** Resolves once the result is durable, with the next lease. @throws Error if it is refused */
  async submit(token: string, end: string, aggregate: unknown, compute_ms: number): Promise<LeaseReply> {
    const body: Submission = { token, end, aggregate, compute_ms, next: ASK };
    const { next } = submissionReply.parse(await this.#request('submit', body));
    if (next === undefined) throw new Error('the answer to a submission lacks the lease it asked for');
    return next;
  }

  async release(token: string): Promise<void> {
    await this.#request('release', { token, reason: 'stopping', message: 'the load generator stops' });
  }

  /** Resolves when the coordinator says that there is work, or after `ms`. */
  waitForWork(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close(): void {
    this.end('closed');
    this.#connection.close();
  }

  /** The coordinator says that a lease may be had. */
  work(): void {
    this.#wake();
  }

  end(message: string): void {
    clearInterval(this.#heartbeat);
    this.#ended ??= message;
    for (const giveUp of this.#waiting) giveUp(new Error(message));
    this.#wake();
  }

  #beat(): void {
    const heartbeat: Heartbeat = {
      state: 'idle',
      busy_fraction: 0,
      rate_per_second: RATE_PER_SECOND,
      leases: [],
    };
    this.#request('heartbeat', heartbeat).catch((error: unknown) => this.end(String(error)));
  }

  async #request(name: RequestName, body: unknown): Promise<unknown> {
    if (this.#ended !== undefined) throw new Error(this.#ended);
    let timer: NodeJS.Timeout | undefined;
    let giveUp: (reason: Error) => void = () => undefined;
    const never = new Promise<never>((_, reject) => {
      giveUp = reject;
      timer = setTimeout(() => reject(new Error(`no answer to ${name} in ${ANSWER_MS / 1000} s`)), ANSWER_MS);
    });
    this.#waiting.add(giveUp);
    try {
      const answer = ack.parse(await Promise.race([this.#connection.send(name, body), never]));
      if (answer.ok) return answer.value;
      throw new Error(`${name} was refused: ${answer.error.message}`);
    } finally {
      this.#waiting.delete(giveUp);
      clearTimeout(timer);
    }
  }
}

function helloOf(node_id: string): Hello {
  return {
    protocol: PROTOCOL_VERSION,
    node_id,
    session: randomBytes(16).toString('hex'),
    kind: 'cpu',
    host: 'node',
    software: 'threads load',
    device: {
      description: 'played by the load generator',
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
  };
}

/** Connects many, a few dozen at a time: a thousand handshakes at once is not what is measured. */
export async function connectMany(url: string, count: number, signal: AbortSignal): Promise<PlayedWorker[]> {
  const workers: PlayedWorker[] = [];
  const indices = Array.from({ length: count }, (_, i) => i).values();
  const lane = async () => {
    for (const index of indices) {
      if (signal.aborted) return;
      workers.push(await PlayedWorker.connect(url, `load-${process.pid}-${index}`));
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(count, 32) }, lane));
    return workers;
  } catch (error) {
    for (const worker of workers) worker.close();
    throw error;
  }
}
