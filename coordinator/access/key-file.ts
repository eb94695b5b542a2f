/**
 * The operator's own keys as files in DATA_DIR, readable by its owner alone: one for an admin, one for the workers
 * that are started with that folder. Made when the coordinator listens beyond loopback and none is good any more.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Role } from '../../protocol/access.ts';
import type { Actor } from '../cluster.ts';
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

export function keyFilePath(dataDir: string, role: KeyFileRole): string {
  return join(dataDir, `${role}.key`);
}

/**
 * The admin's file is made only where no admin has a key: who revoked the first one and keeps another wants it so.
 * @returns null where nothing is to be made
 * @throws Error of the file system, ClusterError store_unavailable
 */
export async function keepKeyFile(
  ring: KeyRing,
  dataDir: string,
  role: KeyFileRole,
): Promise<MadeKey | null> {
  const path = keyFilePath(dataDir, role);
  if (isGood(ring, path, role)) return { path, fresh: null };
  if (role === 'admin' && ring.hasValid('admin')) return null;
  const { key } = await ring.create({ user: OPERATOR_USER, role }, OPERATOR);
  writeSecret(path, key);
  return { path, fresh: key };
}

function isGood(ring: KeyRing, path: string, role: KeyFileRole): boolean {
  try {
    return ring.check(readFileSync(path, 'utf8').trim()).role === role;
  } catch {
    return false;
  }
}

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
  renameSync(`${path}.new`, path);
}
