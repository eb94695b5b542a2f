/**
 * The network between one worker and the coordinator. Messages are JSON text. Beyond what TCP allows, single
 * messages are lost, doubled and overtaken, because the protocol says that none of it does harm.
 */
import { HANDSHAKE_MS } from '../../client/connection.ts';
import type { Connection, ConnectionEvents, Transport } from '../../client/connection.ts';
import { wireError } from '../../protocol/messages.ts';
import type { Hello, RequestName } from '../../protocol/messages.ts';
import { ClusterError } from '../../protocol/errors.ts';
import { wireErrorOf } from '../../protocol/problems.ts';
import type { Chance } from './chance.ts';
import type { VirtualClock } from './clock.ts';
import type { ProcessTime } from './process-time.ts';

export interface NetworkFaults {
  readonly loseProbability: number;
  readonly doubleProbability: number;
  /** Of messages that take seconds, and so are overtaken. */
  readonly slowProbability: number;
  readonly latency_ms: number;
  /** Mean time between breaks of a connection; Infinity for none. */
  readonly breakEvery_ms: number;
}

export const QUIET: NetworkFaults = {
  loseProbability: 0,
  doubleProbability: 0,
  slowProbability: 0,
  latency_ms: 5,
  breakEvery_ms: Infinity,
};

/** The coordinator's end of one connection. */
export interface ServerSide {
  request(name: RequestName, body: unknown, answer: (reply: unknown) => void): void;
  /** The connection is gone. */
  ended(): void;
}

/** What a coordinator does with the other end of a connection. */
export interface ClientSide {
  notice(name: string, body: unknown): void;
  close(reason: string): void;
}

export interface Listener {
  /** Undefined while no coordinator runs. @throws ClusterError if the worker is refused */
  accept(hello: unknown, client: ClientSide): ServerSide | undefined;
}

/** When a TCP peer vanishes without a word, pings find out after this time. */
const PING_TIMEOUT_MS = 90_000;

const overWire = (body: unknown): unknown =>
  body === undefined ? undefined : JSON.parse(JSON.stringify(body));

/** One worker's way to the coordinator. */
export class Wire implements Transport {
  readonly #clock: VirtualClock;
  readonly #chance: Chance;
  readonly #listener: Listener;
  readonly #faults: () => NetworkFaults;
  readonly #worker: ProcessTime;
  readonly #live = new Set<LiveConnection>();
  #partitioned_until = 0;

  constructor(parts: {
    readonly clock: VirtualClock;
    readonly chance: Chance;
    readonly listener: Listener;
    readonly faults: () => NetworkFaults;
    readonly worker: ProcessTime;
  }) {
    this.#clock = parts.clock;
    this.#chance = parts.chance;
    this.#listener = parts.listener;
    this.#faults = parts.faults;
    this.#worker = parts.worker;
  }

  /** Nothing passes for so long, and nobody is told. */
  partition(ms: number): void {
    this.#partitioned_until = Math.max(this.#partitioned_until, this.#clock.now() + ms);
  }

  get partitioned(): boolean {
    return this.#clock.now() < this.#partitioned_until;
  }

  /** All connections end. @param told false: each side finds out by its own pings */
  cut(told: boolean): void {
    for (const connection of [...this.#live]) connection.break(told);
  }

  connect(hello: Hello, events: ConnectionEvents): Connection {
    const connection: LiveConnection = new LiveConnection(
      {
        send: (deliver) => this.#send(deliver),
        clock: this.#clock,
        chance: this.#chance,
        over: () => this.#live.delete(connection),
      },
      this.#onWorker(events),
    );
    this.#live.add(connection);
    const body = overWire(hello);
    const cancel = this.#worker.setTimer(HANDSHAKE_MS, () => connection.endWorker('no answer', undefined));
    this.#send(() => connection.open(this.#listener, body, cancel), { handshake: true });
    const breakEvery = this.#faults().breakEvery_ms;
    if (Number.isFinite(breakEvery)) {
      this.#clock.setTimer(this.#chance.exponential(breakEvery), () =>
        connection.break(this.#chance.chance(0.7)),
      );
    }
    return connection;
  }

  /** A stopped process reads its messages when it goes on; a dead one never. */
  #onWorker(events: ConnectionEvents): ConnectionEvents {
    const later = (act: () => void) => void this.#worker.setTimer(0, act);
    return {
      notice: (name, body) => later(() => events.notice(name, body)),
      ended: (end) => later(() => events.ended(end)),
    };
  }

  /** Takes a message to the other side: once, or not at all, or twice, soon or late. */
  #send(deliver: () => void, { handshake = false } = {}): void {
    const faults = this.#faults();
    if (this.partitioned || (!handshake && this.#chance.chance(faults.loseProbability))) return;
    const copies = !handshake && this.#chance.chance(faults.doubleProbability) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const slow = this.#chance.chance(faults.slowProbability);
      const delay = slow
        ? this.#chance.between(500, 20_000)
        : this.#chance.between(0.5, 2) * faults.latency_ms;
      this.#clock.setTimer(delay, () => {
        if (!this.partitioned) deliver();
      });
    }
  }
}

interface Medium {
  readonly send: (deliver: () => void) => void;
  readonly clock: VirtualClock;
  readonly chance: Chance;
  readonly over: () => void;
}

class LiveConnection implements Connection {
  readonly #medium: Medium;
  readonly #events: ConnectionEvents;
  #server: ServerSide | undefined;
  #worker_open = true;
  #server_open = true;

  constructor(medium: Medium, events: ConnectionEvents) {
    this.#medium = medium;
    this.#events = events;
  }

  open(listener: Listener, hello: unknown, joined: () => void): void {
    if (!this.#worker_open || !this.#server_open) return;
    try {
      const server = listener.accept(hello, {
        notice: (name, body) => {
          const copy = overWire(body);
          if (this.#server_open) this.#medium.send(() => this.#notice(name, copy, joined));
        },
        close: (reason) => {
          this.#endServer();
          this.#later(() => this.endWorker(reason, undefined));
        },
      });
      if (server === undefined) this.#later(() => this.endWorker('connection refused', undefined));
      else if (this.#server_open) this.#server = server;
      else server.ended();
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.#later(() => this.endWorker(error.message, wireErrorOf(error)));
    }
  }

  send(name: RequestName, body: unknown): Promise<unknown> {
    const copy = overWire(body);
    return new Promise((resolve) => {
      if (!this.#worker_open) return;
      this.#medium.send(() => {
        if (!this.#server_open) return;
        this.#server?.request(name, copy, (reply) => {
          const answer = overWire(reply);
          if (this.#server_open) {
            this.#medium.send(() => {
              if (this.#worker_open) resolve(answer);
            });
          }
        });
      });
    });
  }

  close(): void {
    if (!this.#worker_open) return;
    this.#worker_open = false;
    // The other side hears of it, or not for long.
    this.#laterEndServer(this.#medium.chance.chance(0.8));
  }

  break(told: boolean): void {
    if (this.#worker_open) {
      if (told) this.#later(() => this.endWorker('the connection broke', undefined));
      else this.#medium.clock.setTimer(PING_TIMEOUT_MS, () => this.endWorker('ping timeout', undefined));
    }
    this.#laterEndServer(told);
  }

  /** The worker's side learns that it is over. */
  endWorker(message: string, refusal: ReturnType<typeof wireErrorOf> | undefined): void {
    if (!this.#worker_open) return;
    this.#worker_open = false;
    this.#medium.over();
    const checked = refusal === undefined ? undefined : wireError.parse(refusal);
    this.#events.ended({ message, refusal: checked });
    this.#laterEndServer(true);
  }

  #notice(name: string, body: unknown, joined: () => void): void {
    if (!this.#worker_open) return;
    if (name === 'welcome') joined();
    this.#events.notice(name, body);
  }

  #laterEndServer(soon: boolean): void {
    if (soon) this.#later(() => this.#endServer());
    else this.#medium.clock.setTimer(PING_TIMEOUT_MS, () => this.#endServer());
  }

  #endServer(): void {
    if (!this.#server_open) return;
    this.#server_open = false;
    this.#medium.over();
    this.#server?.ended();
  }

  #later(act: () => void): void {
    this.#medium.clock.setTimer(this.#medium.chance.between(0.1, 50), act);
  }
}
