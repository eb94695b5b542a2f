/** The connection that hears what is rung, made anew whenever it is lost. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { number, text } from '../columns.ts';
import type { Ring } from '../store.ts';
import { cut } from './database.ts';
import type { Database, Timeouts } from './database.ts';
import { Flight, statement } from './flight.ts';
import { decodePayload } from './rings.ts';
import type { Channels } from './rings.ts';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 1000;
/** At a time: letters may have megabytes. */
const LETTERS = 4;

const TAKE_MAIL = statement(
  'take-mail',
  `WITH taken AS (
     DELETE FROM mail WHERE id IN (SELECT id FROM mail WHERE recipient = $1 ORDER BY id LIMIT ${LETTERS})
     RETURNING id, sender, body
   ) SELECT sender, body FROM taken ORDER BY id`,
);
const STILL_THERE = statement('still-there', 'SELECT 1 AS there');

export class Listener {
  readonly #database: Database;
  readonly #timeouts: Timeouts;
  readonly #epoch: number;
  readonly #channels: Channels;
  readonly #ring: (ring: Ring) => void;
  readonly #closing = new AbortController();
  #client: pg.Client | undefined;
  #checking = false;
  #takesMail = false;
  #hasMail = false;
  #done: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly database: Database;
    readonly timeouts: Timeouts;
    readonly epoch: number;
    readonly channels: Channels;
    readonly ring: (ring: Ring) => void;
  }) {
    this.#database = options.database;
    this.#timeouts = options.timeouts;
    this.#epoch = options.epoch;
    this.#channels = options.channels;
    this.#ring = options.ring;
  }

  get isConnected(): boolean {
    return this.#client !== undefined;
  }

  start(): void {
    this.#done = this.#run();
  }

  /** A connection that only listens does not notice that the way is cut. Asks; what is not answered in time is given up. */
  check(): void {
    const client = this.#client;
    if (client === undefined || this.#checking) return;
    this.#checking = true;
    void new Flight(client)
      .ask(STILL_THERE)
      .catch(() => cut(client))
      .finally(() => (this.#checking = false));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#client !== undefined) cut(this.#client);
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      try {
        await this.#listen(() => (retryMs = FIRST_RETRY_MS));
      } catch {
        // The commits say so: what is missed here is made good by the next resync.
      }
      await sleep(retryMs, undefined, { signal }).catch(() => undefined);
      retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
    }
  }

  /** Resolves when the connection has ended. */
  async #listen(connected: () => void): Promise<void> {
    const client = await this.#database.connect(this.#timeouts);
    const ended = once(client, 'end');
    client.on('error', () => cut(client));
    try {
      client.on('notification', ({ payload }) => this.#hear(client, payload));
      for (const channel of [this.#channels.everybody, this.#channels.of(this.#epoch)]) {
        await client.query(`LISTEN ${channel}`);
      }
      if (this.#closing.signal.aborted) return;
      this.#client = client;
      connected();
      this.#ring({ kind: 'resync' });
      this.#takeMail(client);
      await ended;
    } finally {
      this.#client = undefined;
      cut(client);
    }
  }

  #hear(client: pg.Client, payload: string | undefined): void {
    const said = decodePayload(payload);
    // Before the resync that ends connecting nothing is news.
    if (said === undefined || this.#client !== client) return;
    if (said.kind === 'mail') this.#takeMail(client);
    else this.#ring(said);
  }

  /** Takes what is there, once at a time, so that it stays in order. */
  #takeMail(client: pg.Client): void {
    this.#hasMail = true;
    if (this.#takesMail) return;
    this.#takesMail = true;
    void this.#takeAll(client)
      .catch(() => cut(client))
      .finally(() => {
        this.#takesMail = false;
        // A new connection was made meanwhile, and has been told.
        if (this.#hasMail && this.#client !== undefined && this.#client !== client)
          this.#takeMail(this.#client);
      });
  }

  async #takeAll(client: pg.Client): Promise<void> {
    while (this.#hasMail && this.#client === client) {
      this.#hasMail = false;
      const { rows } = await new Flight(client).ask(TAKE_MAIL, [this.#epoch]);
      for (const row of rows) {
        this.#ring({ kind: 'mail', from: number(row, 'sender'), body: text(row, 'body') });
      }
      if (rows.length === LETTERS) this.#hasMail = true;
    }
  }
}
