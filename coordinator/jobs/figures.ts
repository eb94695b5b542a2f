/**
 * The figure of a job (for collatz the mean delay) over at most 4096 equal blocks of its range, for maps. Sums
 * are doubles: a picture needs no more, and a job's map is 64 KB in memory whatever its length. In the store
 * it is deflated, so the map of a short job is some hundred bytes.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { MAX_COVERAGE_BLOCKS } from '../../protocol/http.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Range } from '../../protocol/range.ts';
import type { Figure } from '../../protocol/workload.ts';

export class Figures {
  readonly count: number;
  readonly #range: Range;
  readonly #length: bigint;
  /** Sum and weight of block i at 2i and 2i + 1. */
  readonly #values: Float64Array;

  constructor(range: Range, encoded?: Uint8Array | null) {
    this.#range = range;
    this.#length = rangeLength(range);
    this.count = this.#length < MAX_COVERAGE_BLOCKS ? Number(this.#length) : MAX_COVERAGE_BLOCKS;
    this.#values = new Float64Array(this.count * 2);
    if (encoded === undefined || encoded === null) return;
    const bytes = inflateRawSync(encoded, { maxOutputLength: this.#values.byteLength });
    new Uint8Array(this.#values.buffer).set(bytes);
  }

  /** Block i is [start + ⌊i·length/count⌋, start + ⌊(i+1)·length/count⌋). */
  block(index: number): Range {
    const edge = (i: number) => this.#range.start + (BigInt(i) * this.#length) / BigInt(this.count);
    return { start: edge(index), end: edge(index + 1) };
  }

  /** A batch that lies in several blocks is split among them by overlap. */
  add(range: Range, figure: Figure): void {
    if (figure.weight <= 0n) return;
    const sum = Number(figure.sum);
    const weight = Number(figure.weight);
    const last = this.#blockOf(range.end - 1n);
    const first = this.#blockOf(range.start);
    if (first === last) {
      this.#grow(first, sum, weight);
      return;
    }
    const length = Number(rangeLength(range));
    for (let i = first; i <= last; i++) {
      const { start, end } = this.block(i);
      const from = start > range.start ? start : range.start;
      const to = end < range.end ? end : range.end;
      const share = Number(to - from) / length;
      this.#grow(i, sum * share, weight * share);
    }
  }

  /** What another coordinator gathered over the same range. */
  merge(other: Figures): void {
    for (const [i, value] of other.#values.entries()) this.#values[i] = (this.#values[i] ?? 0) + value;
  }

  /** Null where nothing is known. */
  means(): (number | null)[] {
    return Array.from({ length: this.count }, (_, i) => {
      const weight = this.#values[2 * i + 1] ?? 0;
      return weight > 0 ? (this.#values[2 * i] ?? 0) / weight : null;
    });
  }

  copy(): Figures {
    const copy = new Figures(this.#range);
    copy.#values.set(this.#values);
    return copy;
  }

  encode(): Uint8Array {
    return deflateRawSync(new Uint8Array(this.#values.buffer));
  }

  #blockOf(value: bigint): number {
    return Number(((value - this.#range.start + 1n) * BigInt(this.count) - 1n) / this.#length);
  }

  #grow(block: number, sum: number, weight: number): void {
    this.#values[2 * block] = (this.#values[2 * block] ?? 0) + sum;
    this.#values[2 * block + 1] = (this.#values[2 * block + 1] ?? 0) + weight;
  }
}

/** For each block the covered share of it, 0 … 1. `covered` is sorted and disjoint. */
export function doneFractions(figures: Figures, covered: readonly Range[]): number[] {
  let next = 0;
  return Array.from({ length: figures.count }, (_, i) => {
    const { start, end } = figures.block(i);
    let done = 0n;
    for (let hit = covered[next]; hit !== undefined && hit.start < end; hit = covered[next]) {
      const from = hit.start > start ? hit.start : start;
      const to = hit.end < end ? hit.end : end;
      if (to > from) done += to - from;
      if (hit.end > end) break;
      next += 1;
    }
    return Number(done) / Number(end - start);
  });
}
