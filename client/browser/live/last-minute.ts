/** The batches of the last minute, as the stream brings them. */
import type { FinishedBatch } from '../../../protocol/live.ts';

export const MINUTE_MS = 60_000;
/** Clocks differ, and the way takes time: below this nothing is corrected. */
const TOLERATED_MS = 1000;

/**
 * The batches with their times by this device's clock.
 * @param theirNow the coordinator's clock as it sent them
 */
export function byOwnClock(
  batches: readonly FinishedBatch[],
  theirNow: string,
  ownNow_ms: number,
): readonly FinishedBatch[] {
  const ahead_ms = ownNow_ms - Date.parse(theirNow);
  if (!(Math.abs(ahead_ms) > TOLERATED_MS)) return batches;
  return batches.map((batch) => ({
    ...batch,
    at: new Date(Date.parse(batch.at) + ahead_ms).toISOString(),
  }));
}

/** Without what is older than a minute; the same list if nothing is. @param batches oldest first */
export function ofLastMinute(batches: readonly FinishedBatch[], now_ms: number): readonly FinishedBatch[] {
  const first = batches.findIndex(({ at }) => Date.parse(at) > now_ms - MINUTE_MS);
  if (first < 0) return batches.length === 0 ? batches : [];
  return first === 0 ? batches : batches.slice(first);
}
