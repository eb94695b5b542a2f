/** The batches that became durable in the last minute, the newest of them: a ring of fixed size. */
import { MAX_BATCHES } from '../../protocol/live.ts';
import type { FinishedBatch } from '../../protocol/live.ts';
import type { WorkerKind } from '../../protocol/messages.ts';
import type { Range } from '../../protocol/range.ts';
import { rangeJson, time } from './views.ts';

const KEPT_MS = 60_000;

export interface RecentBatch {
  readonly at: number;
  readonly nodeId: string;
  readonly kind: WorkerKind;
  readonly type: string;
  readonly jobId: string;
  readonly range: Range;
  /** Another coordinator's worker computed it. */
  readonly elsewhere: boolean;
}

export class RecentBatches {
  readonly #ring: RecentBatch[] = [];
  /** Batches ever added: each has its number, from 1. */
  #count = 0;

  add(entry: RecentBatch): void {
    this.#ring[this.#count % MAX_BATCHES] = entry;
    this.#count += 1;
  }

  /**
   * The newest `limit` of those added after number `after` and less than a minute ago, oldest first.
   * `last` is the number of the newest of all.
   * @param own without those of other coordinators
   */
  after(
    after: number,
    limit: number,
    nowMs: number,
    own = false,
  ): { readonly now: string; readonly batches: readonly FinishedBatch[]; readonly last: number } {
    const wanted = Math.min(this.#count - after, limit, this.#ring.length);
    const batches: FinishedBatch[] = [];
    for (let number = this.#count - wanted; number < this.#count; number++) {
      const entry = this.#ring[number % MAX_BATCHES];
      if (entry === undefined || nowMs - entry.at > KEPT_MS || (own && entry.elsewhere)) continue;
      const { at, nodeId, kind, type, jobId, range } = entry;
      batches.push({ at: time(at), node_id: nodeId, kind, type, job_id: jobId, ...rangeJson(range) });
    }
    return { now: time(nowMs), batches, last: this.#count };
  }
}
