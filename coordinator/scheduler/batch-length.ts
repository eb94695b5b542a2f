/** How long the next batch of a worker should be. Pure. */

export interface BatchRequest {
  /** Units per second that this worker showed on this job; undefined before its first result. */
  readonly measuredRate: number | undefined;
  /** Length of its previous batch on this job. */
  readonly previousLength: bigint | undefined;
  /** What the worker itself says, from earlier jobs; 0 if it never computed. */
  readonly reportedRate: number;
  /** What the worker wants, and what this cluster wants at most. */
  readonly targetMs: number;
  readonly clusterTargetMs: number;
  /** Units of the job that nobody has, this batch included. */
  readonly unleased: bigint;
  /** Rates of all workers that compute this job now, this one included. */
  readonly totalRate: number;
  readonly tileLimits: { readonly min: bigint; readonly max: bigint };
  /** The submitter's upper limit. */
  readonly hint: bigint | undefined;
}

export interface BatchLength {
  readonly length: bigint;
  readonly tileLength: bigint;
  /** How long it should take; undefined if nothing is known of the worker. */
  readonly expectedMs: number | undefined;
}

/** Tiles per batch, where the limits of a tile allow it: enough that one is cheap to recompute. */
export const TILES_PER_BATCH = 1024n;
/** A batch is at most so much longer than the one before: one lucky measurement must not cost minutes. */
const GROWTH = 4n;
const FIRST_BATCH_MS = 1000;
/** Below this, round trips and dispatches cost more than the balance gains. */
const SHORTEST_MS = 1000;
/** Rates beyond this are no measurement: a batch of 10 s would pass 2^96. */
const MAX_RATE = 1e18;

/**
 * Rate × time, where time is the target, less near the end of the job (guided self-scheduling: half of an
 * even share of what is left, so that all end together), and short for a first batch.
 */
export function batchLength(request: BatchRequest): BatchLength {
  const { measuredRate, reportedRate, tileLimits, unleased } = request;
  const rate = plausible(measuredRate) ?? plausible(reportedRate);
  const targetMs = Math.min(Math.max(request.targetMs, SHORTEST_MS), request.clusterTargetMs);
  let wanted: bigint;
  if (rate === undefined) {
    // Nothing is known of it: one tile tells, and the next may be so many times longer (see GROWTH). Four were tried:
    // a rasteriser on a busy CPU took eight seconds for its first batch.
    wanted = tileLimits.min;
  } else {
    const shareMs = (Number(unleased) / (2 * Math.max(request.totalRate, rate))) * 1000;
    const fairMs = Math.max(Math.min(shareMs, targetMs), Math.min(SHORTEST_MS, targetMs));
    const timeMs = measuredRate === undefined ? Math.min(FIRST_BATCH_MS, fairMs) : fairMs;
    wanted = BigInt(Math.ceil((rate * timeMs) / 1000));
    const { previousLength } = request;
    if (measuredRate !== undefined && previousLength !== undefined && wanted > previousLength * GROWTH) {
      wanted = previousLength * GROWTH;
    }
  }
  wanted = larger(wanted, tileLimits.min);
  if (request.hint !== undefined) wanted = smaller(wanted, request.hint);
  const { length, tileLength } = alignToTiles(wanted, tileLimits);
  // A remainder shorter than a tile isn't worth a batch of its own.
  const taken = unleased < length + tileLimits.min && fits(unleased, request.hint) ? unleased : length;
  const bounded = smaller(taken, unleased);
  return {
    length: bounded,
    tileLength: smaller(tileLength, bounded),
    expectedMs: rate === undefined ? undefined : (Number(bounded) / rate) * 1000,
  };
}

/** Tile length of a batch of `length`, and the whole number of tiles nearest below. */
export function alignToTiles(
  length: bigint,
  limits: BatchRequest['tileLimits'],
): { readonly length: bigint; readonly tileLength: bigint } {
  const even = (length + TILES_PER_BATCH - 1n) / TILES_PER_BATCH;
  const tileLength = smaller(larger(even, limits.min), limits.max);
  return { tileLength, length: length <= tileLength ? length : length - (length % tileLength) };
}

function fits(length: bigint, hint: bigint | undefined): boolean {
  return hint === undefined || length <= hint;
}

function plausible(rate: number | undefined): number | undefined {
  return rate !== undefined && rate > 0 && rate <= MAX_RATE ? rate : undefined;
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
