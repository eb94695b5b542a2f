/**
 * Times, counted in buckets of 1 % each, so that millions of them take some kilobytes and those of several processes
 * add up. Node's own histogram can't leave its process.
 */
import { z } from 'zod';

const PER_OCTAVE = 64;
/** Below this there is nothing to tell apart. */
const LEAST_MS = 1 / 1024;

/** Pairs of bucket and count. */
export const latencyCounts = z.array(z.tuple([z.number().int().min(0), z.number().int().min(1)]));
export type LatencyCounts = z.infer<typeof latencyCounts>;

export class Latencies {
  readonly #counts = new Map<number, number>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(ms: number): void {
    this.#add(Math.round(Math.log2(Math.max(ms, LEAST_MS) / LEAST_MS) * PER_OCTAVE), 1);
  }

  merge(counts: LatencyCounts): void {
    for (const [bucket, count] of counts) this.#add(bucket, count);
  }

  /** Takes away what was counted before. @param counts of an earlier moment of this one */
  minus(counts: LatencyCounts): void {
    for (const [bucket, count] of counts) this.#add(bucket, -count);
  }

  /** The time in ms that `share` of all took at most, within 1 %; NaN without any. */
  percentile(share: number): number {
    let left = Math.max(1, Math.ceil(share * this.#count));
    for (const [bucket, count] of this.counts()) {
      left -= count;
      if (left <= 0) return LEAST_MS * 2 ** (bucket / PER_OCTAVE);
    }
    return NaN;
  }

  counts(): LatencyCounts {
    return [...this.#counts].filter(([, count]) => count > 0).sort(([a], [b]) => a - b);
  }

  #add(bucket: number, count: number): void {
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
    this.#count += count;
  }
}
