/** What SQLite's result codes mean to whoever has to act on them. */
import { statfsSync } from 'node:fs';
import { ClusterError } from '../../protocol/errors.ts';

/** https://www.sqlite.org/rescode.html; extended codes carry the primary one in the low byte. */
const SQLITE = {
  busy: 5,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  notadb: 26,
} as const;

const LEAST_FREE_BYTES = 64 * 1024;

/** The primary result code of an error that node:sqlite threw; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

export function isBusy(error: unknown): boolean {
  return sqliteCode(error) === SQLITE.busy;
}

export function isDamaged(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE.corrupt || code === SQLITE.notadb;
}

/** One line: what is wrong with the folder and what to do about it. */
export function explain(error: unknown, dataDir: string): string {
  const why = error instanceof Error ? error.message : String(error);
  const systemCode = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (sqliteCode(error)) {
    case SQLITE.full:
      return full(dataDir);
    case SQLITE.ioerr:
    case SQLITE.cantopen:
      if (isFull(dataDir)) return full(dataDir);
      return `${dataDir} cannot be written (${why}): check that the folder exists and its disk is sound`;
    case SQLITE.readonly:
      return `${dataDir} is read-only: make it writable, or choose another DATA_DIR`;
    case SQLITE.corrupt:
    case SQLITE.notadb:
      return `the database in ${dataDir} is damaged (${why}): restore a copy, or move the folder away to start anew`;
    case SQLITE.busy:
      return `the database in ${dataDir} is locked by another program: close it`;
    default:
      break;
  }
  switch (systemCode) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOENT':
      return `${dataDir} cannot be written (${why}): make it writable, or choose another DATA_DIR`;
    case 'ENOSPC':
      return full(dataDir);
    case 'ENOTDIR':
    case 'EEXIST':
      return `${dataDir} is not a folder: choose another DATA_DIR`;
    default:
      return `${dataDir}: ${why}`;
  }
}

function full(dataDir: string): string {
  return `the disk of ${dataDir} is full: free some space; a running coordinator goes on by itself then`;
}

/** SQLite tells a disk that is too full for its shared index as an I/O error. */
function isFull(dataDir: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dataDir);
    return bavail * bsize < LEAST_FREE_BYTES;
  } catch {
    return false;
  }
}

export function unavailable(error: unknown, dataDir: string): ClusterError {
  return new ClusterError('store_unavailable', explain(error, dataDir), { cause: error });
}
