/** The parameters of a `thread` job: as a stranger writes them, as the code uses them, as kernels read them. */
import { z } from 'zod';
import { decimalInput } from '../../protocol/decimal.ts';
import { MAX_SEED, THREAD_FIELDS } from './limits.ts';

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

const whole = ({ min, max }: { readonly min: number; readonly max: number }) => {
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
    thread_count: whole(THREAD_FIELDS.thread_count).default(THREAD_FIELDS.thread_count.fallback),
    max_depth: whole(THREAD_FIELDS.max_depth).default(THREAD_FIELDS.max_depth.fallback),
    max_children: whole(THREAD_FIELDS.max_children).default(THREAD_FIELDS.max_children.fallback),
    spawn_threshold: whole(THREAD_FIELDS.spawn_threshold).default(THREAD_FIELDS.spawn_threshold.fallback),
    work_min: whole(THREAD_FIELDS.work_min).default(THREAD_FIELDS.work_min.fallback),
    work_max: whole(THREAD_FIELDS.work_max).default(THREAD_FIELDS.work_max.fallback),
    max_threads: whole(THREAD_FIELDS.max_threads).default(THREAD_FIELDS.max_threads.fallback),
    seed: decimalInput(0n, MAX_SEED).default(0n),
    batch_size: whole({ min: 1, max: 2 ** 24 }).optional(),
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
