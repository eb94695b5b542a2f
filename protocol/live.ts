/**
 * GET /api/events: one stream of server-sent events for everything that a page shows. Each event carries the whole
 * state of its topic (batches: what is new), so that a reader that was slow or away has missed nothing it needs.
 */
import { z } from 'zod';
import { clusterStatus, jobCoverage, jobId, jobList, jobResults, jobStatus, nodeList } from './http.ts';
import { decimalString } from './decimal.ts';
import { nodeId, workerKind } from './messages.ts';

export const TOPICS = ['cluster', 'jobs', 'nodes', 'batches'] as const;
export type Topic = (typeof TOPICS)[number];

export function isTopic(text: string): text is Topic {
  return TOPICS.some((topic) => topic === text);
}

/** A result that became durable. */
export const finishedBatch = z.object({
  at: z.iso.datetime(),
  node_id: nodeId,
  kind: workerKind,
  type: z.string(),
  job_id: jobId,
  start: decimalString,
  end: decimalString,
});
export type FinishedBatch = z.infer<typeof finishedBatch>;

/** Most batches of the last minute that a stream begins with: the newest. */
export const MAX_BATCHES = 600;
/** Most batches that an event after the first carries: the newest. */
export const MAX_NEW_BATCHES = 50;
/** Most workers in one `nodes` event: those heard of last. `total` counts all. */
export const MAX_NODES = 200;
/** Most jobs in one `jobs` event: those that are not over, then the newest. */
export const MAX_JOBS = 50;

/** Name of an event to the schema of its data. */
export const LIVE_EVENTS = {
  /** As GET /api/status; at most once a second. */
  cluster: clusterStatus,
  /** At most once a second. */
  jobs: jobList.pick({ jobs: true }),
  /** At most every two seconds. */
  nodes: nodeList.extend({ total: z.number().int() }),
  /** First those of the last minute, then what is new, at most twice a second. */
  batches: z.object({ now: z.iso.datetime(), batches: z.array(finishedBatch) }),
  /** Of the job that `job` names, as GET /api/status/{job_id}, /results, /coverage: at most once a second. */
  progress: jobStatus,
  result: jobResults,
  coverage: jobCoverage,
} as const;
export type LiveEventName = keyof typeof LIVE_EVENTS;
export type LiveEvent<N extends LiveEventName> = z.infer<(typeof LIVE_EVENTS)[N]>;

export const liveQuery = z.strictObject({
  topics: z
    .string()
    .regex(
      new RegExp(`^(${TOPICS.join('|')})(,(${TOPICS.join('|')}))*$`),
      `expected some of ${TOPICS.join(',')}`,
    )
    .default(TOPICS.join(',')),
  job: jobId.optional().describe('also the events progress, result and coverage of this job'),
});
export type LiveQuery = z.infer<typeof liveQuery>;
