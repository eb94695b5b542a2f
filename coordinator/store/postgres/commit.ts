/**
 * Commits: one at a time, each of them known to be durable or not before the next one begins.
 *
 * An answer to COMMIT that is lost leaves it open which. The row of this coordinator in `replicas` tells: its count of
 * commits is raised in the same transaction. Asking for it with a lock waits for the end of a transaction that is still
 * alive in the server.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { ClusterError } from '../../../protocol/errors.ts';
import { number } from '../columns.ts';
import { StoreFenced } from '../store.ts';
import type { Change, Committed } from '../store.ts';
import type { Database, Timeouts } from './database.ts';
import { isCollision, unavailable } from './errors.ts';
import { BEGIN, Flight, statement } from './flight.ts';
import { Group } from './group.ts';
import { Lane } from './lane.ts';
import type { Opened } from './opening.ts';
import type { Channels } from './rings.ts';

/** Tries of a group that collides with another coordinator's, and the longest wait before each. */
const TRIES = 5;
const FIRST_WAIT_MS = 20;
/** Between two questions for a commit of which it is not known whether it is durable. */
const FIRST_QUESTION_MS = 50;
const LAST_QUESTION_MS = 1000;

const COMMITS = statement(
  'commits',
  'SELECT commits FROM replicas WHERE epoch = $1 AND mark = $2::uuid AND NOT closed FOR UPDATE',
);

export class Commits {
  readonly #database: Database;
  readonly #me: Opened;
  readonly #channels: Channels;
  readonly #lane: Lane;
  readonly #closing = new AbortController();
  /** Of this coordinator, that are known to be durable. */
  #durable = 0;

  constructor(database: Database, timeouts: Timeouts, me: Opened, channels: Channels) {
    this.#database = database;
    this.#me = me;
    this.#channels = channels;
    this.#lane = new Lane(database, timeouts);
  }

  /** @throws as Store.commit */
  async commit(changes: readonly Change[]): Promise<Committed> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#try(changes);
      } catch (error) {
        if (!isCollision(error) || tries === TRIES || this.#closing.signal.aborted) {
          throw unavailable(error, this.#database.address);
        }
        await this.#wait(FIRST_WAIT_MS * 2 ** tries * Math.random());
      }
    }
  }

  /** A commit of which it is not known whether it is durable is no longer asked for. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#lane.close();
  }

  async #try(changes: readonly Change[]): Promise<Committed> {
    let answer: Committed | undefined;
    try {
      await this.#lane.run(async (client) => {
        const prepared = await this.#prepare(client, changes);
        answer = prepared;
        const { command } = await client.query('COMMIT');
        if (command !== 'COMMIT') throw new Error(`PostgreSQL answered COMMIT with ${command}`);
      });
    } catch (error) {
      // Before COMMIT was sent nothing can have become durable.
      if (answer === undefined) throw error;
      if (!(await this.#becameDurable())) throw error;
    }
    this.#durable += 1;
    if (answer === undefined) throw new Error('a commit without an answer');
    return answer;
  }

  async #prepare(client: pg.Client, changes: readonly Change[]): Promise<Committed> {
    const flight = new Flight(client);
    try {
      // Waited for: what is sent behind a BEGIN that failed would be durable statement by statement.
      const begun: unknown = await client.query(`${BEGIN}; ${fence(this.#me, this.#durable)}`);
      if (!holds(begun)) throw new StoreFenced();
      const committed = await new Group(flight, this.#me.epoch, this.#channels).write(changes);
      await flight.landed();
      return committed;
    } catch (error) {
      // Where that fails the connection is gone, and the transaction with it.
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  /** Asks until it knows. @throws StoreFenced; ClusterError store_unavailable if the store is closed meanwhile */
  async #becameDurable(): Promise<boolean> {
    const { epoch, mark } = this.#me;
    for (let waitMs = FIRST_QUESTION_MS; ; waitMs = Math.min(2 * waitMs, LAST_QUESTION_MS)) {
      try {
        const { rows } = await this.#lane.run((client) => new Flight(client).ask(COMMITS, [epoch, mark]));
        const [row] = rows;
        if (row === undefined) throw new StoreFenced();
        return number(row, 'commits') > this.#durable;
      } catch (error) {
        if (error instanceof StoreFenced) throw error;
        await this.#wait(waitMs);
        if (this.#closing.signal.aborted) {
          throw new ClusterError(
            'store_unavailable',
            'it is not known whether the last changes were stored',
            {
              cause: error,
            },
          );
        }
      }
    }
  }

  /** Until the time has passed, or the store is being closed. */
  async #wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }
}

/** Changes no row if this coordinator was taken over. It locks the row to the end of the transaction. */
function fence({ epoch, mark }: Opened, commits: number): string {
  return `UPDATE replicas SET commits = commits + 1
    WHERE epoch = ${epoch} AND mark = '${mark}' AND commits = ${commits} AND NOT closed`;
}

/** @param begun what BEGIN and the fence, sent as one, were answered: one result for each */
function holds(begun: unknown): boolean {
  const answer: unknown = Array.isArray(begun) ? begun[1] : undefined;
  return typeof answer === 'object' && answer !== null && 'rowCount' in answer && answer.rowCount === 1;
}
