/**
 * Statements of one transaction that are on their way together: each is sent at once, and its answer is waited for
 * only where the next step depends on it. PostgreSQL does nothing more in a transaction after its first error, so
 * what was sent too much changes nothing.
 */
import type pg from 'pg';
import type { Row } from '../columns.ts';
import { followsAnother } from './errors.ts';

/** A statement that is parsed once for each connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export function statement(name: string, text: string): Statement {
  return { name, text };
}

/** Whatever the role's defaults are. Under READ COMMITTED a statement that waited for a lock sees what was committed meanwhile. */
export const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE';

export type Value = string | number | boolean | Uint8Array | readonly string[] | null;

export interface Answer {
  /** How many rows were changed or found. */
  readonly count: number;
  readonly rows: readonly Row[];
}

export class Flight {
  readonly #client: pg.Client;
  readonly #sent: Promise<unknown>[] = [];
  #failed = false;
  #error: unknown;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  /** Its error is thrown by what waits next. */
  send(what: Statement, values: readonly Value[] = []): void {
    this.#sent.push(this.#query(what, values));
  }

  /** @throws the first error of all that were sent */
  async ask(what: Statement, values: readonly Value[] = []): Promise<Answer> {
    const answer = await this.#query(what, values);
    if (answer === undefined) throw await this.#cause();
    return answer;
  }

  /** Waits for all. @throws the first error of all that were sent */
  async landed(): Promise<void> {
    await Promise.all(this.#sent);
    if (this.#failed) throw await this.#cause();
  }

  async #query({ name, text }: Statement, values: readonly Value[]): Promise<Answer | undefined> {
    try {
      const { rows, rowCount } = await this.#client.query<Row, Value[]>({
        name,
        text,
        values: [...values],
      });
      return { rows, count: rowCount ?? 0 };
    } catch (error) {
      this.#note(error);
      return undefined;
    }
  }

  #note(error: unknown): void {
    if (this.#failed && !followsAnother(this.#error)) return;
    this.#failed = true;
    this.#error = error;
  }

  async #cause(): Promise<unknown> {
    await Promise.all(this.#sent);
    return this.#error;
  }
}
