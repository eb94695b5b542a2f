/** Whether an idle worker should compute a range that another already has. Pure. */

export interface Straggler {
  /** Since the lease was granted. */
  readonly elapsedMs: number;
  /** How long it should take in all, from its start; undefined if nothing was known of its holder. */
  readonly expectedMs: number | undefined;
  /** When its holder should be done, from now on; earlier leases of the same holder come first. */
  readonly remainingMs: number | undefined;
  /** How long the idle worker would take; undefined if unknown. */
  readonly ownMs: number | undefined;
}

/** Clearly sooner, or it is not worth computing anything twice. */
const SOONER = 1.25;
const SOONER_MS = 500;
const LATE = 2;
const LATE_MS = 5000;
/** A holder of which nothing was known is late after this. */
const UNKNOWN_LATE_MS = 30_000;

export function isLate({ elapsedMs, expectedMs }: Straggler): boolean {
  return expectedMs === undefined ? elapsedMs > UNKNOWN_LATE_MS : elapsedMs > LATE * expectedMs + LATE_MS;
}

export function deservesSecondLease(straggler: Straggler): boolean {
  if (isLate(straggler)) return true;
  const { ownMs, remainingMs } = straggler;
  if (ownMs === undefined || remainingMs === undefined) return false;
  return ownMs * SOONER + SOONER_MS < remainingMs;
}
