/** A job's range as a row of equal cells: how much of each is done, and whether a lease holds part of it. */
import type { JobCoverage } from '../../../protocol/http.ts';

export interface StripCell {
  /** 0 … 1, of the cell's numbers. */
  readonly done: number;
  /** none: no lease touches what is not done. */
  readonly lease: 'none' | 'others' | 'own' | 'late';
}

interface Span {
  readonly start: bigint;
  readonly end: bigint;
}

export interface LeaseMarks {
  readonly ownNodeId: string | undefined;
  /** Starts of leases that are late, as decimal strings. */
  readonly lateStarts: ReadonlySet<string>;
}

/** @param count cells at most; a job of fewer numbers has one for each */
export function stripCells(coverage: JobCoverage, count: number, marks: LeaseMarks): readonly StripCell[] {
  const total = span(coverage.total);
  const length = total.end - total.start;
  const cells = length < BigInt(count) ? Number(length) : count;
  const edge = (i: number) => total.start + (length * BigInt(i)) / BigInt(cells);
  const done = coverage.truncated
    ? doneOfBlocks(coverage.blocks.done_fraction, cells)
    : doneOfRanges(coverage.done.map(span), cells, edge);
  const leases = leasesByCell(coverage, cells, edge, marks);
  return done.map((fraction, i) => ({ done: fraction, lease: leases[i] ?? 'none' }));
}

/** Both the ranges and the cells are in order: one walk over both. */
function doneOfRanges(
  ranges: readonly Span[],
  cells: number,
  edge: (i: number) => bigint,
): readonly number[] {
  let first = 0;
  return Array.from({ length: cells }, (_, i) => {
    const cell = { start: edge(i), end: edge(i + 1) };
    while (first < ranges.length && (ranges[first]?.end ?? 0n) <= cell.start) first += 1;
    let covered = 0n;
    for (let at = first; at < ranges.length; at++) {
      const range = ranges[at];
      if (range === undefined || range.start >= cell.end) break;
      covered += overlap(range, cell);
    }
    return share(covered, cell.end - cell.start);
  });
}

/** Too many ranges to be sent: the blocks of the map say it as well as a strip can show it. */
function doneOfBlocks(fractions: readonly number[], cells: number): readonly number[] {
  return Array.from({ length: cells }, (_, i) => {
    const from = Math.floor((i * fractions.length) / cells);
    const to = Math.max(from + 1, Math.floor(((i + 1) * fractions.length) / cells));
    const of = fractions.slice(from, to);
    return of.length === 0 ? 0 : of.reduce((sum, value) => sum + value, 0) / of.length;
  });
}

function leasesByCell(
  { leased }: JobCoverage,
  cells: number,
  edge: (i: number) => bigint,
  { ownNodeId, lateStarts }: LeaseMarks,
): readonly StripCell['lease'][] {
  const marks = new Array<StripCell['lease']>(cells).fill('none');
  for (const lease of leased) {
    const { start, end } = span(lease);
    const mark = lease.node_id === ownNodeId ? 'own' : lateStarts.has(lease.start) ? 'late' : 'others';
    for (let i = cellOf(start, cells, edge); i < cells && edge(i) < end; i++) {
      if (RANK[mark] > RANK[marks[i] ?? 'none']) marks[i] = mark;
    }
  }
  return marks;
}

const RANK: Readonly<Record<StripCell['lease'], number>> = { none: 0, others: 1, late: 2, own: 3 };

function cellOf(n: bigint, cells: number, edge: (i: number) => bigint): number {
  let low = 0;
  let high = cells - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (edge(middle) <= n) low = middle;
    else high = middle - 1;
  }
  return low;
}

function span({ start, end }: { readonly start: string; readonly end: string }): Span {
  return { start: BigInt(start), end: BigInt(end) };
}

function overlap(a: Span, b: Span): bigint {
  const start = a.start > b.start ? a.start : b.start;
  const end = a.end < b.end ? a.end : b.end;
  return end > start ? end - start : 0n;
}

/** Exactly 0 and 1 only for none and all. */
function share(part: bigint, whole: bigint): number {
  if (part <= 0n || whole <= 0n) return 0;
  if (part >= whole) return 1;
  return Math.min(0.999, Math.max(0.001, Number((part * 1000n) / whole) / 1000));
}

/** Gaps before the last covered number: what a bar would not show. */
export function holesOf({ total, done }: Pick<JobCoverage, 'total' | 'done'>): number {
  return done.filter(({ start }) => start !== total.start).length;
}
