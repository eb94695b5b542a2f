/** Which job the lower half shows, and its live data: those of another job are never shown as its own. */
import { computed, effect, signal } from '@preact/signals';
import type { JobStatus } from '../../../protocol/http.ts';
import { api, ApiError } from '../api/api.ts';
import { openLive } from '../live/open-live.ts';
import { earlierJob, firstToShow, readJobRange, readResult } from './job-result.ts';
import type { CollatzResult, StatisticsResult } from './job-result.ts';
import { rangeText } from './number-text.ts';

export const live = openLive(['cluster', 'jobs', 'batches']);

export const chosenJob = signal<string | undefined>(undefined);
/** Why the job that the address names can't be shown. */
export const jobProblem = signal<string | undefined>(undefined);
/** The chosen job where the list of jobs does not have it. */
const fetched = signal<JobStatus | undefined>(undefined);

export const collatzJobs = computed<readonly JobStatus[] | undefined>(() =>
  live.jobs.value?.filter(({ type }) => type === 'collatz'),
);

export const job = computed<JobStatus | undefined>(() => {
  const id = chosenJob.value;
  return [live.progress.value, live.jobs.value?.find((one) => one.job_id === id), fetched.value].find(
    (status) => status?.job_id === id && id !== undefined,
  );
});

export const results = computed(() =>
  live.result.value?.job_id === chosenJob.value ? live.result.value : undefined,
);
export const coverage = computed(() =>
  live.coverage.value?.job_id === chosenJob.value ? live.coverage.value : undefined,
);
export const result = computed<CollatzResult | undefined>(() =>
  results.value === undefined ? undefined : readResult(results.value.result),
);

/** An earlier finished job to compare with. */
export const earlier = signal<{ readonly result: StatisticsResult; readonly name: string } | undefined>(
  undefined,
);
const earlierId = computed(() =>
  chosenJob.value === undefined || live.jobs.value === undefined
    ? undefined
    : earlierJob(live.jobs.value, chosenJob.value)?.job_id,
);

/** Chooses a job; it may be one that this page has not heard of yet. */
export async function showJob(id: string): Promise<void> {
  jobProblem.value = undefined;
  chosenJob.value = id;
  try {
    const status = await api.status(id);
    if (chosenJob.peek() !== id) return;
    if (status.type === 'collatz') {
      fetched.value = status;
      return;
    }
    jobProblem.value = 'That job is no range of numbers. Choose one of these.';
  } catch (error) {
    if (chosenJob.peek() !== id) return;
    // The stream comes back by itself; a job that is unknown does not.
    if (error instanceof ApiError && error.code === 'unreachable') return;
    jobProblem.value =
      'There is no such job here: it may have been computed by another cluster. Choose one of these.';
  }
  chosenJob.value = undefined;
}

/** `Name: 1 to 10⁶`, or the range alone. */
export function jobName(status: JobStatus): string {
  const range = readJobRange(status);
  const numbers = range === undefined ? status.job_id : rangeText(range.start, range.end);
  const verify = range?.mode === 'verify' ? ', verify' : '';
  return status.name === null ? `${numbers}${verify}` : `${status.name}: ${numbers}${verify}`;
}

effect(() => {
  if (chosenJob.value !== undefined) return;
  const first = firstToShow(live.jobs.value ?? []);
  // What the address named and is not there leaves the choice to the visitor.
  if (first !== undefined && jobProblem.value === undefined) chosenJob.value = first.job_id;
});

effect(() => live.watch(chosenJob.value));

effect(() => {
  const id = earlierId.value;
  earlier.value = undefined;
  if (id === undefined) return;
  void loadEarlier(id);
});

async function loadEarlier(id: string): Promise<void> {
  try {
    const [status, answer] = await Promise.all([api.status(id), api.results(id)]);
    const read = readResult(answer.result);
    const range = readJobRange(status);
    if (earlierId.peek() !== id || read?.mode !== 'statistics' || range === undefined) return;
    earlier.value = { result: read, name: rangeText(range.start, range.end) };
  } catch {
    // Nothing to compare with then; the histogram says so by having no outline.
  }
}
