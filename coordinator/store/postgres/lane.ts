/** One connection that is made anew whenever it is lost; what is asked of it is done one after the other. */
import type pg from 'pg';
import { ClusterError } from '../../../protocol/errors.ts';
import { cut } from './database.ts';
import type { Database, Timeouts } from './database.ts';
import { sqlState } from './errors.ts';

export class Lane {
  readonly #database: Database;
  readonly #timeouts: Timeouts;
  #client: pg.Client | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor(database: Database, timeouts: Timeouts) {
    this.#database = database;
    this.#timeouts = timeouts;
  }

  /** How much was asked of it and is not done. */
  get waiting(): number {
    return this.#waiting;
  }

  /** @throws whatever `work` throws; unknown (errors.ts) if there is no connection; ClusterError store_unavailable once closed */
  run<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const done = this.#last.then(() => this.#run(work)).finally(() => (this.#waiting -= 1));
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Resolves when what was asked before is done. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    const client = this.#client;
    this.#client = undefined;
    await client?.end();
  }

  async #run<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = await this.#connected();
    try {
      return await work(client);
    } catch (error) {
      // What is left of a transaction goes with its connection, and so does an answer that is overdue.
      const isSound = sqlState(error) !== undefined && client.getTransactionStatus() === 'I';
      if (!isSound) this.#drop(client);
      throw error;
    }
  }

  async #connected(): Promise<pg.Client> {
    if (this.#closed) throw new ClusterError('store_unavailable', 'the store is closed');
    if (this.#client !== undefined) return this.#client;
    const client = await this.#database.connect(this.#timeouts);
    client.on('end', () => this.#drop(client));
    client.on('error', () => this.#drop(client));
    this.#client = client;
    return client;
  }

  #drop(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    cut(client);
  }
}
