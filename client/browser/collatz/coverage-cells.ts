/** The blocks of a job's coverage as cells of a map. */
import type { JobCoverage } from '../../../protocol/http.ts';
import type { Cell } from './hilbert.ts';
import { cellAt, sideFor } from './hilbert.ts';
import { percent, shortNumber } from './number-text.ts';
import type { ColourScale } from './scales.ts';
import { colourScale } from './scales.ts';

export const MAP_COLOURS = 9;

export type Holder = 'nobody' | 'somebody' | 'you';

export interface RangeMap {
  readonly side: number;
  readonly places: readonly Cell[];
  /** 0 … 1 of each block. */
  readonly done: readonly number[];
  /** The figure over what is done of each block. */
  readonly means: readonly (number | null)[];
  /** Who computes some of it now. */
  readonly holders: readonly Holder[];
  readonly scale: ColourScale;
  /** Numbers in a block, the largest one. */
  readonly blockLength: bigint;
  readonly start: bigint;
  readonly length: bigint;
}

/** @param own this tab's worker */
export function rangeMap(coverage: JobCoverage, own: string | undefined): RangeMap {
  const start = BigInt(coverage.total.start);
  const length = BigInt(coverage.total.end) - start;
  const { count, mean, done_fraction } = coverage.blocks;
  const side = sideFor(count);
  const holders = new Array<Holder>(count).fill('nobody');
  const blockOf = (value: bigint) => Number(((value - start + 1n) * BigInt(count) - 1n) / length);
  for (const lease of coverage.leased) {
    const holder = own !== undefined && lease.node_id === own ? 'you' : 'somebody';
    const last = blockOf(BigInt(lease.end) - 1n);
    for (let i = blockOf(BigInt(lease.start)); i <= last; i++) {
      if (holders[i] !== 'you') holders[i] = holder;
    }
  }
  return {
    side,
    places: Array.from({ length: count }, (_, i) => cellAt(i, side)),
    done: done_fraction,
    means: mean,
    holders,
    scale: colourScale(
      mean.filter((value) => value !== null),
      MAP_COLOURS,
    ),
    blockLength: (length + BigInt(count) - 1n) / BigInt(count),
    start,
    length,
  };
}

/** Block i is [start, end). */
export function blockRange(map: RangeMap, index: number): { readonly start: bigint; readonly end: bigint } {
  const edge = (i: number) => map.start + (BigInt(i) * map.length) / BigInt(map.done.length);
  return { start: edge(index), end: edge(index + 1) };
}

/** `1 to 256: done, 31.2 steps on average`. */
export function blockWords(map: RangeMap, index: number, mode: 'statistics' | 'verify'): string {
  const { start, end } = blockRange(map, index);
  const last = end - 1n;
  const range = last === start ? shortNumber(start) : `${shortNumber(start)} to ${shortNumber(last)}`;
  const done = map.done[index] ?? 0;
  const mean = map.means[index] ?? null;
  const parts = [
    done >= 1 ? 'done' : done > 0 ? `${percent(done)} done` : undefined,
    map.holders[index] === 'you' ? 'yours now' : undefined,
    map.holders[index] === 'somebody' ? 'being computed' : undefined,
    mean === null ? undefined : figureWords(mean, mode),
  ].filter((part) => part !== undefined);
  return `${range}: ${parts.length === 0 ? 'waiting' : parts.join(', ')}`;
}

export function figureWords(mean: number, mode: 'statistics' | 'verify'): string {
  return mode === 'statistics'
    ? `${mean.toFixed(1)} steps on average`
    : `${(mean * 100).toFixed(2)}\u202f% needed a walk`;
}
