/** A worker that takes leases and gives them back, one at a time, when it is told to. */
import { Heartbeats } from '../../client/heartbeats.ts';
import { Link, type Outcome } from '../../client/link.ts';
import type { Runtime } from '../../client/runtime.ts';
import { leaseReply, REQUESTS, welcome, type Lease } from '../../protocol/messages.ts';
import { Chance } from './chance.ts';
import { simulatedHello } from './simulated-hello.ts';
import { thinTransport, type ThinConnection } from './thin-transport.ts';

const TIMEOUT_MS = 30_000;

export class LeaseTaker {
  readonly #connection: ThinConnection;
  readonly #link: Link;
  readonly #heartbeats: Heartbeats;

  private constructor(connection: ThinConnection, runtime: Runtime, heartbeat_ms: number) {
    this.#connection = connection;
    this.#link = new Link(connection, runtime);
    this.#heartbeats = new Heartbeats(runtime, () => 0, {
      body: () => ({ state: 'idle', busy_fraction: 0, rate_per_second: 0, leases: [] }),
      answered: () => undefined,
      silent: () => this.close(),
    });
    this.#heartbeats.start(this.#link, heartbeat_ms);
  }

  /** @throws Error if the coordinator can't be reached or refuses */
  static connect(url: string, name: string, key: string | undefined): Promise<LeaseTaker> {
    const chance = new Chance(name);
    const runtime: Runtime = {
      now: () => performance.now(),
      setTimer: (ms, fire) => {
        const timer = setTimeout(fire, ms);
        return () => clearTimeout(timer);
      },
      random: chance.unit,
    };
    const transport = thinTransport({
      url,
      localAddress: undefined,
      word: chance.word,
      onEnd: () => undefined,
    });
    return new Promise((resolve, reject) => {
      let taker: LeaseTaker | undefined;
      const hello = simulatedHello({
        node_id: name,
        session: chance.hex(16),
        kind: 'node-gpu',
        leases: [],
        key,
      });
      const connection = transport.connect(hello, {
        notice(notice, body) {
          if (notice !== 'welcome' || taker !== undefined) return;
          taker = new LeaseTaker(connection, runtime, welcome.parse(body).heartbeat_ms);
          resolve(taker);
        },
        ended({ message }) {
          taker?.close();
          reject(new Error(`${name}: ${message}`));
        },
      });
    });
  }

  /** Null: there is none. @throws Error if it is refused, or the connection is gone */
  async take(): Promise<Lease | null> {
    const ask = { target_ms: 1000, rate_per_second: 100 };
    const { lease } = valueOf(await this.#link.request('lease', ask, leaseReply, { timeout_ms: TIMEOUT_MS }));
    return lease;
  }

  /** @throws Error likewise */
  async giveBack({ token }: Lease): Promise<void> {
    const body = { token, reason: 'stopping' as const, message: 'the load generator gives it back' };
    valueOf(await this.#link.request('release', body, REQUESTS.release.reply, { timeout_ms: TIMEOUT_MS }));
  }

  close(): void {
    this.#heartbeats.stop();
    this.#link.lost();
    this.#connection.close();
  }
}

function valueOf<R>(outcome: Outcome<R>): R {
  if (outcome.ok === true) return outcome.value;
  throw new Error(outcome.ok === false ? outcome.error.message : outcome.message);
}
