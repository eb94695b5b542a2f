/** Connections to the database. The only home of `pg`, with lane.ts, flight.ts and errors.ts, which use what it gives. */
import pg from 'pg';
import type { Address } from './address.ts';

/** Named as they are in pg_stat_activity. */
const APPLICATION = 'threads-coordinator';
const KEEPALIVE_AFTER_MS = 5000;
/**
 * A coordinator that is cut off in the middle of a transaction holds its locks no longer than that: who adopts its
 * work waits for them.
 */
const IDLE_IN_TRANSACTION_MS = 3000;

/** Whatever the role's defaults are. A choice of standbys (remote_apply and the like) stays. */
const SESSION = `
  SELECT set_config('default_transaction_read_only', 'off', false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('synchronous_commit',
      CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)`;

/** OIDs of pg_type, which are the same in every PostgreSQL. */
const BYTEA = 17;
const INT8 = 20;

const types = new pg.TypeOverrides();
// Milliseconds since 1970 and counts: far below 2^53. What may pass that is numeric, and stays text.
types.setTypeParser(INT8, Number);
// `\x0102…` to a plain Uint8Array, as the embedded store gives.
types.setTypeParser(BYTEA, (text: string) => new Uint8Array(Buffer.from(text.slice(2), 'hex')));

export interface Timeouts {
  /** Until a connection can be used. */
  readonly connectMs: number;
  /** Until a statement's answer is there; the connection is given up then. */
  readonly queryMs: number;
  /** Until a lock is had, if it is to be told from a slow statement. */
  readonly lockMs?: number;
}

export class Database {
  readonly address: Address;

  constructor(address: Address) {
    this.address = address;
  }

  /**
   * A connection on which statements may be sent before the answer to the one before is there. Its transactions
   * can write, and are durable once they are committed.
   * @throws unknown (errors.ts) if there is none
   */
  async connect({ connectMs, queryMs, lockMs }: Timeouts): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.address.url,
      fallback_application_name: APPLICATION,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEPALIVE_AFTER_MS,
      connectionTimeoutMillis: connectMs,
      query_timeout: queryMs,
      // The server gives up first, so that a statement that is merely slow costs no connection.
      statement_timeout: Math.ceil(queryMs * 0.8),
      ...(lockMs === undefined ? {} : { lock_timeout: lockMs }),
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      pipeline: true,
      types,
    });
    // The statement under way is told, and the next one finds no connection.
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query(SESSION);
    } catch (error) {
      cut(client);
      throw error;
    }
    return client;
  }
}

/** Ends a connection without a word: whatever it is at is rolled back, unless it was being committed. */
export function cut(client: pg.Client): void {
  client.connection.stream.destroy();
  void client.end().catch(() => undefined);
}
