/**
 * How both GPU kernels describe a tile: it is cut into chunks, one per workgroup, and each chunk tells its
 * maxima and the lowest offset that has them. Which chunks a piece has depends on its length alone.
 *
 * Record lists can't be made by lanes that run in any order. But only a chunk whose maximum beats everything
 * before it holds a record, and none of its numbers after that maximum is one: so the CPU computes just the
 * numbers up to it. A batch of 25,000 chunks has about 2·ln 25,000 = 20 such chunks.
 */
import type { Range } from '../../protocol/range.ts';
import type { GpuKernel } from '../../protocol/workload.ts';
import { must } from './kernel-reader.ts';

/** Numbers that a GPU kernel can hand back one by one; more hand back the whole tile. */
const LIST_CAPACITY = 16;
/** Word 0: how many were handed back; words 1 …: their offsets, in any order. */
export const COUNT_WORD = 17;
export const HEADER_WORDS = 32;
export const CHUNK_WORDS = 8;
export const MAX_CHUNKS = 1024;

/** Numbers per chunk of a piece of this length; as in both kernels. */
export function chunkLength(kernel: GpuKernel, length: number): number {
  return Math.max(kernel.itemsPerWorkgroup, Math.ceil(length / kernel.maxWorkgroups));
}

/** Offsets handed back, ascending; undefined if they were too many. */
export function readHandedBack(words: Uint32Array, length: number): readonly number[] | undefined {
  const count = words[0] ?? 0;
  must(count <= length, `${count} of ${length} numbers handed back`);
  if (count > LIST_CAPACITY) return undefined;
  const offsets = [...words.subarray(1, 1 + count)].sort((a, b) => a - b);
  must(
    offsets.every((offset, index) => offset < length && offset !== offsets[index - 1]),
    'the offsets handed back are no set of offsets',
  );
  return offsets;
}

/** Ranges to compute exactly: `prefixes` (ascending, disjoint), in which each single number stands alone. */
export function splitAt(prefixes: readonly Range[], singles: readonly bigint[]): readonly Range[] {
  const claims: Range[] = [];
  let next = 0;
  const takeSinglesBelow = (bound: bigint | undefined): bigint | undefined => {
    const single = singles[next];
    if (single === undefined || (bound !== undefined && single >= bound)) return undefined;
    next++;
    return single;
  };
  const alone = (n: bigint): void => {
    claims.push({ start: n, end: n + 1n });
  };
  for (const { start, end } of prefixes) {
    for (let n = takeSinglesBelow(start); n !== undefined; n = takeSinglesBelow(start)) alone(n);
    let from = start;
    for (let n = takeSinglesBelow(end); n !== undefined; n = takeSinglesBelow(end)) {
      if (from < n) claims.push({ start: from, end: n });
      alone(n);
      from = n + 1n;
    }
    if (from < end) claims.push({ start: from, end });
  }
  for (let n = takeSinglesBelow(undefined); n !== undefined; n = takeSinglesBelow(undefined)) alone(n);
  return claims;
}
