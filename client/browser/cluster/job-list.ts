/** One list of jobs from the live ones and the pages that were asked for. */
import type { JobStatus } from '../../../protocol/http.ts';
import type { View } from './address.ts';
import { matches } from './address.ts';

/**
 * Live jobs first, in their order (those that are not over, then the newest), then what was fetched; each once, in
 * its newest known state, and only what the filter takes.
 */
export function jobList(
  live: readonly JobStatus[],
  fetched: readonly JobStatus[],
  filter: Pick<View, 'type' | 'state'>,
): readonly JobStatus[] {
  const newest = new Map<string, JobStatus>();
  for (const job of [...live, ...fetched]) {
    const known = newest.get(job.job_id);
    if (known === undefined || Date.parse(job.updated_at) > Date.parse(known.updated_at))
      newest.set(job.job_id, job);
  }
  // Beyond what is loaded there are newer jobs than the oldest live one: what is over stands by its age.
  return [...newest.values()].filter((job) => matches(filter, job)).sort(byUrgency);
}

function byUrgency(a: JobStatus, b: JobStatus): number {
  return rank(a) - rank(b) || Date.parse(b.created_at) - Date.parse(a.created_at);
}

/** What runs, what is held up, what waits, what is over. */
function rank({ status }: JobStatus): number {
  switch (status) {
    case 'running':
      return 0;
    case 'paused':
      return 1;
    case 'pending':
      return 2;
    case 'completed':
    case 'failed':
    case 'cancelled':
      return 3;
  }
}
