/** Which of the cluster's thread jobs the page shows, and the shape of its programs. */
import { signal } from '@preact/signals';
import type { JobStatus } from '../../../protocol/http.ts';
import { ApiError, api } from '../api/api.ts';
import type { Live } from '../live/live.ts';
import { chooseThreadJob } from './job-figures.ts';
import { askedJob, choice, choose } from './page-state.ts';
import { shapeOfJob } from './shape.ts';
import type { Shape } from './shape.ts';

/** The visitor's own choice; undefined: the cluster's latest. */
export const pickedJob = signal<string | undefined>(askedJob);
/** Thread jobs that the stream may leave out, because newer jobs of other kinds fill it. */
const fetched = signal<readonly JobStatus[]>([]);
export const jobProblem = signal('');
export const submitting = signal(false);

/** Newest first; undefined: not known yet. */
export function threadJobs(live: Live): readonly JobStatus[] | undefined {
  const streamed = live.jobs.value;
  if (streamed === undefined && fetched.value.length === 0) return undefined;
  const byId = new Map(fetched.value.map((job) => [job.job_id, job]));
  for (const job of streamed ?? []) if (job.type === 'thread') byId.set(job.job_id, job);
  return [...byId.values()].toSorted((a, b) => b.created_at.localeCompare(a.created_at));
}

export function shownJob(jobs: readonly JobStatus[] | undefined): JobStatus | undefined {
  return jobs?.find(({ job_id }) => job_id === pickedJob.value) ?? chooseThreadJob(jobs ?? []);
}

export async function fetchThreadJobs(): Promise<void> {
  try {
    fetched.value = (await api.jobs({ type: 'thread', limit: '20' })).jobs;
  } catch {
    // The stream says whether the coordinator can be reached, and brings what is new.
  }
}

/** The address may ask for a root of a job: its shape is the job's. */
export async function showAskedJob(): Promise<void> {
  if (askedJob === undefined) return;
  try {
    showRootOf(await api.status(askedJob), choice.peek().root);
  } catch (error) {
    jobProblem.value =
      error instanceof ApiError && error.code !== 'unreachable'
        ? 'The job that the address names is not known here: another root is shown.'
        : 'The job that the address names can’t be asked for now: another root is shown.';
  }
}

export function showRootOf(job: JobStatus, root: number): void {
  const shape = shapeOfJob(job.parameters);
  if (shape !== undefined) choose({ shape, root });
}

/** A thousand programs of this shape, as a job of the cluster. */
export async function submitShape(shape: Shape): Promise<void> {
  submitting.value = true;
  jobProblem.value = '';
  try {
    const { job_id } = await api.submit({
      type: 'thread',
      parameters: {
        thread_count: 1000,
        seed: String(shape.seed),
        max_depth: shape.maxDepth,
        max_children: shape.maxChildren,
        spawn_threshold: shape.spawnThreshold,
        work_min: shape.workMin,
        work_max: shape.workMax,
        max_threads: shape.maxThreads,
      },
    });
    await showSubmitted(job_id);
  } catch (error) {
    jobProblem.value = error instanceof Error ? error.message : 'The job was not taken; try again.';
  } finally {
    submitting.value = false;
  }
}

export async function showSubmitted(jobId: string): Promise<void> {
  pickedJob.value = jobId;
  await fetchThreadJobs();
}
