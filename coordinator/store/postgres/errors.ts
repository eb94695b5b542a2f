/** What PostgreSQL's error codes (https://www.postgresql.org/docs/current/errcodes-appendix.html) ask for. */
import pg from 'pg';
import { ClusterError } from '../../../protocol/errors.ts';
import { StartError } from '../../config.ts';
import { StoreFenced } from '../store.ts';
import type { Address } from './address.ts';

/** serialization_failure, deadlock_detected, lock_not_available: others were in the way, nothing is wrong. */
const COLLISIONS: ReadonlySet<string> = new Set(['40001', '40P01', '55P03']);
/** What a transaction answers after its first error; says nothing of the cause. */
const IN_FAILED_TRANSACTION = '25P02';
/** What the operating system says while a server is being started, or its name made known. */
const NOT_YET: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);

/** Of an error that the server reported. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

export function isCollision(error: unknown): boolean {
  return COLLISIONS.has(sqlState(error) ?? '');
}

export function followsAnother(error: unknown): boolean {
  return sqlState(error) === IN_FAILED_TRANSACTION;
}

/** Whether connecting again may help, while a server starts: nothing is wrong with the address. */
export function mayPass(error: unknown): boolean {
  const state = sqlState(error);
  // 57P03: it is starting up or shutting down. 53300: too many connections, such as those of whoever is replaced.
  if (state !== undefined) return state.startsWith('57P') || state === '53300';
  const code = systemCode(error);
  return code === undefined || NOT_YET.has(code);
}

/** Whether a connection that was there is gone: the server ended it, or the way to it is cut. No answer in time is another thing. */
export function isDisconnection(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return state.startsWith('57P');
  const code = systemCode(error);
  if (code !== undefined) return code === 'ECONNRESET' || code === 'EPIPE';
  // As `pg` says it, which gives it no code.
  return error instanceof Error && error.message.startsWith('Connection terminated');
}

function systemCode(error: unknown): string | undefined {
  if (error instanceof AggregateError && error.errors.length > 0) return systemCode(error.errors[0]);
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function reasonOf(error: unknown): string {
  // Node gives all addresses of a name one error together, without a message of its own.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

/** One line: what is wrong and what to do about it. */
export function explain(error: unknown, { place, user, database }: Address): string {
  const why = reasonOf(error);
  const state = sqlState(error);
  switch (state) {
    case '28P01':
    case '28000':
      return `PostgreSQL at ${place} refused the user ${user} (${why}): check user and password in STORE_URL, and pg_hba.conf`;
    case '3D000':
      return `there is no database ${database} at ${place}: CREATE DATABASE it, or correct STORE_URL`;
    case '3F000':
      return `the schema of search_path does not exist at ${place}: CREATE SCHEMA it, or correct STORE_URL`;
    case '42501':
      return `the user ${user} lacks a right at ${place} (${why}): GRANT it, or give the database to this user`;
    case '25006':
      return `PostgreSQL at ${place} can only be read (a standby?): let STORE_URL name the primary`;
    case '53300':
      return `PostgreSQL at ${place} has no connection left: raise max_connections; a coordinator takes 6`;
    case '53100':
      return `the disk of PostgreSQL at ${place} is full: free some space; a running coordinator goes on by itself then`;
    default:
      break;
  }
  if (state === undefined) {
    return `PostgreSQL at ${place} does not answer (${why}): start it, or correct STORE_URL; a running coordinator goes on by itself then`;
  }
  return `PostgreSQL at ${place}: ${why} (${state})`;
}

/**
 * Of a running store: `StoreFenced` and what is a ClusterError already stay as they are. Where the database is and who
 * the coordinator is there is for its log, which shows the cause, and not for whoever sent a request.
 */
export function unavailable(error: unknown, address: Address): Error {
  if (error instanceof StoreFenced || error instanceof ClusterError) return error;
  const cause = new Error(explain(error, address), { cause: error });
  return new ClusterError('store_unavailable', publicly(sqlState(error)), { cause });
}

function publicly(state: string | undefined): string {
  if (state === undefined || state.startsWith('57P')) return 'the database does not answer: try again later';
  if (state === '53100') return 'the disk of the database is full';
  return `the database refused (${state})`;
}

export function cannotStart(error: unknown, address: Address): StartError {
  if (error instanceof StartError) return error;
  return new StartError('store_url', explain(error, address), error);
}
