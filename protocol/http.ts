/**
 * The public HTTP face: one schema per body, from which types, validation and /openapi.json come. It keeps
 * its names and shapes; everything behind it is free to change. Unknown fields are refused on the way in.
 */
import { z } from 'zod';
import { decimalString } from './decimal.ts';
import { ERROR_CODES } from './errors.ts';
import { deviceInfo, nodeId, tag, workerKind } from './messages.ts';

/** Larger bodies are refused with 413. A submit body is below 2 KB. */
export const MAX_BODY_BYTES = 64 * 1024;
/** Most blocks of a job that a coverage map shows. */
export const MAX_COVERAGE_BLOCKS = 4096;
/** Most ranges of one kind in a coverage answer; `truncated` says that there are more. */
export const MAX_COVERAGE_RANGES = 10_000;
/** Of all users together; what one user may have waiting is the operator's to say. */
export const MAX_WAITING_JOBS = 100_000;
export const MAX_EXPECTED_SECONDS = 1e8;
export const DEFAULT_MAX_ATTEMPTS = 20;
export const MAX_ATTEMPTS = 1000;

export const jobId = z.string().regex(/^[a-z0-9-]{1,64}$/, 'expected a job id as POST /api/submit gives it');
export const JOB_STATES = ['pending', 'running', 'paused', 'completed', 'failed', 'cancelled'] as const;
export const jobState = z.enum(JOB_STATES);
export type JobState = z.infer<typeof jobState>;
export const PRIORITIES = ['low', 'normal', 'high'] as const;
export const priority = z.enum(PRIORITIES);
export type Priority = z.infer<typeof priority>;

export const placement = z.strictObject({
  node_id: nodeId.optional().describe('only this worker'),
  require_gpu: z.boolean().optional().describe('only GPU workers'),
  min_gpu_memory_mb: z
    .number()
    .int()
    .min(0)
    .max(1e9)
    .optional()
    .describe('unknown memory satisfies no minimum'),
  tags: z.array(tag).max(16).optional().describe('only workers that have all of these tags'),
});
export type Placement = z.infer<typeof placement>;

export const submitBody = z.strictObject({
  type: z.string().max(64).describe('the workload'),
  name: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'expected text without control characters')
    .optional(),
  priority: priority.default('normal'),
  gpu_preferred: z
    .boolean()
    .default(false)
    .describe('CPU workers take it only while no GPU worker that fits is connected'),
  placement: placement.default({}),
  expected_seconds: z
    .number()
    .positive()
    .max(MAX_EXPECTED_SECONDS)
    .optional()
    .describe(
      'how long it should run; it fails as timed_out after JOB_TIMEOUT_MULTIPLIER times that, pauses left out. No limit, if left out',
    ),
  max_attempts: z
    .number()
    .int()
    .min(1)
    .max(MAX_ATTEMPTS)
    .optional()
    .describe(`how often one batch may fail before the job does; ${DEFAULT_MAX_ATTEMPTS}, if left out`),
  parameters: z.record(z.string(), z.unknown()).describe('the workload’s own parameters'),
});
export type SubmitBody = z.infer<typeof submitBody>;

export const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, 'expected 1-200 visible ASCII characters');

export const submitReply = z.object({
  job_id: jobId,
  status: jobState,
  queue_position: z.number().int().nullable(),
});
export type SubmitReply = z.infer<typeof submitReply>;

const time = z.iso.datetime();

export const jobError = z.object({ code: z.string(), message: z.string() });

export const progress = z.object({
  total: decimalString.describe('numbers or roots'),
  done: decimalString.describe('durably accepted'),
  fraction: z.number().min(0).max(1),
  rate_per_second: z.number().nullable(),
  eta_seconds: z.number().nullable(),
});

export const jobStatus = z.object({
  job_id: jobId,
  type: z.string(),
  name: z.string().nullable(),
  status: jobState,
  user_id: z.string().nullable().describe('whose key submitted it; null: nobody’s, submitted without a key'),
  priority,
  gpu_preferred: z.boolean(),
  placement,
  expected_seconds: z.number().nullable(),
  max_attempts: z.number().int(),
  parameters: z.record(z.string(), z.union([z.string(), z.number()])),
  unit: z.string(),
  progress,
  queue_position: z
    .number()
    .int()
    .min(0)
    .nullable()
    .describe('from 0, among the jobs of the same user; null when not waiting'),
  waiting_for: z.string().nullable().describe('what a pending or running job lacks, in words'),
  created_at: time,
  started_at: time.nullable(),
  updated_at: time,
  finished_at: time.nullable(),
  error: jobError.nullable(),
});
export type JobStatus = z.infer<typeof jobStatus>;

export const rangeJson = z.object({ start: decimalString, end: decimalString });
export type RangeJson = z.infer<typeof rangeJson>;

export const jobResults = z.object({
  job_id: jobId,
  status: jobState,
  partial: z.boolean(),
  covered: z.array(rangeJson),
  covered_truncated: z.boolean().describe('more than 10,000 separate ranges are covered'),
  result: z.record(z.string(), z.unknown()).nullable(),
});
export type JobResults = z.infer<typeof jobResults>;

export const jobCoverage = z.object({
  job_id: jobId,
  status: jobState,
  total: rangeJson,
  done: z.array(rangeJson),
  leased: z.array(rangeJson.extend({ node_id: nodeId, since: time })),
  waiting: z.array(rangeJson),
  truncated: z.boolean(),
  blocks: z.object({
    count: z.number().int(),
    /** Block i is [start + ⌊i·length/count⌋, start + ⌊(i+1)·length/count⌋). */
    figure: z.string().describe('what `mean` is, e.g. mean delay'),
    mean: z.array(z.number().nullable()),
    done_fraction: z.array(z.number()),
  }),
});
export type JobCoverage = z.infer<typeof jobCoverage>;

export const jobListQuery = z.strictObject({
  status: jobState.optional(),
  type: z.string().max(64).optional(),
  user_id: z.string().max(64).optional(),
  limit: z
    .string()
    .regex(/^([1-9][0-9]?|[1-4][0-9]{2}|500)$/, 'expected a whole number from 1 to 500')
    .transform(Number)
    .default(50),
  cursor: z
    .string()
    .max(200)
    .regex(/^[A-Za-z0-9_-]+$/, 'expected the next_cursor of the page before')
    .optional(),
});
export type JobListQuery = z.infer<typeof jobListQuery>;

export const jobList = z.object({ jobs: z.array(jobStatus), next_cursor: z.string().nullable() });
export type JobList = z.infer<typeof jobList>;

export const WORKER_STATES = ['computing', 'idle', 'paused', 'silent', 'offline'] as const;
export const workerState = z.enum(WORKER_STATES);
export type WorkerState = z.infer<typeof workerState>;

/** Parts of the last hour in `activity`, and the length of each. */
export const ACTIVITY_SLOTS = 120;
export const ACTIVITY_SLOT_SECONDS = 30;

export const nodeStatus = z.object({
  node_id: nodeId,
  kind: workerKind.describe('a browser that computes by CPU is cpu'),
  host: z.enum(['browser', 'node']),
  own: z
    .boolean()
    .describe(
      'the operator’s own worker; tags and priority of another one count for nothing, and are not shown',
    ),
  state: workerState,
  device: deviceInfo,
  tags: z.array(tag),
  priority: z.number().int(),
  software: z.string(),
  rate_per_second: z.number().nullable(),
  busy_fraction: z.number().nullable(),
  batches_done: z.number().int(),
  units_done: decimalString,
  errors: z.number().int(),
  leases: z.array(
    rangeJson.extend({
      lease_id: z.string(),
      job_id: jobId,
      since: time,
      expected_at: time
        .nullable()
        .describe('when the batch should be done by the worker’s rate; null if that is unknown'),
    }),
  ),
  activity: z
    .string()
    .regex(new RegExp(`^[-0-9]{${ACTIVITY_SLOTS}}$`))
    .describe(
      'the last hour in half minutes, the oldest first, the last is now: - not connected, 0 idle … 9 busy all the time',
    ),
  health_url: z.string().nullable(),
  connected_at: time,
  last_heartbeat: time,
});
export type NodeStatus = z.infer<typeof nodeStatus>;
export const nodeList = z.object({ nodes: z.array(nodeStatus) });

const variant = z
  .string()
  .nullable()
  .describe('units of another variant are another amount of work (collatz: mode); null: not told apart');

export const clusterStatus = z.object({
  now: time.describe('by the coordinator’s clock, which all times are by'),
  version: z.string(),
  protocol: z.number().int(),
  uptime_seconds: z.number(),
  draining: z.boolean(),
  store: z.enum(['ok', 'unavailable']),
  workers: z.object({
    expected: z.number().int().nullable().describe('CLUSTER_SIZE, CLUSTER_SIZE_FILE'),
    connected: z.number().int(),
    by_kind: z.record(z.string(), z.number().int()),
    by_state: z.record(z.string(), z.number().int()),
  }),
  jobs: z.record(jobState, z.number().int()),
  throughput: z.array(
    z
      .object({
        type: z.string(),
        kind: workerKind,
        units_per_second: z.number().describe('of all variants'),
        variants: z.array(z.object({ variant, units_per_second: z.number() })),
      })
      .describe('over the last minute'),
  ),
  waiting: z
    .array(z.object({ job_id: jobId, waiting_for: z.string() }))
    .describe('at most 100 jobs that could run but for something that is missing'),
});
export type ClusterStatus = z.infer<typeof clusterStatus>;

const WINDOW_SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 };
const MAX_WINDOW_SECONDS = 366 * 86_400;

/** A length of time as people write it, `24h`, in seconds. */
export function windowSeconds(window: string): number {
  return Number(window.slice(0, -1)) * (WINDOW_SECONDS[window.slice(-1)] ?? Number.NaN);
}

export const throughputQuery = z.strictObject({
  window: z
    .string()
    .regex(/^[1-9][0-9]{0,5}[mhd]$/, 'expected minutes, hours or days: 30m, 24h, 7d')
    .refine((window) => !(windowSeconds(window) > MAX_WINDOW_SECONDS), 'expected at most 366d')
    .default('24h'),
});
export const throughput = z.object({
  window_seconds: z.number().int(),
  bucket_seconds: z.number().int(),
  from: time,
  to: time.describe('when it was asked for: the last bucket ends there'),
  series: z.array(
    z.object({
      type: z.string(),
      kind: workerKind,
      units_per_second: z.array(z.number()).describe('of all variants'),
      variants: z.array(z.object({ variant, units_per_second: z.array(z.number()) })),
    }),
  ),
  events: z.array(
    z.object({
      at: time,
      event: z
        .enum(['joined', 'left', 'restarted', 'differed'])
        .describe('differed: two answers to one range did, and `node_id` was wrong (null: both were)'),
      node_id: nodeId.nullable(),
    }),
  ),
});
export type Throughput = z.infer<typeof throughput>;

export const errorBody = z.object({
  error: z.object({
    code: z.enum(ERROR_CODES),
    message: z.string(),
    details: z.object({ fields: z.array(z.object({ path: z.string(), message: z.string() })) }).nullable(),
  }),
});
export type ErrorBody = z.infer<typeof errorBody>;

export const health = z.object({ status: z.literal('ok') });
export const readiness = z.object({ status: z.enum(['ready', 'not_ready']), reason: z.string().nullable() });
