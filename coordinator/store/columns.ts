/** Columns of a row, read with their types checked: a database is input like any other. */
import type { SQLOutputValue } from 'node:sqlite';
import { AUDIT_ACTIONS, ROLES } from '../../protocol/access.ts';
import type { AuditAction, Role } from '../../protocol/access.ts';
import { JOB_STATES, placement, PRIORITIES } from '../../protocol/http.ts';
import type { JobState, Placement, Priority } from '../../protocol/http.ts';
import type { Range } from '../../protocol/range.ts';
import type { ClusterEvent } from './store.ts';

export type Row = Readonly<Record<string, SQLOutputValue>>;

function bad(column: string, value: unknown): Error {
  return new Error(
    `column ${column} holds an unexpected value of type ${value === null ? 'null' : typeof value}`,
  );
}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw bad(column, value);
  return value;
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

export function number(row: Row | undefined, column: string): number {
  const value = row?.[column];
  if (typeof value !== 'number') throw bad(column, value);
  return value;
}

export function numberOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : number(row, column);
}

export function bytesOrNull(row: Row, column: string): Uint8Array | null {
  return row[column] === null ? null : bytes(row, column);
}

export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw bad(column, value);
  return value;
}

/** A whole number kept as text, because it may pass 2^63. */
export function bigint(row: Row, column: string): bigint {
  return BigInt(text(row, column));
}

export function range(row: Row): Range {
  return { start: bigint(row, 'range_start'), end: bigint(row, 'range_end') };
}

/** `[["1","5"],["9","12"]]` */
export function encodeRanges(ranges: readonly Range[]): string {
  return JSON.stringify(ranges.map(({ start, end }) => [start.toString(), end.toString()]));
}

export function decodeRanges(json: string): readonly Range[] {
  const value: unknown = JSON.parse(json);
  if (!Array.isArray(value)) throw bad('covered', value);
  return value.map((pair: unknown) => {
    if (!Array.isArray(pair)) throw bad('covered', pair);
    const ends: readonly unknown[] = pair;
    const [start, end] = ends;
    if (typeof start !== 'string' || typeof end !== 'string') throw bad('covered', pair);
    return { start: BigInt(start), end: BigInt(end) };
  });
}

export function parameters(row: Row): Readonly<Record<string, string | number>> {
  const value: unknown = JSON.parse(text(row, 'parameters'));
  if (typeof value !== 'object' || value === null) throw bad('parameters', value);
  const entries = Object.entries(value).map(([name, entry]: [string, unknown]) => {
    if (typeof entry !== 'string' && typeof entry !== 'number') throw bad(`parameters.${name}`, entry);
    return [name, entry] as const;
  });
  return Object.fromEntries(entries);
}

export function jobPlacement(row: Row): Placement {
  return placement.parse(JSON.parse(text(row, 'placement')));
}

export function toJobState(value: string): JobState {
  const state = JOB_STATES.find((known) => known === value);
  if (state === undefined) throw bad('state', value);
  return state;
}

export function toPriority(value: string): Priority {
  const known = PRIORITIES.find((candidate) => candidate === value);
  if (known === undefined) throw bad('priority', value);
  return known;
}

export function toRole(value: string): Role {
  const known = ROLES.find((candidate) => candidate === value);
  if (known === undefined) throw bad('role', value);
  return known;
}

export function toAuditAction(value: string): AuditAction {
  const known = AUDIT_ACTIONS.find((candidate) => candidate === value);
  if (known === undefined) throw bad('action', value);
  return known;
}

const EVENTS: readonly ClusterEvent[] = ['joined', 'left', 'restarted', 'differed'];

export function toClusterEvent(value: string): ClusterEvent {
  const known = EVENTS.find((candidate) => candidate === value);
  if (known === undefined) throw bad('event', value);
  return known;
}
