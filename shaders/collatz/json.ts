/**
 * Aggregates as JSON. Canonical: one text per aggregate, and reading takes nothing but that form, so two
 * results are the same exactly if their texts are. Bounded, since strangers send them.
 */
import { z } from 'zod';
import { decimalBigInt } from '../../protocol/decimal.ts';
import { ClusterError } from '../../protocol/errors.ts';
import type { Range } from '../../protocol/range.ts';
import { rangeLength } from '../../protocol/range.ts';
import { Histogram } from './histogram.ts';
import type { Mode } from './parameters.ts';
import type { Records } from './records.ts';
import { recordsProblem } from './records.ts';
import type { Statistics } from './statistics.ts';
import type { Verification } from './verification.ts';

/** The largest delay known below 2^62 is 2337; a walk of 8192 steps would be a discovery. */
const MAX_DELAYS = 8192;
/** The records of a range grow with the logarithm of its length: OEIS lists 131 delay records to 4.7e18. */
const MAX_RECORDS = 1024;
const MAX_FAILURES = 1024;
const SAFE = 2 ** 53;
/** Of 2^96. */
const MAX_DIGITS = 29;
const ZERO = 48;

const records = z.array(z.strictObject({ n: decimalBigInt, peak: decimalBigInt })).max(MAX_RECORDS);
const delay = z
  .int()
  .min(0)
  .max(MAX_DELAYS - 1)
  .refine((value) => !Object.is(value, -0), 'expected 0');

const statisticsSchema = z.strictObject({
  count: decimalBigInt,
  delay_sum: decimalBigInt,
  /** Entry d: how many numbers have delay d, as decimal strings. */
  histogram: z.unknown(),
  delay_records: z.array(z.strictObject({ n: decimalBigInt, delay })).max(MAX_RECORDS),
  peak_records: records,
});

const verificationSchema = z.strictObject({
  count: decimalBigInt,
  candidates: decimalBigInt,
  failures: z.array(decimalBigInt).max(MAX_FAILURES),
  peak_records: records,
});

export function encodeAggregate(a: Statistics | Verification): unknown {
  const peaks = a.peakRecords.map(({ n, value }) => ({ n: n.toString(), peak: value.toString() }));
  switch (a.mode) {
    case 'statistics':
      return {
        count: a.count.toString(),
        delay_sum: a.delaySum.toString(),
        histogram: a.histogram.encode(),
        delay_records: a.delayRecords.map(({ n, value }) => ({ n: n.toString(), delay: value })),
        peak_records: peaks,
      };
    case 'verify':
      return {
        count: a.count.toString(),
        candidates: a.candidates.toString(),
        failures: a.failures.map(String),
        peak_records: peaks,
      };
  }
}

/**
 * Reads an aggregate of the given mode.
 * @param range what it claims to be about; undefined for what was folded and stored here
 * @throws ClusterError `result_contradicts` that names the first wrong field
 */
export function decodeAggregate(
  mode: Mode,
  range: Range | undefined,
  json: unknown,
): Statistics | Verification {
  const aggregate = mode === 'statistics' ? readStatistics(json, range) : readVerification(json, range);
  if (range !== undefined && aggregate.count !== rangeLength(range)) {
    throw refused(`count: ${aggregate.count}, but the range has ${rangeLength(range)} numbers`);
  }
  return aggregate;
}

function readStatistics(json: unknown, range: Range | undefined): Statistics {
  const body = parsed(statisticsSchema, json);
  return {
    mode: 'statistics',
    count: body.count,
    delaySum: body.delay_sum,
    histogram: readHistogram(body.histogram),
    delayRecords: ordered(
      'delay_records',
      body.delay_records.map((record) => ({ n: record.n, value: record.delay })),
      range,
    ),
    peakRecords: readPeaks(body.peak_records, range),
  };
}

function readVerification(json: unknown, range: Range | undefined): Verification {
  const body = parsed(verificationSchema, json);
  return {
    mode: 'verify',
    count: body.count,
    candidates: body.candidates,
    failures: body.failures,
    peakRecords: readPeaks(body.peak_records, range),
  };
}

function readPeaks(list: readonly { n: bigint; peak: bigint }[], range: Range | undefined): Records<bigint> {
  return ordered(
    'peak_records',
    list.map((record) => ({ n: record.n, value: record.peak })),
    range,
  );
}

function ordered<V extends number | bigint>(
  name: string,
  list: Records<V>,
  range: Range | undefined,
): Records<V> {
  const problem = recordsProblem(name, list, range);
  if (problem !== undefined) throw refused(problem);
  return list;
}

/** By hand: a batch near 2^40 has 900 entries, and a schema for each would cost most of the whole check. */
function readHistogram(entries: unknown): Histogram {
  if (!Array.isArray(entries)) throw refused('histogram: expected an array');
  if (entries.length > MAX_DELAYS) throw refused(`histogram: more than ${MAX_DELAYS} entries`);
  const counts = new Float64Array(entries.length);
  let exact = true;
  for (let d = 0; d < entries.length; d++) {
    const entry: unknown = entries[d];
    const count = typeof entry === 'string' ? plainNumber(entry) : undefined;
    if (count === undefined) {
      throw refused(`histogram.${d}: expected a plain decimal string of up to ${MAX_DIGITS} digits`);
    }
    counts[d] = count;
    exact &&= count < SAFE;
  }
  if (counts.at(-1) === 0) throw refused('histogram: ends in zeros');
  if (exact) return Histogram.of(counts);
  const histogram = Histogram.parse(entries.map((entry) => BigInt(String(entry))));
  if (histogram === undefined) throw refused('histogram: larger than any job gives');
  return histogram;
}

/** The value of a plain decimal (rounded from 2^53 on); undefined if it is none. A third of the time of a regex. */
function plainNumber(text: string): number | undefined {
  if (text.length === 0 || text.length > MAX_DIGITS) return undefined;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9 || (value === 0 && at > 0)) return undefined;
    value = 10 * value + digit;
  }
  return value;
}

function parsed<T>(schema: z.ZodType<T>, json: unknown): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path =
    issue === undefined || issue.path.length === 0 ? 'aggregate' : issue.path.map(String).join('.');
  throw refused(`${path}: ${(issue?.message ?? 'wrong shape').slice(0, 200)}`);
}

function refused(message: string): ClusterError {
  return new ClusterError('result_contradicts', message);
}
