/** Comparison of a Collatz result with the records that are known to mathematics (OEIS). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const decimal = z.string().regex(/^\d+$/);
const delayRecord = z.object({ n: decimal, delay: z.number().int() });
const peakRecord = z.object({ n: decimal, peak: decimal });
const records = z.object({ delay_records: z.array(delayRecord), peak_records: z.array(peakRecord) });

export type DelayRecord = z.infer<typeof delayRecord>;
export type PeakRecord = z.infer<typeof peakRecord>;

const FILE = join(import.meta.dirname, '..', 'tests', 'data', 'collatz-records.json');

export interface Comparison {
  readonly delays: readonly DelayRecord[];
  readonly peaks: readonly PeakRecord[];
  /** Empty if every entry is equal. */
  readonly differences: readonly string[];
}

/**
 * Compares the records of a statistics result over [1, end) with OEIS, entry by entry.
 * @throws ZodError if the result has no such lists
 */
export function compareWithOeis(result: unknown, end: bigint): Comparison {
  const found = records.parse(result);
  const known = records.parse(JSON.parse(readFileSync(FILE, 'utf8')));
  const upTo = <R extends { n: string }>(list: readonly R[]) => list.filter(({ n }) => BigInt(n) < end);
  return {
    delays: found.delay_records,
    peaks: found.peak_records,
    differences: [
      ...differences(
        'delay record',
        found.delay_records,
        upTo(known.delay_records),
        ({ n, delay }) => `${n}: ${delay}`,
      ),
      ...differences(
        'path record',
        found.peak_records,
        upTo(known.peak_records),
        ({ n, peak }) => `${n}: ${peak}`,
      ),
    ],
  };
}

function differences<R>(
  what: string,
  found: readonly R[],
  known: readonly R[],
  text: (entry: R) => string,
): string[] {
  const a = new Set(found.map(text));
  const b = new Set(known.map(text));
  return [
    ...[...b].filter((entry) => !a.has(entry)).map((entry) => `${what} ${entry} is missing`),
    ...[...a].filter((entry) => !b.has(entry)).map((entry) => `${what} ${entry} is not one`),
    // As sets they are equal; a repeated or misplaced entry is an error all the same.
    ...(a.size === b.size && found.map(text).join() !== known.map(text).join()
      ? [`${what}s are out of order`]
      : []),
  ];
}
