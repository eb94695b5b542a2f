/** Workloads that the pages know; one that they don't is called by its type. */
import type { Work } from './stacking.ts';

export const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ['collatz', 'Collatz'],
  ['thread', 'Threads'],
]);
const UNITS: ReadonlyMap<string, string> = new Map([
  ['collatz', 'numbers'],
  ['thread', 'roots'],
]);

/** Where a workload has variants, what each does to its units. */
const DONE: ReadonlyMap<string, string> = new Map([
  ['statistics', 'walked'],
  ['verify', 'verified'],
]);

/** `Collatz verify`, `Threads`. */
export function workName({ type, variant }: Work): string {
  const name = TYPE_NAMES.get(type) ?? type;
  return variant === null ? name : `${name} ${variant}`;
}

/** What its throughput counts: `numbers verified`, `roots`. */
export function unitOf({ type, variant }: Work): string {
  const unit = UNITS.get(type) ?? 'units';
  return variant === null ? unit : `${unit} ${DONE.get(variant) ?? `(${variant})`}`;
}

/** The page that shows such a job best. */
export function pageOf(type: string): { readonly href: string; readonly name: string } | undefined {
  if (type === 'collatz') return { href: '/collatz.html', name: 'Collatz' };
  return type === 'thread' ? { href: '/index.html', name: 'Threads' } : undefined;
}
