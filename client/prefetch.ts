/** When to ask for the next lease, so that the device has no gap and no lease waits for long. */
import { rangeLength } from '../protocol/range.ts';
import type { HeldLease } from './held-lease.ts';
import type { RateMemory } from './rate-memory.ts';

/** When less than this is left of what is held, or a fifth of the batch if that is more. */
const LEAST_MS = 1000;
const SHARE = 0.2;
/** How often the end of a batch is estimated anew. */
const LOOK_AGAIN_MS = 200;

/** Time until the next lease should be asked for, or until that should be estimated again; 0: ask now. */
export function prefetchIn_ms(held: readonly HeldLease[], rates: RateMemory): number {
  let left_ms = 0;
  let threshold_ms = LEAST_MS;
  for (const one of held) {
    const rate = one.rate_per_second() ?? rates.of(one.lease.job_id);
    if (rate === undefined || one.run === undefined) return LOOK_AGAIN_MS;
    left_ms += (Number(one.left()) / rate) * 1000;
    threshold_ms = Math.max(threshold_ms, (Number(rangeLength(one.range)) / rate) * 1000 * SHARE);
  }
  return left_ms <= threshold_ms ? 0 : Math.min(left_ms - threshold_ms, LOOK_AGAIN_MS);
}
