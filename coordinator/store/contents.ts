/** Everything in an embedded store, row by row, for another store to take in. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import type { Row } from './columns.ts';
import { DATABASE } from './backup-manifest.ts';
import { openSqliteStore } from './sqlite.ts';

/** Tables of the newest schema, in an order in which they can be read and written. */
export const TABLES = [
  'jobs',
  'tallies',
  'segments',
  'journal',
  'computed',
  'events',
  'keys',
  'audit',
] as const;
export type Table = (typeof TABLES)[number];

export interface Contents {
  /** Signs lease tokens: what workers hold stays good. */
  readonly tokenKey: Uint8Array;
  /** Above that of every lease that was granted. */
  readonly epoch: number;
  /** In the order of its numbers, where the table has them. */
  rows(table: Table): Iterable<Row>;
  /** Lets another process have the folder. */
  close(): Promise<void>;
}

const ORDER: Readonly<Record<Table, string>> = {
  jobs: 'seq',
  tallies: 'job_id',
  segments: 'job_id',
  journal: 'job_id',
  computed: 'minute',
  events: 'seq',
  keys: 'created_at',
  audit: 'seq',
};

/**
 * Takes the folder, as a coordinator does, so that nothing changes meanwhile.
 * @throws StartError data_dir, already_running, store
 */
export async function openContents(dataDir: string): Promise<Contents> {
  // Brings the schema up to date, and finds damage.
  const store = await openSqliteStore(dataDir);
  const database = new DatabaseSync(join(dataDir, DATABASE), { readOnly: true });
  return {
    tokenKey: store.tokenKey,
    epoch: store.epoch,
    rows: (table) => database.prepare(`SELECT * FROM ${table} ORDER BY ${ORDER[table]}`).iterate(),
    close: async () => {
      database.close();
      await store.close();
    },
  };
}
