/** What a coordinator shows of itself to the others once a second: sums, never lists that grow with the work. */
import { z } from 'zod';
import { clusterStatus } from '../../protocol/http.ts';
import { workerKind } from '../../protocol/messages.ts';
import { parseDecimal } from '../../protocol/decimal.ts';
import type { WorkerFacts } from '../scheduler/placement.ts';
import type { Core } from '../jobs/core.ts';
import type { Job } from '../jobs/job.ts';
import { localWorkers } from '../jobs/cluster-views.ts';

/** Jobs and kinds of workers beyond these are left out: the store has the truth, this only helps to show it. */
const MAX_JOBS = 500;
const MAX_FACTS = 100;

const facts = z.object({
  own: z.boolean(),
  kind: workerKind,
  gpu_memory_mb: z.number().nullable(),
  tags: z.array(z.string()),
  workloads: z.array(z.string()),
  /** Only of the operator's own: jobs can ask for these by name. */
  node_id: z.string(),
});

const jobSummary = z.object({
  id: z.string(),
  rate: z.number(),
  leases: z.number().int(),
  /** Units that are claimed, and that nobody has. */
  open: z.string(),
});

const summarySchema = z.object({
  workers: clusterStatus.shape.workers.omit({ expected: true }),
  throughput: clusterStatus.shape.throughput,
  facts: z.array(facts),
  jobs: z.array(jobSummary),
  /** Jobs of which something was counted since the last summary. */
  changed: z.array(z.string()),
});
export type Summary = z.infer<typeof summarySchema>;

export function summaryText(core: Core, running: Iterable<Job>, changed: Iterable<string>): string {
  const now = core.now();
  const jobs: Summary['jobs'] = [];
  for (const job of running) {
    if (job.segments.length === 0) continue;
    if (jobs.length === MAX_JOBS) break;
    const open = job.segments.reduce((sum, segment) => sum + segment.unleased.total, 0n);
    const rate = job.ratePerSecond(now) ?? 0;
    jobs.push({ id: job.id, rate, leases: job.leases.size, open: open.toString() });
  }
  const summary: Summary = {
    workers: localWorkers(core),
    throughput: core.throughput.current(now),
    facts: distinctFacts(core.nodes.takingWork()),
    jobs,
    changed: [...changed].slice(0, MAX_JOBS),
  };
  return JSON.stringify(summary);
}

/** @returns undefined: it was written by another version, and can't be read */
export function readSummary(text: string): Summary | undefined {
  try {
    return summarySchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function distinctFacts(workers: Iterable<WorkerFacts>): Summary['facts'] {
  const found = new Map<string, Summary['facts'][number]>();
  for (const { nodeId, own, kind, gpuMemoryMb, tags, workloads } of workers) {
    if (found.size === MAX_FACTS) break;
    const plain = { own, kind, gpu_memory_mb: gpuMemoryMb, tags: [...tags], workloads: [...workloads] };
    const one = { ...plain, node_id: own ? nodeId : '' };
    found.set(JSON.stringify(one), one);
  }
  return [...found.values()];
}

export function workerFactsOf({
  node_id,
  own,
  kind,
  gpu_memory_mb,
  tags,
  workloads,
}: Summary['facts'][number]): WorkerFacts {
  return {
    nodeId: node_id,
    own,
    kind,
    gpuMemoryMb: gpu_memory_mb,
    tags: new Set(tags),
    workloads: new Set(workloads),
    priority: 0,
  };
}

export function openUnits(job: Summary['jobs'][number]): bigint {
  return parseDecimal(job.open) ?? 0n;
}
