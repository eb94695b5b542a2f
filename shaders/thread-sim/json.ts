/**
 * Aggregates as JSON. Canonical: one text per aggregate. Reading takes nothing but the canonical form, so two
 * results are the same exactly if their texts are.
 */
import { z } from 'zod';
import { decimalBigInt } from '../../protocol/decimal.ts';
import { ClusterError } from '../../protocol/errors.ts';
import type { Range } from '../../protocol/range.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Aggregate, Largest } from './aggregate.ts';
import { MAX_DEPTH, MAX_ROOTS, MAX_TREE_THREADS, MAX_WORK } from './limits.ts';
import { PROCESSORS } from './makespan.ts';

const SIZES = 1 + Math.log2(MAX_TREE_THREADS);
const MAX_SUM = 2n ** 80n;

/** Numbers come in one spelling only, and JSON has two zeros. */
const whole = (min: number, max: number) =>
  z
    .int()
    .min(min)
    .max(max)
    .refine((value) => !Object.is(value, -0), 'expected 0');
const root = whole(0, MAX_ROOTS - 1);
const positive = (max: number) => whole(1, max).transform((value) => BigInt(value));
const count = whole(0, MAX_ROOTS).transform((value) => BigInt(value));
const total = decimalBigInt.refine((value) => value <= MAX_SUM, 'larger than any job gives');
// The length first, by itself: zod reads every entry of an array before it looks at how many there are.
const totals = (min: number, max: number) => z.array(z.unknown()).min(min).max(max).pipe(z.array(total));
const trimmed = (max: number) => totals(0, max).refine((entries) => entries.at(-1) !== 0n, 'ends in zeros');
const bounds = totals(PROCESSORS.length, PROCESSORS.length);

const schema = z.strictObject({
  roots: count,
  oversize: count,
  threads: total,
  work: total,
  span: total,
  threads_by_depth: trimmed(MAX_DEPTH + 1),
  size_histogram: trimmed(SIZES),
  max_threads: z.strictObject({ root, threads: positive(MAX_TREE_THREADS) }).nullable(),
  max_work: z.strictObject({ root, work: positive(MAX_TREE_THREADS * MAX_WORK) }).nullable(),
  max_span: z.strictObject({ root, span: positive((MAX_DEPTH + 1) * MAX_WORK) }).nullable(),
  /** One entry per machine size 1, 2, 4 … 1024. */
  makespan_alone: z.strictObject({ lower: bounds, upper: bounds }),
});

export function encodeAggregate(a: Aggregate): unknown {
  const texts = (values: readonly bigint[]) => values.map(String);
  const largest = (name: string, found: Largest | null) =>
    found === null ? null : { root: found.root, [name]: Number(found.value) };
  return {
    roots: Number(a.roots),
    oversize: Number(a.oversize),
    threads: String(a.threads),
    work: String(a.work),
    span: String(a.span),
    threads_by_depth: texts(a.threadsByDepth),
    size_histogram: texts(a.sizeHistogram),
    max_threads: largest('threads', a.maxThreads),
    max_work: largest('work', a.maxWork),
    max_span: largest('span', a.maxSpan),
    makespan_alone: {
      lower: texts(a.makespanAlone.map(({ lower }) => lower)),
      upper: texts(a.makespanAlone.map(({ upper }) => upper)),
    },
  };
}

/** Reads any aggregate. @throws ClusterError `result_contradicts` that names the first wrong field */
export function decodeAggregate(json: unknown): Aggregate {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path =
      issue === undefined || issue.path.length === 0 ? 'aggregate' : issue.path.map(String).join('.');
    throw refused(`${path}: ${(issue?.message ?? 'wrong shape').slice(0, 200)}`);
  }
  const { data } = parsed;
  const { upper } = data.makespan_alone;
  return {
    roots: data.roots,
    oversize: data.oversize,
    threads: data.threads,
    work: data.work,
    span: data.span,
    threadsByDepth: data.threads_by_depth,
    sizeHistogram: data.size_histogram,
    maxThreads: data.max_threads && { root: data.max_threads.root, value: data.max_threads.threads },
    maxWork: data.max_work && { root: data.max_work.root, value: data.max_work.work },
    maxSpan: data.max_span && { root: data.max_span.root, value: data.max_span.span },
    makespanAlone: data.makespan_alone.lower.map((lower, index) => ({ lower, upper: upper[index] ?? 0n })),
  };
}

/** Reads what a stranger sent for `range`. @throws ClusterError `result_contradicts` */
export function decodeResult(range: Range, json: unknown): Aggregate {
  const aggregate = decodeAggregate(json);
  if (aggregate.roots !== rangeLength(range)) {
    throw refused(`roots: ${aggregate.roots}, but the range has ${rangeLength(range)}`);
  }
  return aggregate;
}

function refused(message: string): ClusterError {
  return new ClusterError('result_contradicts', message);
}
