/**
 * The operator's own keys as files, readable by their owner alone: one for an admin in DATA_DIR, one for the workers
 * there or where WORKER_KEY_FILE says. Made when the coordinator listens beyond loopback and none is good any more.
 */
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Role } from '../../protocol/access.ts';
import type { Actor } from '../cluster.ts';
import { StartError } from '../config.ts';
import { newKey } from './key-ring.ts';
import type { KeyRing } from './key-ring.ts';

/** On behalf of whoever can read DATA_DIR. */
const OPERATOR: Actor = { user: 'operator', role: 'admin', keyId: null, address: null };
/** Of the keys in the files. */
export const OPERATOR_USER = 'operator';

export type KeyFileRole = Extract<Role, 'admin' | 'worker'>;

export interface MadeKey {
  readonly path: string;
  /** The key itself, if it was made now; null where the one in the file is still good. */
  readonly fresh: string | null;
}

export interface WorkerKeyFile {
  /**
   * kept      the key in the file is good
   * made      there was no file
   * taken_in  the key in the file was made elsewhere, and is good from now on
   * replaced  the key in the file was no good any more: there is a new one
   * useless   the key in the file is no good, and the file can't be written
   */
  readonly outcome: 'kept' | 'made' | 'taken_in' | 'replaced' | 'useless';
  /** What was wrong with the key that was found, as in `the key is revoked`; null: nothing. */
  readonly was: string | null;
  /** Everybody on the machine may read the file. */
  readonly isPublic: boolean;
}

export function keyFilePath(dataDir: string, role: KeyFileRole): string {
  return join(dataDir, `${role}.key`);
}

/**
 * The admin's file is made only where no admin has a key: who revoked the first one and keeps another wants it so.
 * @returns null where nothing is to be made
 * @throws Error of the file system, ClusterError store_unavailable
 */
export async function keepAdminKey(ring: KeyRing, dataDir: string): Promise<MadeKey | null> {
  const path = keyFilePath(dataDir, 'admin');
  if (isGoodAdmin(ring, path)) return { path, fresh: null };
  if (ring.hasValid('admin')) return null;
  const { key } = await ring.create({ user: OPERATOR_USER, role: 'admin' }, OPERATOR);
  writeSecret(path, key);
  return { path, fresh: key };
}

function isGoodAdmin(ring: KeyRing, path: string): boolean {
  try {
    const standing = ring.standing(readFileSync(path, 'utf8').trim());
    return standing.kind === 'known' && standing.status.role === 'admin' && standing.status.state === 'valid';
  } catch {
    return false;
  }
}

/**
 * Whoever may write this file may say which key is the workers': one that the ring has never seen is taken in, as
 * from a Secret that a deployment has made for coordinator and workers. One that was revoked is not: it would be
 * good again after every restart.
 * @throws StartError key_file; ClusterError limit_reached, store_unavailable
 */
export async function keepWorkerKey(ring: KeyRing, path: string): Promise<WorkerKeyFile> {
  const found = readKeyFile(path);
  if (found === null) {
    await makeWorkerKey(ring, path);
    return { outcome: 'made', was: null, isPublic: false };
  }
  const { text, isPublic } = found;
  const standing = ring.standing(text);
  switch (standing.kind) {
    case 'malformed':
      throw new StartError(
        'key_file',
        `${path} holds no key (one line: tc_, 12 hex digits, _, 43 letters or digits): put a worker’s key there, or remove the file to have one made`,
      );
    case 'mistaken':
      throw new StartError(
        'key_file',
        `the key in ${path} has the id of another key of this cluster: make it anew, with another id`,
      );
    case 'unknown':
      await ring.takeIn(text, { user: OPERATOR_USER, role: 'worker' }, OPERATOR);
      return { outcome: 'taken_in', was: null, isPublic };
    case 'known': {
      const { role, state } = standing.status;
      if (role === 'worker' && state === 'valid') return { outcome: 'kept', was: null, isPublic };
      const was = state === 'valid' ? `of the role ${role}` : state;
      return (await couldReplace(ring, path))
        ? { outcome: 'replaced', was, isPublic: false }
        : { outcome: 'useless', was, isPublic };
    }
  }
}

/** Null where there is no file. @throws StartError key_file */
function readKeyFile(path: string): { readonly text: string; readonly isPublic: boolean } | null {
  try {
    const isPublic = (statSync(path).mode & 0o004) !== 0;
    return { text: readFileSync(path, 'utf8').trim(), isPublic };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw new StartError('key_file', `${path} cannot be read: ${reasonOf(error)}`, error);
  }
}

/**
 * Written before it is good for anything: what a crash leaves between the two is taken in at the next start.
 * @throws StartError key_file; ClusterError limit_reached, store_unavailable
 */
async function makeWorkerKey(ring: KeyRing, path: string): Promise<void> {
  const key = newKey();
  try {
    writeSecret(path, key);
  } catch (error) {
    throw new StartError(
      'key_file',
      `no key can be kept in ${path} (${reasonOf(error)}): let its folder be written, or put a worker’s key there`,
      error,
    );
  }
  await ring.takeIn(key, { user: OPERATOR_USER, role: 'worker' }, OPERATOR);
}

/** False for a file that is handed in read-only. */
async function couldReplace(ring: KeyRing, path: string): Promise<boolean> {
  try {
    await makeWorkerKey(ring, path);
    return true;
  } catch (error) {
    if (error instanceof StartError) return false;
    throw error;
  }
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : undefined);
const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/**
 * By rename, so that a crash never leaves half a key. The file is always a new one: one that is there already, or a
 * link, would keep the mode that it has.
 */
function writeSecret(path: string, secret: string): void {
  rmSync(`${path}.new`, { force: true });
  const file = openSync(`${path}.new`, 'wx', 0o600);
  try {
    writeSync(file, `${secret}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    renameSync(`${path}.new`, path);
  } catch (error) {
    // A file that is mounted by itself can't be replaced.
    rmSync(`${path}.new`, { force: true });
    throw error;
  }
}
