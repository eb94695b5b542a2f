/** What the cluster found out about many such programs: the latest thread job, live. */
import { useEffect } from 'preact/hooks';
import type { JobStatus } from '../../../protocol/http.ts';
import { KeyNeeded } from '../access/key-needed.tsx';
import { submitRefusal } from '../api/caller.ts';
import { Button } from '../controls/button.tsx';
import { grouped } from '../format/figures.ts';
import { Icon } from '../shell/icon.tsx';
import type { Connection, Live } from '../live/live.ts';
import type { JobFigures } from './job-figures.ts';
import { jobFigures } from './job-figures.ts';
import {
  fetchThreadJobs,
  jobProblem,
  pickedJob,
  shownJob,
  submitShape,
  submitting,
  threadJobs,
} from './job-state.ts';
import { LaterCharts } from './later-charts.tsx';
import { choice } from './page-state.ts';
import { sameShape, shapeOfJob } from './shape.ts';

export function JobSection({ live }: { readonly live: Live }) {
  useEffect(() => {
    void fetchThreadJobs();
  }, []);
  const jobs = threadJobs(live);
  const job = shownJob(jobs);
  const id = job?.job_id;
  useEffect(() => live.watch(id), [live, id]);
  const results = live.result.value;
  const figures = results !== undefined && results.job_id === id ? jobFigures(results) : undefined;
  return (
    <section
      class="job"
      aria-labelledby="job-title"
      data-stale={live.connection.value === 'live' ? 'no' : 'yes'}
    >
      {jobProblem.value === '' ? null : (
        <p class="job-problem" role="alert">
          <Icon name="warning" size={16} /> {jobProblem.value}
        </p>
      )}
      {job === undefined ? (
        <NoJob known={jobs !== undefined || live.connection.value} />
      ) : (
        <>
          <JobHead job={job} jobs={jobs ?? []} figures={figures} />
          {figures === undefined ? <p class="small">{waitingWords(job)}</p> : null}
          <LaterCharts job={job} figures={figures} />
        </>
      )}
    </section>
  );
}

/** @param known whether the cluster's jobs are; else how the page stands with it */
function NoJob({ known }: { readonly known: true | Connection }) {
  if (known === 'connecting' || known === 'key_needed') {
    return (
      <>
        <h2 id="job-title">A thousand such programs</h2>
        <p class="small">
          {known === 'connecting'
            ? 'Asking the cluster what it has run…'
            : 'What the cluster has run appears here with a key.'}
        </p>
      </>
    );
  }
  const unwelcome = submitRefusal();
  return (
    <>
      <h2 id="job-title">A thousand such programs</h2>
      <p class="small">
        The cluster has run no thread job yet. One of this shape grows {grouped(1000)} trees and tells how
        fast such programs go on 1 to {grouped(1024)} processors.
      </p>
      {unwelcome === undefined ? (
        <Button disabled={submitting.value} onClick={() => void submitShape(choice.value.shape)}>
          {submitting.value ? 'Submitting…' : `Run ${grouped(1000)} such programs`}
        </Button>
      ) : (
        <KeyNeeded refusal={unwelcome} doing="Running them" />
      )}
    </>
  );
}

function JobHead({
  job,
  jobs,
  figures,
}: {
  readonly job: JobStatus;
  readonly jobs: readonly JobStatus[];
  readonly figures: JobFigures | undefined;
}) {
  const shape = shapeOfJob(job.parameters);
  const such = shape !== undefined && sameShape(shape, choice.value.shape);
  const total = grouped(BigInt(job.progress.total));
  return (
    <div class="job-head">
      <h2 id="job-title">
        {total} {such ? 'such programs' : 'programs of another shape'}
      </h2>
      <p class="small">
        {job.name === null ? 'Job' : <bdi>{job.name}</bdi>} <span class="mono">{job.job_id.slice(0, 8)}</span>
        , {stateWords(job)}
        {figures !== undefined && figures.oversize > 0 ? `, ${grouped(figures.oversize)} oversize` : ''}
      </p>
      {jobs.length < 2 ? null : (
        <select
          class="job-choice"
          aria-label="Job"
          value={job.job_id}
          onChange={(event) => (pickedJob.value = event.currentTarget.value)}
        >
          {jobs.map((other) => (
            <option key={other.job_id} value={other.job_id}>
              {`${other.name ?? `Job ${other.job_id.slice(0, 8)}`}, ${stateWords(other)}`}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

function stateWords({ status, progress }: JobStatus): string {
  const share = `${Math.floor(100 * progress.fraction)}\u202f%`;
  switch (status) {
    case 'completed':
      return 'finished';
    case 'running':
      return `running, ${share} done`;
    case 'pending':
      return 'waiting';
    case 'paused':
      return `paused at ${share}`;
    case 'cancelled':
      return `cancelled at ${share}`;
    case 'failed':
      return `failed at ${share}`;
    default:
      return status;
  }
}

function waitingWords({ waiting_for, status }: JobStatus): string {
  if (waiting_for !== null) return `Nothing to show yet: it waits for ${waiting_for}.`;
  if (status === 'completed') return 'Reading its result…';
  return status === 'running' || status === 'pending'
    ? 'Nothing to show yet: its first batch is being computed.'
    : 'It ended before anything was computed.';
}
