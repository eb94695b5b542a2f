/** The ground truth of tests/data/collatz-records.json. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { decimalBigInt } from '../protocol/decimal.ts';

const schema = z.object({
  delay_records: z.array(z.object({ n: decimalBigInt, delay: z.int() })),
  peak_records: z.array(z.object({ n: decimalBigInt, peak: decimalBigInt })),
});

export interface OeisRecords {
  /** A006877, A006878. */
  readonly delays: readonly { readonly n: bigint; readonly delay: number }[];
  /** A006884, A006885, up to 10^9. */
  readonly peaks: readonly { readonly n: bigint; readonly peak: bigint }[];
}

export function recordsOfOeis(): OeisRecords {
  const text = readFileSync(join(import.meta.dirname, 'data', 'collatz-records.json'), 'utf8');
  const { delay_records, peak_records } = schema.parse(JSON.parse(text));
  return { delays: delay_records, peaks: peak_records };
}
