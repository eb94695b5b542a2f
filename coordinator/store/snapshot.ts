/**
 * The database of a store apart from its coordinator: a copy of one that is in use, and a copy made ready to be used.
 *
 * A second connection reads what one moment's transaction sees, while the coordinator goes on writing: in WAL mode
 * neither waits for the other. The lock of the folder is a database of its own, so this need not have it.
 */
import { closeSync, existsSync, openSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BackupError } from './backup-error.ts';
import { DATABASE } from './backup-manifest.ts';
import { number, text } from './columns.ts';
import { MIGRATIONS } from './migrations.ts';
import { explain, isDamaged, sqliteCode } from './store-error.ts';

const BUSY_TIMEOUT_MS = 10_000;
/** What must be free beyond the copy, so that the coordinator can go on. */
const SPARE_BYTES = 16 * 1024 * 1024;

export interface Snapshot {
  readonly path: string;
  readonly schema: number;
  readonly jobs: { readonly all: number; readonly unfinished: number };
  remove(): void;
}

/**
 * Copies the store in `dataDir` into a file beside it, readable by its owner alone, and looks whether the copy is
 * sound. Blocks for as long as that takes.
 * @throws BackupError no_store, no_room, damaged
 */
export function takeSnapshot(dataDir: string): Snapshot {
  const source = join(dataDir, DATABASE);
  if (!existsSync(source)) {
    throw new BackupError('no_store', `there is no store in ${dataDir}: name the coordinator’s DATA_DIR`);
  }
  removeLeftovers(dataDir);
  const path = join(dataDir, `snapshot-${process.pid}.db`);
  const remove = () => rmSync(path, { force: true });
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(source, { timeout: BUSY_TIMEOUT_MS });
    checkRoom(database, dataDir);
    // An empty file that is there already keeps its mode.
    closeSync(openSync(path, 'wx', 0o600));
    database.prepare('VACUUM INTO ?').run(path);
    return { path, ...examine(path), remove };
  } catch (error) {
    remove();
    if (error instanceof BackupError) throw error;
    throw new BackupError(
      isDamaged(error) ? 'damaged' : 'no_room',
      sqliteCode(error) === undefined ? messageOf(error) : explain(error, dataDir),
      error,
    );
  } finally {
    database?.close();
  }
}

/** @throws BackupError no_room */
function checkRoom(database: DatabaseSync, dataDir: string): void {
  const pragma = (name: string) => number(database.prepare(`PRAGMA ${name}`).get(), name);
  const bytes = (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
  const { bavail, bsize } = statfsSync(dataDir);
  if (bavail * bsize >= bytes + SPARE_BYTES) return;
  const megabytes = (value: number) => `${Math.ceil(value / 1e6)} MB`;
  throw new BackupError(
    'no_room',
    `a backup takes ${megabytes(bytes)} in ${dataDir} while it is made, and ${megabytes(bavail * bsize)} are free: free some space`,
  );
}

/** What a killed backup left: of processes that are gone. */
function removeLeftovers(dataDir: string): void {
  for (const name of readdirSync(dataDir)) {
    const [, pid] = /^snapshot-(\d+)\.db(?:-journal)?$/.exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(dataDir, name), { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Looks whether a database is whole, and one of this program.
 * @throws BackupError damaged, foreign, newer
 */
export function examine(path: string): Pick<Snapshot, 'schema' | 'jobs'> {
  return withDatabase(path, (database) => {
    const verdict = text(database.prepare('PRAGMA integrity_check(1)').get() ?? {}, 'integrity_check');
    if (verdict !== 'ok') throw new BackupError('damaged', `its database is damaged (${verdict})`);
    const schema = number(database.prepare('PRAGMA user_version').get(), 'user_version');
    if (schema > MIGRATIONS.length) throw newer(schema);
    const tables = database.prepare(
      "SELECT count(*) AS n FROM sqlite_schema WHERE name IN ('owner', 'jobs')",
    );
    if (schema < 1 || number(tables.get(), 'n') !== 2) {
      throw new BackupError('foreign', 'its database is none of this program');
    }
    const count = (where: string) =>
      number(database.prepare(`SELECT count(*) AS n FROM jobs ${where}`).get(), 'n');
    return {
      schema,
      jobs: { all: count(''), unfinished: count("WHERE state IN ('pending', 'running', 'paused')") },
    };
  });
}

export function newer(schema: number): BackupError {
  return new BackupError(
    'newer',
    `it was made by a newer version (schema ${schema}, known here: ${MIGRATIONS.length}): update this program`,
  );
}

/**
 * Gives the database the epoch of now. Lives that went on from the same copy have had the next few, and no lease of
 * this one may have the name of one of theirs.
 * @throws BackupError damaged
 */
export function beginNewLife(path: string): void {
  withDatabase(path, (database) => {
    database.prepare('UPDATE owner SET epoch = max(epoch, ?)').run(Math.floor(Date.now() / 1000));
  });
}

function withDatabase<T>(path: string, work: (database: DatabaseSync) => T): T {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    return work(database);
  } catch (error) {
    if (error instanceof BackupError) throw error;
    throw new BackupError('damaged', `its database can’t be read (${messageOf(error)})`, error);
  } finally {
    database?.close();
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
