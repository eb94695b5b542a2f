/**
 * Small secrets as files that their owner alone can read. Several coordinators may share the folder and start at the same
 * moment: what is there is always one whole secret, and of several that create or replace it one wins.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';

/** File systems without hard links (some that are shared with a desktop's virtual machine) say one of these. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/** Without the end of its line; null where there is no file. @throws Error of the file system */
export function readSecret(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** False, and nothing is changed, where something has that name already. @throws Error of the file system */
export function createSecret(path: string, secret: string): boolean {
  return withTemporary(path, secret, (temporary) => {
    try {
      linkSync(temporary, path);
      return true;
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EEXIST') return false;
      if (code === undefined || !NO_LINKS.includes(code)) throw error;
    }
    return createInPlace(path, secret);
  });
}

/**
 * Puts another secret in the place of one that is good for nothing any more. All that replace the same one at once put the
 * same one there: the first that has made a file beside it, named after what is replaced, says which.
 * @param old what was read there; if something else is there now, it stays
 * @throws Error of the file system
 */
export function replaceSecret(path: string, old: string, secret: string): void {
  const claim = `${path}.after-${createHash('sha256').update(old).digest('hex').slice(0, 12)}`;
  createSecret(claim, secret);
  // Gone: who made it has replaced the secret meanwhile. Left by a crash: it was good for nothing yet.
  const next = readSecret(claim);
  try {
    if (next !== null && readSecret(path) === old)
      withTemporary(path, next, (temporary) => renameSync(temporary, path));
  } finally {
    rmSync(claim, { force: true });
  }
}

/** Always a new file: one that is there already, or a link, would keep the mode that it has. */
function withTemporary<T>(path: string, secret: string, place: (temporary: string) => T): T {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.new`;
  try {
    write(openSync(temporary, 'wx', 0o600), secret);
    return place(temporary);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Who reads it in the moment between may find it empty, and has to be started again then. */
function createInPlace(path: string, secret: string): boolean {
  try {
    write(openSync(path, 'wx', 0o600), secret);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function write(file: number, secret: string): void {
  try {
    writeSync(file, `${secret}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

const codeOf = (error: unknown) =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
