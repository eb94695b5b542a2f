/**
 * The operator's own keys as files, readable by their owner alone: one for an admin in DATA_DIR, one for the workers
 * there or where WORKER_KEY_FILE says. Made when the coordinator listens beyond loopback and none is good any more.
 *
 * Coordinators that share a store may start at the same moment, with one folder for all of them or one for each. A key is
 * always written to its file before it is good for anything: who finds it there takes it in, and what a crash leaves between
 * the two is taken in at the next start.
 */
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyStatus, Role } from '../../protocol/access.ts';
import type { Actor } from '../cluster.ts';
import { StartError } from '../config.ts';
import { newKey } from './key-ring.ts';
import type { KeyRing } from './key-ring.ts';
import { createSecret, readSecret, replaceSecret } from './secret-file.ts';

/** On behalf of whoever can read DATA_DIR. */
const OPERATOR: Actor = { user: 'operator', role: 'admin', keyId: null, address: null };
/** Of the keys in the files. */
export const OPERATOR_USER = 'operator';

export type KeyFileRole = Extract<Role, 'admin' | 'worker'>;

export interface AdminKeyFile {
  readonly path: string;
  /** As of the workers' key below. */
  readonly outcome: 'kept' | 'made' | 'taken_in';
  /** The key itself, if it was made now. */
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

/** Nobody needs more; it ends what could go on for ever if something else kept writing the files. */
const ATTEMPTS = 20;

/**
 * The admin's key in DATA_DIR: taken in where it was made elsewhere (a Secret that is mounted there), made where there is
 * none and no admin has a key. Who revoked the first one and keeps another wants it so.
 *
 * Of coordinators with a folder of their own each, that start at once on one store without an admin, exactly one keeps the
 * key that it has made: each looks for others when its own is durable, so the later of two always sees the earlier one, and
 * withdraws. Where both have seen each other both withdraw, and try again after different times.
 * @param pause a different time for each coordinator, longer with each attempt
 * @returns null where nothing is to be made
 * @throws StartError data_dir, Error of the file system, ClusterError limit_reached, store_unavailable
 */
export async function keepAdminKey(
  ring: KeyRing,
  dataDir: string,
  pause: (attempt: number) => Promise<void> = differently,
): Promise<AdminKeyFile | null> {
  const path = keyFilePath(dataDir, 'admin');
  let made: string | null = null;
  let taken = false;
  for (let attempt = 1; ; attempt += 1) {
    const found = readSecret(path);
    const standing = found === null ? null : ring.standing(found);
    if (standing?.kind === 'known' && isGood(standing.status, 'admin')) {
      const own = found === made;
      if (own && attempt < ATTEMPTS && (await withdrawn(ring, standing.status.key_id))) {
        // Nobody else knows it: a folder that is shared has one key for all.
        if (readSecret(path) === made) rmSync(path, { force: true });
        made = null;
        await pause(attempt);
        continue;
      }
      return own
        ? { path, outcome: 'made', fresh: made }
        : { path, outcome: taken ? 'taken_in' : 'kept', fresh: null };
    }
    if (attempt >= ATTEMPTS)
      throw new StartError(
        'data_dir',
        `no key can be kept in ${path}: it leads nowhere, or something else keeps changing it`,
      );
    if (found !== null && standing?.kind === 'unknown') {
      await takeIn(ring, found, 'admin');
      taken = true;
      continue;
    }
    await ring.reload();
    if (ring.hasValid('admin')) return null;
    made = newKey();
    if (found === null) createSecret(path, made);
    else replaceSecret(path, found, made);
  }
}

/** True if an admin has another key: then this one is good for nothing from now on. */
async function withdrawn(ring: KeyRing, keyId: string): Promise<boolean> {
  await ring.reload();
  const others = ring.list().some((status) => status.key_id !== keyId && isGood(status, 'admin'));
  if (others) await ring.revoke(keyId, OPERATOR);
  return others;
}

/** Chance tells apart what starts alike; of three that wait 50 ms to 1 s, two seldom write in the same few milliseconds. */
function differently(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 200 * attempt));
}

/**
 * Whoever may write this file may say which key is the workers': one that the ring has never seen is taken in, as
 * from a Secret that a deployment has made for coordinator and workers. One that was revoked is not: it would be
 * good again after every restart.
 * @throws StartError key_file; ClusterError limit_reached, store_unavailable
 */
export async function keepWorkerKey(ring: KeyRing, path: string): Promise<WorkerKeyFile> {
  let outcome: WorkerKeyFile['outcome'] = 'kept';
  let was: string | null = null;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const found = readKeyFile(path);
    if (found === null) {
      if (makeKeyFile(path)) outcome = 'made';
      continue;
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
        await takeIn(ring, text, 'worker');
        if (outcome === 'kept') outcome = 'taken_in';
        continue;
      case 'known':
        if (isGood(standing.status, 'worker')) return { outcome, was, isPublic };
        was =
          standing.status.state === 'valid' ? `of the role ${standing.status.role}` : standing.status.state;
        if (!couldReplace(path, text)) return { outcome: 'useless', was, isPublic };
        outcome = 'replaced';
    }
  }
  throw new StartError(
    'key_file',
    `no key can be kept in ${path}: it leads nowhere, or something else keeps changing it`,
  );
}

/** Null where there is no file. @throws StartError key_file */
function readKeyFile(path: string): { readonly text: string; readonly isPublic: boolean } | null {
  try {
    const text = readSecret(path);
    return text === null ? null : { text, isPublic: (statSync(path).mode & 0o004) !== 0 };
  } catch (error) {
    throw new StartError('key_file', `${path} cannot be read: ${reasonOf(error)}`, error);
  }
}

/** False where another coordinator was faster. @throws StartError key_file */
function makeKeyFile(path: string): boolean {
  try {
    return createSecret(path, newKey());
  } catch (error) {
    throw new StartError(
      'key_file',
      `no key can be kept in ${path} (${reasonOf(error)}): let its folder be written, or put a worker’s key there`,
      error,
    );
  }
}

/** False for a file that is handed in read-only. */
function couldReplace(path: string, old: string): boolean {
  try {
    replaceSecret(path, old, newKey());
    return true;
  } catch {
    return false;
  }
}

/**
 * Another coordinator may do the same with the same key, and be faster: it is good then as well.
 * @throws ClusterError limit_reached, store_unavailable
 */
async function takeIn(ring: KeyRing, text: string, role: KeyFileRole): Promise<void> {
  try {
    await ring.takeIn(text, { user: OPERATOR_USER, role }, OPERATOR);
  } catch (error) {
    await ring.reload();
    if (ring.standing(text).kind !== 'unknown') return;
    throw error;
  }
  // It may have been revoked since this coordinator has read the keys.
  await ring.reload();
}

const isGood = ({ role, state }: KeyStatus, wanted: KeyFileRole) => role === wanted && state === 'valid';

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
