/**
 * A claimed piece of a job's range, in memory, with the accounting that counts every number once.
 *
 * Each number of the segment is in exactly one place: `covered` (durable), `pending` (its result waits for
 * its commit), `unleased`, or in a live lease only. Leases may overlap (a second lease of a straggler's range,
 * a token that outlived its lease); what counts is `covered`, and only what is neither covered nor pending
 * may enter it.
 */
import { rangeLength } from '../../protocol/range.ts';
import type { Range } from '../../protocol/range.ts';
import type { Lease } from './lease.ts';
import { RangeSet } from './ranges.ts';

/** An accepted batch whose aggregate is not folded into the job's tally yet. */
export interface BatchResult {
  readonly range: Range;
  /** Replaced if a dispute shows that it was wrong. */
  aggregate: unknown;
  digest: string;
  nodeId: string;
  /** Bytes of its JSON text. */
  bytes: number;
  /** Disputes under way: it must stay as it is. */
  pins: number;
  /** On its way into the tally. */
  folding: boolean;
}

/** What a result for a range means to the segment. */
export type Verdict =
  | { readonly kind: 'new' }
  /** Overlaps something that waits for its commit: ask again afterwards. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'repeated'; readonly result: BatchResult }
  /** Covered by a different cut, or folded already. */
  | { readonly kind: 'superseded' };

export class Segment {
  readonly covered: RangeSet;
  readonly pending = new RangeSet();
  readonly unleased: RangeSet;
  readonly results = new Map<bigint, BatchResult>();
  /** Live leases, and ended ones whose holder may still answer. */
  readonly leases = new Set<Lease>();
  /** From before a restart: its holes may be under way at workers that will come back. */
  readonly recovered: boolean;
  #range: Range;

  constructor(range: Range, covered: readonly Range[] = [], recovered = false) {
    this.#range = range;
    this.covered = new RangeSet(covered);
    this.unleased = new RangeSet(this.covered.gaps(range));
    this.recovered = recovered;
  }

  get range(): Range {
    return this.#range;
  }

  get isCovered(): boolean {
    return this.covered.contains(this.range);
  }

  /**
   * Ends this segment at `at`.
   * @returns what comes after it, with all that belongs there. Leases that lie on both sides, which can't be live
   *   where nothing is leased at `at`, belong to neither: a late answer is superseded.
   */
  splitAt(at: bigint): Segment {
    const { start, end } = this.#range;
    const rest = { start: at, end };
    const right = new Segment(rest, this.covered.within(rest), this.recovered);
    right.unleased.subtract(rest);
    for (const hole of this.unleased.within(rest)) right.unleased.add(hole);
    for (const range of this.pending.within(rest)) right.pending.add(range);
    for (const set of [this.covered, this.unleased, this.pending]) set.subtract(rest);
    for (const result of [...this.results.values()]) {
      if (result.range.start < at) continue;
      this.results.delete(result.range.start);
      right.results.set(result.range.start, result);
    }
    for (const lease of [...this.leases]) {
      if (lease.range.end <= at) continue;
      this.leases.delete(lease);
      if (lease.range.start < at) continue;
      right.leases.add(lease);
      lease.segment = right;
    }
    this.#range = { start, end: at };
    return right;
  }

  /** Takes the beginning of the lowest hole, at most `length` long. */
  carve(hole: Range, length: bigint): Range {
    const end = hole.start + length;
    const range = { start: hole.start, end: end < hole.end ? end : hole.end };
    this.unleased.subtract(range);
    return range;
  }

  judge(range: Range): Verdict {
    // A store that was set back to an earlier state cuts its segments anew: what an old lease has beyond this one's
    // end lies in another, which would count it a second time.
    if (range.start < this.range.start || range.end > this.range.end) return { kind: 'superseded' };
    if (this.pending.overlaps(range)) return { kind: 'wait' };
    if (!this.covered.overlaps(range)) return { kind: 'new' };
    const result = this.results.get(range.start);
    if (result === undefined || result.folding || result.range.end !== range.end)
      return { kind: 'superseded' };
    return { kind: 'repeated', result };
  }

  /** Only after `judge` said 'new'. */
  begin(range: Range): void {
    this.pending.add(range);
    this.unleased.subtract(range);
  }

  /** The commit succeeded. */
  settle(result: BatchResult): void {
    this.pending.subtract(result.range);
    this.covered.add(result.range);
    this.results.set(result.range.start, result);
  }

  /** The commit failed: nothing happened. */
  abandon(range: Range): void {
    this.pending.subtract(range);
    this.reclaim(range);
  }

  /**
   * Gives back what of `range` nobody has: neither covered nor pending nor in a live lease.
   * @param alone no live lease overlaps it: none is looked at then. A segment has as many leases as the job has workers; in a
   *   storm of 5,000 that came back, looking at all of them for each that was released took a quarter of the CPU time
   * @returns the numbers given back
   */
  reclaim(range: Range, alone = false): bigint {
    // Nearly always: the lease was answered whole.
    if (this.covered.contains(range)) return 0n;
    const free = new RangeSet([range]);
    for (const hit of this.covered.within(range)) free.subtract(hit);
    for (const hit of this.pending.within(range)) free.subtract(hit);
    if (!alone) for (const lease of this.leases) if (lease.live) free.subtract(lease.range);
    let given = 0n;
    for (const hole of free) {
      this.unleased.add(hole);
      given += rangeLength(hole);
    }
    return given;
  }

  /** Where somebody may still answer. */
  watched(): RangeSet {
    const watched = new RangeSet();
    for (const lease of this.leases) watched.add(lease.range);
    return watched;
  }

  /** Covered ranges that are in the tally already. */
  get folded(): readonly Range[] {
    return this.foldedAfter(new Set());
  }

  /** Covered ranges that are in the tally already, given the results that are going there now. */
  foldedAfter(folding: ReadonlySet<BatchResult>): readonly Range[] {
    const folded = new RangeSet(this.covered);
    for (const result of this.results.values()) {
      if (!folding.has(result)) folded.subtract(result.range);
    }
    return folded.toArray();
  }
}
