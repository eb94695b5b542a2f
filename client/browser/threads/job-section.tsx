/** What the cluster found out about many such programs: the latest thread job, live. */
import { useEffect } from 'preact/hooks';
import type { JobStatus } from '../../../protocol/http.ts';
import { Button } from '../controls/button.tsx';
import { grouped } from '../format/figures.ts';
import { Icon } from '../shell/icon.tsx';
import type { Live } from '../live/live.ts';
import { DepthBars, SizeBars } from './histograms.tsx';
import type { JobFigures } from './job-figures.ts';
import { jobFigures } from './job-figures.ts';
import { JobRoots } from './job-roots.tsx';
import {
  fetchThreadJobs,
  jobProblem,
  pickedJob,
  shownJob,
  submitShape,
  submitting,
  threadJobs,
} from './job-state.ts';
import { choice } from './page-state.ts';
import { sameShape, shapeOfJob } from './shape.ts';
import { SpeedUpChart } from './speedup-chart.tsx';

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
        <NoJob known={jobs !== undefined || live.connection.value !== 'connecting'} />
      ) : (
        <>
          <JobHead job={job} jobs={jobs ?? []} figures={figures} />
          {figures === undefined ? (
            <p class="small">{waitingWords(job)}</p>
          ) : (
            <>
              <div class="job-charts">
                <SpeedUpChart figures={figures} />
                <DepthBars counts={figures.threadsByDepth} total={figures.threads} />
                <SizeBars counts={figures.sizeHistogram} trees={figures.roots - figures.oversize} />
              </div>
              <JobRoots job={job} figures={figures} />
            </>
          )}
        </>
      )}
    </section>
  );
}

function NoJob({ known }: { readonly known: boolean }) {
  if (!known) {
    return (
      <>
        <h2 id="job-title">A thousand such programs</h2>
        <p class="small">Asking the cluster what it has run…</p>
      </>
    );
  }
  return (
    <>
      <h2 id="job-title">A thousand such programs</h2>
      <p class="small">
        The cluster has run no thread job yet. One of this shape grows {grouped(1000)} trees and tells how
        fast such programs go on 1 to {grouped(1024)} processors.
      </p>
      <Button disabled={submitting.value} onClick={() => void submitShape(choice.value.shape)}>
        {submitting.value ? 'Submitting…' : `Run ${grouped(1000)} such programs`}
      </Button>
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
