/** What happens once as a coordinator starts: connecting, the schema, an epoch of its own, what lies about. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { StartError } from '../../config.ts';
import { bytes, number, text } from '../columns.ts';
import type { Database, Timeouts } from './database.ts';
import { cut } from './database.ts';
import { isCollision, mayPass } from './errors.ts';
import { BEGIN, Flight, statement } from './flight.ts';
import { MIGRATIONS } from './migrations.ts';
import { takeOver } from './take-over.ts';

const RETRY_MS = 250;
/**
 * What a migration changes may be in use for minutes (pg_dump holds all tables), and whoever asks for it after the migration
 * waits behind it: so it waits no longer than running coordinators can, and tries again.
 */
const TABLE_LOCK_MS = 200;
const TABLE_RETRY_MS = 1000;
/** A migration may rewrite a table; another coordinator's is waited for. */
const OPENING_MS = 10 * 60_000;
/** gen_random_uuid() came with 13. */
const OLDEST_SERVER = 130_000;

export interface Opened {
  readonly epoch: number;
  /** What tells this opening from one of the same epoch before a restore. */
  readonly mark: string;
  readonly tokenKey: Uint8Array;
  readonly existed: boolean;
  /** Of the schema: two clusters in one database don't hear each other. */
  readonly clusterId: number;
}

/**
 * @param patienceMs how long a server that does not answer yet is asked again
 * @throws StartError store, store_url; unknown (errors.ts)
 */
export function open(database: Database, connectMs: number, patienceMs: number): Promise<Opened> {
  return inNewestSchema(database, connectMs, patienceMs, async (flight, existed) => ({
    ...(await enter(flight)),
    existed,
  }));
}

/**
 * One transaction in which nobody else opens the store, and that finds the schema of this version.
 * @param work is told whether the schema existed before; what it throws undoes all
 * @throws StartError store, store_url; unknown (errors.ts); what `work` throws
 */
export async function inNewestSchema<T>(
  database: Database,
  connectMs: number,
  patienceMs: number,
  work: (flight: Flight, existed: boolean) => Promise<T>,
): Promise<T> {
  const until = performance.now() + patienceMs;
  for (;;) {
    try {
      return await inNewestSchemaNow(database, connectMs, patienceMs, work);
    } catch (error) {
      if (!(error instanceof TableInUse)) throw error;
      if (performance.now() + TABLE_RETRY_MS > until) throw inUse(database.address.place);
      await sleep(TABLE_RETRY_MS);
    }
  }
}

/** A migration could not have the lock that it needs. */
class TableInUse extends Error {}

function inUse(place: string): StartError {
  const what = 'a table that this version must change is in use (a backup?)';
  return new StartError('store', `the database at ${place}: ${what}: start again when that has ended`);
}

async function inNewestSchemaNow<T>(
  database: Database,
  connectMs: number,
  patienceMs: number,
  work: (flight: Flight, existed: boolean) => Promise<T>,
): Promise<T> {
  const client = await connectPatiently(database, { connectMs, queryMs: OPENING_MS }, patienceMs);
  try {
    await checkServer(client, database.address.place);
    const flight = new Flight(client);
    await client.query(BEGIN);
    const done = await work(flight, await migrate(client, flight, database.address.place));
    await flight.landed();
    await client.query('COMMIT');
    await client.end();
    return done;
  } catch (error) {
    cut(client);
    throw error;
  }
}

async function connectPatiently(
  database: Database,
  timeouts: Timeouts,
  patienceMs: number,
): Promise<pg.Client> {
  const until = performance.now() + patienceMs;
  for (;;) {
    try {
      return await database.connect(timeouts);
    } catch (error) {
      if (!mayPass(error) || performance.now() + RETRY_MS > until) throw error;
      await sleep(RETRY_MS);
    }
  }
}

const SERVER = statement(
  'server',
  `SELECT current_setting('server_version_num')::integer AS version, current_setting('server_version') AS name,
     current_setting('server_encoding') AS encoding, coalesce(current_schema(), '') AS schema`,
);

async function checkServer(client: pg.Client, place: string): Promise<void> {
  const { rows } = await new Flight(client).ask(SERVER);
  const row = rows[0] ?? {};
  if (number(row, 'version') < OLDEST_SERVER) {
    throw new StartError('store', `PostgreSQL at ${place} is ${text(row, 'name')}: at least 13 is needed`);
  }
  if (text(row, 'encoding') !== 'UTF8') {
    throw new StartError(
      'store',
      `the database at ${place} is in ${text(row, 'encoding')}: make one with ENCODING 'UTF8'`,
    );
  }
  if (text(row, 'schema') === '') {
    throw new StartError(
      'store_url',
      `no schema of search_path exists at ${place}: CREATE SCHEMA it, or correct STORE_URL`,
    );
  }
}

/** Held to the end of the transaction: however many start together, one at a time goes through what follows. */
const ONE_AT_A_TIME = statement(
  'one-at-a-time',
  `SELECT pg_advisory_xact_lock(hashtextextended('threads cluster in ' || current_schema(), 0))`,
);
const TABLE = statement(
  'migrations-table',
  'CREATE TABLE IF NOT EXISTS migrations (step integer PRIMARY KEY, taken_at timestamptz NOT NULL DEFAULT now())',
);
const STEPS = statement('steps', 'SELECT coalesce(max(step), 0) AS step FROM migrations');
const NOTE_STEP = statement('note-step', 'INSERT INTO migrations (step) VALUES ($1)');

/** @returns whether the schema existed before */
async function migrate(client: pg.Client, flight: Flight, place: string): Promise<boolean> {
  flight.send(ONE_AT_A_TIME);
  flight.send(TABLE);
  const { rows } = await flight.ask(STEPS);
  const taken = number(rows[0], 'step');
  if (taken > MIGRATIONS.length) {
    throw new StartError(
      'store',
      `the database at ${place} was written by a newer version (schema ${taken}, known here: ${MIGRATIONS.length}): update this program`,
    );
  }
  const steps = [...MIGRATIONS.entries()].slice(taken);
  if (steps.length > 0) await client.query(`SET LOCAL lock_timeout = ${TABLE_LOCK_MS}`);
  for (const [step, sql] of steps) {
    await client.query(sql).catch((error: unknown) => {
      throw isCollision(error) ? new TableInUse() : error;
    });
    flight.send(NOTE_STEP, [step + 1]);
  }
  if (steps.length > 0) await client.query('SET LOCAL lock_timeout = 0');
  return taken > 0;
}

const NEXT_EPOCH = statement(
  'next-epoch',
  `UPDATE cluster SET epoch = epoch + 1 RETURNING epoch, token_key, 'cluster'::regclass::oid::bigint AS cluster_id`,
);
const CLOSED = statement(
  'closed-replicas',
  'SELECT epoch FROM replicas WHERE closed ORDER BY epoch FOR UPDATE SKIP LOCKED',
);
const ENTER = statement('enter', 'INSERT INTO replicas (epoch) VALUES ($1) RETURNING mark::text AS mark');
/**
 * Of what lay about one share of each job becomes this coordinator's own, as if it had folded it itself. Only here:
 * later it may have begun one, and says the whole of it whenever it folds.
 */
const INHERIT = statement(
  'inherit',
  `UPDATE shares SET origin = $1 WHERE owner = $1
     AND (job_id, origin) IN (SELECT job_id, min(origin) FROM shares WHERE owner = $1 GROUP BY job_id)`,
);

async function enter(flight: Flight): Promise<Omit<Opened, 'existed'>> {
  const cluster = (await flight.ask(NEXT_EPOCH)).rows[0] ?? {};
  const epoch = number(cluster, 'epoch');
  const entered = (await flight.ask(ENTER, [epoch])).rows[0] ?? {};
  const { rows: closed } = await flight.ask(CLOSED);
  for (const row of closed)
    await takeOver(flight, epoch, { epoch: number(row, 'epoch'), commits: -1, beats: null });
  if (closed.length > 0) flight.send(INHERIT, [epoch]);
  return {
    epoch,
    mark: text(entered, 'mark'),
    tokenKey: bytes(cluster, 'token_key'),
    clusterId: number(cluster, 'cluster_id'),
  };
}
