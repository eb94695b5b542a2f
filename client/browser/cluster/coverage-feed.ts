/** Coverage of the jobs on the screen: one request a second at most, the one that is oldest. */
import { signal } from '@preact/signals';
import type { JobCoverage, JobStatus } from '../../../protocol/http.ts';
import { api } from '../api/api.ts';

const TURN_MS = 1000;
/** A job's range hardly changes by a cell in less. */
const FRESH_MS = 2000;

interface Wanted {
  readonly job: JobStatus;
  askedAt: number;
  /** `updated_at` and state of the job when it was asked for. */
  askedFor: string;
}

export const coverages = signal<ReadonlyMap<string, JobCoverage>>(new Map());
const wanted = new Map<string, Wanted>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** Call with the newest state of a job whose strip can be seen, and with undefined when it can't be any more. */
export function wantCoverage(jobId: string, job: JobStatus | undefined): void {
  if (job === undefined) wanted.delete(jobId);
  else wanted.set(jobId, { askedAt: 0, askedFor: '', ...wanted.get(jobId), job });
  if (wanted.size > 0 && timer === undefined) timer = setTimeout(() => void turn(), 0);
}

async function turn(): Promise<void> {
  const now = performance.now();
  const due = [...wanted.values()]
    .filter(
      ({ job, askedAt, askedFor }) =>
        askedAt === 0 || (now - askedAt > FRESH_MS && (job.status === 'running' || askedFor !== stamp(job))),
    )
    .sort((a, b) => a.askedAt - b.askedAt)[0];
  if (due !== undefined && !document.hidden) {
    due.askedFor = stamp(due.job);
    due.askedAt = now;
    try {
      const coverage = await api.coverage(due.job.job_id);
      coverages.value = new Map([...coverages.peek(), [coverage.job_id, coverage]]);
    } catch {
      // The last one stays; the next turn asks again.
    }
  }
  timer = wanted.size > 0 ? setTimeout(() => void turn(), TURN_MS) : undefined;
}

function stamp({ status, updated_at }: JobStatus): string {
  return `${status} ${updated_at}`;
}
