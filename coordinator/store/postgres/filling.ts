/**
 * Takes everything of an embedded store into an empty database, in one transaction: all of it, or nothing. It belongs to
 * a coordinator that has closed, so the first one that starts takes it over.
 */
import { StartError } from '../../config.ts';
import { bytesOrNull, number, text } from '../columns.ts';
import type { Row } from '../columns.ts';
import { TABLES } from '../contents.ts';
import type { Contents, Table } from '../contents.ts';
import { readAddress } from './address.ts';
import { Database } from './database.ts';
import { cannotStart } from './errors.ts';
import { statement } from './flight.ts';
import type { Flight, Statement } from './flight.ts';
import { inNewestSchema } from './opening.ts';
import { storable } from './text-array.ts';

export interface Filled {
  readonly rows: Readonly<Record<Table, number>>;
  /** Units that are durably counted, in all jobs. */
  readonly done: bigint;
}

const CONNECT_MS = 5000;
const PATIENCE_MS = 15_000;
/** Characters of JSON in one statement. */
const PORTION = 1_000_000;

/** A table of this store, and how a row of the embedded one is one of it. */
interface Filling {
  readonly into: string;
  readonly columns: readonly string[];
  row(row: Row, owner: number): Readonly<Record<string, unknown>>;
}

const same = (row: Row) => row;
const owned = (row: Row, owner: number) => ({ ...row, owner });

const FILLINGS: Readonly<Record<Table, Filling>> = {
  jobs: {
    into: 'jobs',
    columns: [
      ...[
        'id',
        'seq',
        'revision',
        'type',
        'workload_version',
        'parameters',
        'name',
        'priority',
        'gpu_preferred',
      ],
      ...[
        'placement',
        'range_start',
        'range_end',
        'cursor',
        'state',
        'created_at',
        'started_at',
        'updated_at',
      ],
      ...['finished_at', 'error_code', 'error_message', 'ran_ms', 'running_since', 'idempotency_key'],
      ...['idempotency_digest', 'user_id', 'expected_seconds', 'max_attempts'],
    ],
    row: same,
  },
  tallies: {
    into: 'shares',
    columns: ['job_id', 'origin', 'owner', 'done', 'tally', 'figures'],
    row: (row, owner) => ({ ...row, figures: hex(bytesOrNull(row, 'figures')), origin: owner, owner }),
  },
  segments: {
    into: 'segments',
    columns: ['job_id', 'range_start', 'range_end', 'covered', 'owner'],
    row: owned,
  },
  journal: {
    into: 'journal',
    columns: ['job_id', 'range_start', 'range_end', 'digest', 'node_id', 'aggregate', 'owner'],
    row: owned,
  },
  computed: {
    into: 'computed',
    columns: ['minute', 'type', 'variant', 'worker_kind', 'counted_by', 'units'],
    row: (row, owner) => ({ ...row, counted_by: owner }),
  },
  events: { into: 'events', columns: ['at', 'event', 'node_id'], row: same },
  keys: {
    into: 'keys',
    columns: ['id', '"user"', 'role', 'hash', 'created_at', 'expires_at', 'revoked_at', 'last_used_at'],
    row: (row) => ({ ...row, hash: hex(bytesOrNull(row, 'hash')) }),
  },
  audit: {
    into: 'audit',
    columns: ['seq', 'at', '"user"', 'key_id', 'role', 'address', 'action', 'target', 'outcome'],
    row: same,
  },
};

const EMPTY = statement(
  'fill-empty',
  `SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM keys) + (SELECT count(*) FROM audit) AS rows,
     (SELECT count(*) FROM replicas) AS replicas`,
);
const ENTER = statement(
  'fill-enter',
  'UPDATE cluster SET token_key = $1, epoch = greatest(epoch, $2) + 1 RETURNING epoch',
);
const LEAVE = statement('fill-leave', 'INSERT INTO replicas (epoch, closed) VALUES ($1, true)');
/** Audit entries keep their numbers; the next one comes after them. */
const AFTER_AUDIT = statement(
  'fill-after-audit',
  `SELECT setval(pg_get_serial_sequence('audit', 'seq'), (SELECT coalesce(max(seq), 0) + 1 FROM audit), false)`,
);
const DONE = statement(
  'fill-done',
  `SELECT (SELECT coalesce(sum(done), 0) FROM shares) + (SELECT coalesce(sum(range_end - range_start), 0) FROM journal)
   AS done`,
);

/** @throws StartError store (the database is not empty, or is another's), store_url */
export async function fillFrom(url: string, contents: Contents): Promise<Filled> {
  const address = readAddress(url);
  const database = new Database(address);
  try {
    return await inNewestSchema(database, CONNECT_MS, PATIENCE_MS, async (flight) => {
      const found = (await flight.ask(EMPTY)).rows[0];
      if (number(found, 'rows') > 0 || number(found, 'replicas') > 0) {
        throw new StartError(
          'store',
          `the database at ${address.place} is in use already: stop its coordinators, or name an empty one`,
        );
      }
      const entered = await flight.ask(ENTER, [contents.tokenKey, contents.epoch]);
      const owner = number(entered.rows[0], 'epoch');
      const rows = {
        jobs: 0,
        tallies: 0,
        segments: 0,
        journal: 0,
        computed: 0,
        events: 0,
        keys: 0,
        audit: 0,
      };
      for (const table of TABLES) rows[table] = await fill(flight, table, contents, owner);
      flight.send(AFTER_AUDIT);
      flight.send(LEAVE, [owner]);
      const [sum] = (await flight.ask(DONE)).rows;
      return { rows, done: BigInt(text(sum ?? {}, 'done')) };
    });
  } catch (error) {
    throw cannotStart(error, address);
  }
}

async function fill(flight: Flight, table: Table, contents: Contents, owner: number): Promise<number> {
  const filling = FILLINGS[table];
  const insert = insertion(filling);
  let portion: string[] = [];
  let length = 0;
  let count = 0;
  const send = async (): Promise<void> => {
    if (portion.length === 0) return;
    await flight.ask(insert, [`[${portion.join(',')}]`]);
    portion = [];
    length = 0;
  };
  // What is done of a job stands in its row there, and in the row of its tally here.
  const done = table === 'tallies' ? doneOfJobs(contents) : undefined;
  for (const row of contents.rows(table)) {
    const values = done === undefined ? row : { ...row, done: done.get(text(row, 'job_id')) ?? '0' };
    const json = storable(JSON.stringify(filling.row(values, owner)).replaceAll('\\u0000', '\uFFFD'));
    portion.push(json);
    length += json.length;
    count += 1;
    if (length >= PORTION) await send();
  }
  await send();
  return count;
}

function doneOfJobs(contents: Contents): ReadonlyMap<string, string> {
  const done = new Map<string, string>();
  for (const row of contents.rows('jobs')) done.set(text(row, 'id'), text(row, 'done'));
  return done;
}

function insertion({ into, columns }: Filling): Statement {
  const names = columns.join(', ');
  return statement(
    `fill-${into}`,
    `INSERT INTO ${into} (${names}) OVERRIDING SYSTEM VALUE
     SELECT ${names} FROM jsonb_populate_recordset(NULL::${into}, $1::text::jsonb)`,
  );
}

function hex(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : `\\x${Buffer.from(bytes).toString('hex')}`;
}
