/** Workloads that the pages know; one that they don't is called by its type. */

export const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ['collatz', 'Collatz'],
  ['thread', 'Threads'],
]);
const UNITS: ReadonlyMap<string, string> = new Map([
  ['collatz', 'numbers'],
  ['thread', 'roots'],
]);

/** What its throughput counts. */
export function unitOf(type: string): string {
  return UNITS.get(type) ?? 'units';
}

/** The page that shows such a job best. */
export function pageOf(type: string): { readonly href: string; readonly name: string } | undefined {
  if (type === 'collatz') return { href: '/collatz.html', name: 'Collatz' };
  return type === 'thread' ? { href: '/index.html', name: 'Threads' } : undefined;
}
