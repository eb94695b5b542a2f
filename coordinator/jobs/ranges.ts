/** Sets of numbers as sorted, disjoint, non-adjacent half-open ranges. */
import { rangeLength } from '../../protocol/range.ts';
import type { Range } from '../../protocol/range.ts';

export class RangeSet {
  /** Sorted, disjoint, never empty, never touching. */
  readonly #ranges: Range[];
  /** Kept along: after a restart a segment may have a hole for each of thousands of workers, and each lease asks. */
  #total = 0n;

  constructor(ranges: Iterable<Range> = []) {
    this.#ranges = [];
    for (const range of ranges) this.add(range);
  }

  get size(): number {
    return this.#ranges.length;
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** The lowest range. */
  get first(): Range | undefined {
    return this.#ranges[0];
  }

  /** How many numbers are in the set. */
  get total(): bigint {
    return this.#total;
  }

  [Symbol.iterator](): Iterator<Range> {
    return this.#ranges[Symbol.iterator]();
  }

  toArray(): readonly Range[] {
    return [...this.#ranges];
  }

  /** Adds all numbers of `range`; those already there stay once. */
  add(range: Range): void {
    if (range.start >= range.end) return;
    // Ranges that touch count as overlapping, so that they melt into one.
    const from = this.#firstEndingAtOrAfter(range.start);
    let to = from;
    let { start, end } = range;
    for (let hit = this.#ranges[to]; hit !== undefined && hit.start <= range.end; hit = this.#ranges[to]) {
      if (hit.start < start) start = hit.start;
      if (hit.end > end) end = hit.end;
      this.#total -= rangeLength(hit);
      to += 1;
    }
    this.#ranges.splice(from, to - from, { start, end });
    this.#total += end - start;
  }

  /** Takes all numbers of `range` out. */
  subtract(range: Range): void {
    if (range.start >= range.end) return;
    const from = this.#firstEndingAtOrAfter(range.start + 1n);
    let to = from;
    const rest: Range[] = [];
    for (let hit = this.#ranges[to]; hit !== undefined && hit.start < range.end; hit = this.#ranges[to]) {
      if (hit.start < range.start) rest.push({ start: hit.start, end: range.start });
      if (hit.end > range.end) rest.push({ start: range.end, end: hit.end });
      this.#total -= rangeLength(hit);
      to += 1;
    }
    if (to === from) return;
    this.#ranges.splice(from, to - from, ...rest);
    for (const left of rest) this.#total += rangeLength(left);
  }

  overlaps(range: Range): boolean {
    const hit = this.#ranges[this.#firstEndingAtOrAfter(range.start + 1n)];
    return hit !== undefined && hit.start < range.end && range.start < range.end;
  }

  contains(range: Range): boolean {
    const hit = this.#ranges[this.#firstEndingAtOrAfter(range.start + 1n)];
    return hit !== undefined && hit.start <= range.start && range.end <= hit.end;
  }

  /** What of `range` is in the set, ascending. */
  within(range: Range): Range[] {
    const found: Range[] = [];
    for (let i = this.#firstEndingAtOrAfter(range.start + 1n); i < this.#ranges.length; i++) {
      const hit = this.#ranges[i];
      if (hit === undefined || hit.start >= range.end) break;
      found.push({
        start: hit.start > range.start ? hit.start : range.start,
        end: hit.end < range.end ? hit.end : range.end,
      });
    }
    return found;
  }

  /** What of `range` is not in the set, ascending. */
  gaps(range: Range): Range[] {
    const found: Range[] = [];
    let start = range.start;
    for (const hit of this.within(range)) {
      if (hit.start > start) found.push({ start, end: hit.start });
      start = hit.end;
    }
    if (start < range.end) found.push({ start, end: range.end });
    return found;
  }

  #firstEndingAtOrAfter(value: bigint): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle];
      if (range !== undefined && range.end < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
