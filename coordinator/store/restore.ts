/**
 * A backup becomes the store of an empty folder. Everything is written and looked at beside its place first; the
 * database comes last, so that a folder that was not restored whole is no store.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { StartError } from '../config.ts';
import { BackupError } from './backup-error.ts';
import {
  ADMIN_KEY,
  BACKUP_VERSION,
  DATABASE,
  MANIFEST,
  MOST_SMALL_BYTES,
  WORKER_KEY,
  manifest as manifestSchema,
} from './backup-manifest.ts';
import type { Manifest } from './backup-manifest.ts';
import { lockDataFolder } from './data-folder.ts';
import { MIGRATIONS } from './migrations.ts';
import { beginNewLife, examine, newer } from './snapshot.ts';
import { explain } from './store-error.ts';
import { TarReader, collect } from './tar.ts';
import type { Entry } from './tar.ts';

/** Where a restore keeps what it has not looked at yet; what one that was killed left is removed by the next. */
const PARTIAL = 'restore.partial';
/** What may be in an empty folder: that of a fresh ext4 volume, and of a restore before. */
const NOTHING: ReadonlySet<string> = new Set(['lost+found', PARTIAL]);
const LOCK = 'lock.db';

export interface RestoreOptions {
  readonly dataDir: string;
  /** Where the operator's workers' key belongs, if not in `dataDir`. */
  readonly workerKeyFile: string | undefined;
}

export interface Restored {
  readonly manifest: Manifest;
  /** What was done with the workers' key of the backup; null: it has none. */
  readonly workerKey: 'written' | 'there_already' | 'not_writable' | null;
}

/** @throws BackupError of any kind but no_store; StartError data_dir (a network filesystem, no right to write) */
export async function restoreBackup(
  source: AsyncIterable<Uint8Array>,
  options: RestoreOptions,
): Promise<Restored> {
  const { dataDir } = options;
  const existed = existsSync(dataDir);
  const isEmpty = !existed || isNothing(dataDir);
  const unlock = takeFolder(dataDir, isEmpty);
  const partial = join(dataDir, PARTIAL);
  try {
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { mode: 0o700 });
    const manifest = await unpack(new TarReader(source), partial);
    const path = join(partial, DATABASE);
    if (examine(path).schema !== manifest.schema) {
      throw new BackupError('damaged', 'its database is of another schema than it says');
    }
    beginNewLife(path);
    return { manifest, workerKey: moveIn(partial, options) };
  } catch (error) {
    rmSync(join(dataDir, LOCK), { force: true });
    if (error instanceof BackupError || error instanceof StartError) throw error;
    throw new BackupError('no_room', explain(error, dataDir), error);
  } finally {
    rmSync(partial, { recursive: true, force: true });
    unlock();
    if (!existed && isNothing(dataDir)) rmSync(dataDir, { recursive: true, force: true });
  }
}

const isNothing = (folder: string) => readdirSync(folder).every((name) => NOTHING.has(name));

/**
 * No coordinator starts in the folder meanwhile.
 * @throws BackupError not_empty, running; StartError data_dir
 */
function takeFolder(dataDir: string, isEmpty: boolean): () => void {
  const notEmpty = new BackupError(
    'not_empty',
    `${dataDir} is not empty: move what is in it away, or choose another folder by --data-dir`,
  );
  // The lock would be a file more in a folder that may be anybody's.
  if (!isEmpty && !existsSync(join(dataDir, LOCK))) throw notEmpty;
  let unlock: () => void;
  try {
    unlock = lockDataFolder(dataDir);
  } catch (error) {
    if (!(error instanceof StartError) || error.problem !== 'already_running') throw error;
    throw new BackupError(
      'running',
      `a coordinator is running on ${dataDir}: stop it, and restore into an empty folder`,
      error,
    );
  }
  if (isEmpty) return unlock;
  unlock();
  throw notEmpty;
}

/** Writes every file of the archive, and compares it with what the manifest says of it. */
async function unpack(reader: TarReader, partial: string): Promise<Manifest> {
  const first = await reader.next();
  if (first?.name !== MANIFEST || first.bytes > MOST_SMALL_BYTES) {
    throw new BackupError('foreign', 'it is no archive of `threads backup`');
  }
  const manifest = readManifest(Buffer.concat(await collect(reader.file(first))).toString('utf8'));
  const due = new Set(manifest.files.map(({ name }) => name));
  if (!due.has(DATABASE)) throw new BackupError('damaged', 'there is no database in it');
  for (const { name, bytes, sha256 } of manifest.files) {
    const entry = await reader.next();
    if (entry?.name !== name || entry.bytes !== bytes || (name !== DATABASE && bytes > MOST_SMALL_BYTES)) {
      throw new BackupError('damaged', `it has not the file ${name} that it says it has`);
    }
    const found = await write(reader, entry, join(partial, name));
    if (found !== sha256) throw new BackupError('damaged', `${name} is not as it was written`);
  }
  return manifest;
}

/** @throws BackupError foreign, newer */
function readManifest(json: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new BackupError('foreign', 'its manifest can’t be read', error);
  }
  const version = typeof value === 'object' && value !== null && 'version' in value ? value.version : 0;
  if (typeof version === 'number' && version > BACKUP_VERSION) {
    throw new BackupError(
      'newer',
      `it was made by a newer version (format ${version}, known here: ${BACKUP_VERSION}): update this program`,
    );
  }
  const read = manifestSchema.safeParse(value);
  if (!read.success) throw new BackupError('foreign', 'its manifest is none of `threads backup`');
  if (read.data.schema > MIGRATIONS.length) throw newer(read.data.schema);
  return read.data;
}

/** @returns the SHA-256 of what was written */
async function write(reader: TarReader, entry: Entry, path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = openSync(path, 'wx', 0o600);
  try {
    for await (const piece of reader.file(entry)) {
      hash.update(piece);
      for (let at = 0; at < piece.length;) at += writeSync(file, piece, at);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

/** Into their places, the database last. */
function moveIn(partial: string, { dataDir, workerKeyFile }: RestoreOptions): Restored['workerKey'] {
  const [admin, worker] = [join(partial, ADMIN_KEY), join(partial, WORKER_KEY)];
  if (existsSync(admin)) renameSync(admin, join(dataDir, ADMIN_KEY));
  const workerKey = existsSync(worker) ? placeKey(worker, workerKeyFile ?? join(dataDir, WORKER_KEY)) : null;
  sync(join(partial, DATABASE));
  renameSync(join(partial, DATABASE), join(dataDir, DATABASE));
  sync(dataDir);
  return workerKey;
}

/** A key that is there already is not written over: the coordinator takes it in when it starts. */
function placeKey(from: string, to: string): Exclude<Restored['workerKey'], null> {
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL);
    return 'written';
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    return isThere ? 'there_already' : 'not_writable';
  }
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
