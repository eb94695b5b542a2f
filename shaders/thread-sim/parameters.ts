/** The parameters of a `thread` job: as a stranger writes them, as the code uses them, as kernels read them. */
import { z } from 'zod';
import { decimalInput } from '../../protocol/decimal.ts';
import { MAX_DEPTH, MAX_ROOTS, MAX_TREE_THREADS, MAX_WORK } from './limits.ts';

/** Validated, defaults filled in. Names as in workloads.md. */
export interface ThreadParameters {
  readonly threadCount: number;
  readonly maxDepth: number;
  readonly maxChildren: number;
  readonly spawnThreshold: number;
  readonly workMin: number;
  readonly workMax: number;
  readonly maxThreads: number;
  readonly seed: bigint;
  readonly batchSize: number | undefined;
}

const whole = (min: number, max: number) => {
  const error = `expected a whole number from ${min} to ${max}, as a JSON number`;
  // JSON can spell −0; the canonical form must not.
  return z
    .int({ error })
    .min(min, { error })
    .max(max, { error })
    .transform((value) => (value === 0 ? 0 : value))
    .describe(`whole number, ${min} … ${max}`);
};

/** Accepts the body's `parameters` of a submit; every problem names its field. */
export const threadParameters: z.ZodType<ThreadParameters> = z
  .strictObject({
    thread_count: whole(1, MAX_ROOTS).default(1000),
    max_depth: whole(0, MAX_DEPTH).default(10),
    max_children: whole(0, 4).default(2),
    spawn_threshold: whole(0, 256).default(160),
    work_min: whole(1, MAX_WORK).default(10),
    work_max: whole(1, MAX_WORK).default(1000),
    max_threads: whole(1, MAX_TREE_THREADS).default(65536),
    seed: decimalInput(0n, 2n ** 64n - 1n).default(0n),
    batch_size: whole(1, 2 ** 24).optional(),
  })
  .transform((body, context): ThreadParameters => {
    if (body.work_min > body.work_max) {
      context.issues.push(
        {
          code: 'custom',
          path: ['work_min'],
          message: `must not be more than work_max, which is ${body.work_max}`,
          input: body.work_min,
        },
        {
          code: 'custom',
          path: ['work_max'],
          message: `must not be less than work_min, which is ${body.work_min}`,
          input: body.work_max,
        },
      );
      return z.NEVER;
    }
    return {
      threadCount: body.thread_count,
      maxDepth: body.max_depth,
      maxChildren: body.max_children,
      spawnThreshold: body.spawn_threshold,
      workMin: body.work_min,
      workMax: body.work_max,
      maxThreads: body.max_threads,
      seed: body.seed,
      batchSize: body.batch_size,
    };
  });

/** Canonical JSON form: every field spelled out; `threadParameters` reads it back to an equal value. */
export function encodeParameters(p: ThreadParameters): Record<string, string | number> {
  return {
    thread_count: p.threadCount,
    max_depth: p.maxDepth,
    max_children: p.maxChildren,
    spawn_threshold: p.spawnThreshold,
    work_min: p.workMin,
    work_max: p.workMax,
    max_threads: p.maxThreads,
    seed: p.seed.toString(),
    ...(p.batchSize === undefined ? {} : { batch_size: p.batchSize }),
  };
}

/**
 * About how many threads an engine visits per root: the mean size of a tree without the limit, cut at
 * `max_threads`. The mean of the sizes cut one by one is at most this.
 */
export function expectedThreads(p: ThreadParameters): number {
  const childrenPerThread = (p.maxChildren * p.spawnThreshold) / 256;
  let level = 1;
  let sum = 1;
  for (let depth = 1; depth <= p.maxDepth; depth++) sum += level *= childrenPerThread;
  return Math.min(sum, p.maxThreads);
}
