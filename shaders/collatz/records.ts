/**
 * Running records over a set of numbers: every n of the set whose value exceeds that of all smaller n of the
 * set. The list of a union follows from the lists of its parts alone: a number that was beaten in its part is
 * beaten in the union. So lists fold in any order, also those of interleaved sets. The last entry is the
 * maximum with the smallest n that has it; the first is the smallest n of the set.
 */
import type { Range } from '../../protocol/range.ts';

export interface RunningRecord<V extends number | bigint> {
  readonly n: bigint;
  readonly value: V;
}
export type Records<V extends number | bigint> = readonly RunningRecord<V>[];

/** Records of the union of two disjoint sets. */
export function mergeRecords<V extends number | bigint>(a: Records<V>, b: Records<V>): Records<V> {
  const merged: RunningRecord<V>[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    const left = a[i];
    const right = b[j];
    if (left === undefined && right === undefined) return merged;
    const takeLeft = right === undefined || (left !== undefined && left.n < right.n);
    const next = takeLeft ? left : right;
    if (takeLeft) i++;
    else j++;
    const best = merged.at(-1);
    if (next !== undefined && (best === undefined || next.value > best.value)) merged.push(next);
  }
}

export function maximum<V extends number | bigint>(records: Records<V>): RunningRecord<V> | undefined {
  return records.at(-1);
}

/** What is wrong with a list's shape, if anything: it must rise in n and in value, inside the range. */
export function recordsProblem<V extends number | bigint>(
  name: string,
  records: Records<V>,
  range: Range | undefined,
): string | undefined {
  let before: RunningRecord<V> | undefined;
  for (const record of records) {
    if (range !== undefined && (record.n < range.start || record.n >= range.end)) {
      return `${name}: ${record.n} lies outside the range`;
    }
    if (before !== undefined && (record.n <= before.n || record.value <= before.value)) {
      return `${name}: ${record.n} is no new record after ${before.n}`;
    }
    before = record;
  }
  return undefined;
}
