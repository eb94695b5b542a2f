/**
 * The folder of the embedded store: made if missing, owned by one process at a time, with the key that signs
 * lease tokens.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartError } from '../config.ts';
import { networkFilesystem } from './filesystem.ts';
import type { FilesystemProbe } from './filesystem.ts';
import { explain, isBusy } from './store-error.ts';

const KEY_BYTES = 32;
/** A folder that this program makes is its owner's alone: the audit log and who submitted what are in it. */
const PRIVATE = 0o700;

export interface DataFolder {
  readonly databasePath: string;
  readonly tokenKey: Uint8Array;
  /** Lets another process take the folder. The end of this process does the same, however it ends. */
  unlock(): void;
}

/** @throws StartError data_dir, already_running */
export function openDataFolder(dataDir: string, probe?: FilesystemProbe): DataFolder {
  const unlock = lockDataFolder(dataDir, probe);
  try {
    return { databasePath: join(dataDir, 'cluster.db'), tokenKey: readKey(dataDir), unlock };
  } catch (error) {
    unlock();
    throw new StartError('data_dir', explain(error, dataDir), error);
  }
}

/**
 * Makes the folder, if it is missing, and takes it.
 * @returns what lets another process take it
 * @throws StartError data_dir, already_running
 */
export function lockDataFolder(dataDir: string, probe?: FilesystemProbe): () => void {
  const network = networkFilesystem(resolve(dataDir), probe);
  if (network !== null) {
    throw new StartError(
      'data_dir',
      `${dataDir} is on ${network}: over a network SQLite’s locks and syncs can’t be trusted, and results could be lost or counted twice. Choose a DATA_DIR on a disk of this machine (in a container, a local volume)`,
    );
  }
  try {
    makeFolder(resolve(dataDir));
  } catch (error) {
    throw new StartError('data_dir', explain(error, dataDir), error);
  }
  return lockFolder(dataDir);
}

/** Makes the folder, if it is missing, for what a coordinator with a shared store keeps. @throws StartError data_dir */
export function makeDataFolder(dataDir: string): void {
  try {
    makeFolder(resolve(dataDir));
  } catch (error) {
    throw new StartError('data_dir', explain(error, dataDir), error);
  }
}

/**
 * Like mkdir's `recursive`, which never returns where a folder is there and making one in it says ENOENT
 * (below /proc, Node 24.21).
 */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: PRIVATE });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    makeFolder(dirname(path));
    mkdirSync(path, { mode: PRIVATE });
  }
}

/**
 * An exclusive transaction on a database of its own, held as long as the process lives. SQLite locks by
 * fcntl, and the system drops those with the process, kill -9 included: a lock file with a process id in it
 * would have to be judged for staleness, and would be wrong after a reboot in a container, where ids repeat.
 */
function lockFolder(dataDir: string): () => void {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(dataDir, 'lock.db'), { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    if (isBusy(error)) {
      throw new StartError(
        'already_running',
        `another coordinator is running on ${dataDir}: stop it, or choose another DATA_DIR`,
        error,
      );
    }
    throw new StartError('data_dir', explain(error, dataDir), error);
  }
  const held = database;
  return () => {
    if (held.isOpen) held.close();
  };
}

/** By rename, so that a crash never leaves half a key. */
function readKey(dataDir: string): Uint8Array {
  const path = join(dataDir, 'token.key');
  try {
    const key = readFileSync(path);
    if (key.length === KEY_BYTES) return key;
    throw new Error(`token.key is damaged: remove it (leases that are out become invalid, nothing else)`);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const key = randomBytes(KEY_BYTES);
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeSync(file, key);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  return key;
}
