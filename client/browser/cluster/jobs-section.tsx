/** The jobs, live, filtered, with older ones by pages. */
import { useEffect } from 'preact/hooks';
import type { JobStatus } from '../../../protocol/http.ts';
import { Button } from '../controls/button.tsx';
import { grouped } from '../format/figures.ts';
import type { Live } from '../live/live.ts';
import { STATE_FILTERS } from './address.ts';
import type { StateFilter } from './address.ts';
import { JobRow } from './job-row.tsx';
import { jobList } from './job-list.ts';
import { changed, loadMore, openPages, pages, pagesProblem } from './jobs-state.ts';
import { show, view } from './page-view.ts';
import type { LeaseMarks } from './range-strip.ts';
import { Select } from './select.tsx';

const TYPES = [
  { value: '', label: 'All types' },
  { value: 'collatz', label: 'Collatz' },
  { value: 'thread', label: 'Threads' },
] as const;
const STATE_LABELS: Readonly<Record<StateFilter, string>> = {
  all: 'All states',
  active: 'Not over',
  pending: 'Waiting',
  running: 'Running',
  paused: 'Paused',
  completed: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

export function JobsSection({ live, marks }: { readonly live: Live; readonly marks: LeaseMarks }) {
  const { type, state } = view.value;
  const filtered = type !== undefined || state !== 'all';
  useEffect(() => openPages({ type, state }), [type, state]);
  const known = live.jobs.value;
  const jobs = jobList(known ?? [], [...pages.value.jobs, ...changed.value.values()], { type, state });
  const { next } = pages.value;
  const busy = known === undefined && jobs.length === 0;
  return (
    <section
      class="jobs"
      aria-labelledby="jobs-title"
      data-stale={live.connection.value === 'live' ? 'no' : 'yes'}
    >
      <div class="section-head">
        <h2 id="jobs-title">Jobs</h2>
        <Count shown={jobs.length} live={live} filtered={filtered} />
        <div class="filters">
          <Select
            label="Type of jobs"
            options={TYPES}
            value={type ?? ''}
            onChange={(value) => show({ type: value === '' ? undefined : value })}
          />
          <Select
            label="State of jobs"
            options={STATE_FILTERS.map((value) => ({ value, label: STATE_LABELS[value] }))}
            value={state}
            onChange={(value) => show({ state: STATE_FILTERS.find((known) => known === value) ?? 'all' })}
          />
        </div>
      </div>
      {jobs.length > 0 ? <Table jobs={jobs} marks={marks} /> : busy ? null : <Nothing filtered={filtered} />}
      {typeof next === 'string' ? (
        <Button kind="quiet" onClick={() => void loadMore({ type, state })}>
          Older jobs
        </Button>
      ) : null}
      {pagesProblem.value === '' ? null : (
        <p class="job-problem" role="alert">
          {pagesProblem.value}
        </p>
      )}
    </section>
  );
}

function Table({ jobs, marks }: { readonly jobs: readonly JobStatus[]; readonly marks: LeaseMarks }) {
  return (
    <table class="job-table">
      <thead>
        <tr>
          <th>Job</th>
          <th>State</th>
          <th>Range, from start to end</th>
          <th class="number">Done</th>
          <th class="number">Rate</th>
          <th>When</th>
          <th>Priority</th>
          <th>
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <JobRow key={job.job_id} job={job} marks={marks} />
        ))}
      </tbody>
    </table>
  );
}

function Count({
  shown,
  live,
  filtered,
}: {
  readonly shown: number;
  readonly live: Live;
  readonly filtered: boolean;
}) {
  const counts = live.cluster.value?.jobs;
  if (counts === undefined || filtered) return <span />;
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (total <= shown) return <span />;
  return (
    <span class="tiny">
      {grouped(shown)} of {grouped(total)}
    </span>
  );
}

function Nothing({ filtered }: { readonly filtered: boolean }) {
  if (!filtered) {
    return (
      <p class="empty">
        No jobs yet. A range of numbers is all it takes. <a href="#submit">Submit the first</a>
      </p>
    );
  }
  return (
    <p class="empty">
      No jobs of this kind.{' '}
      <Button kind="quiet" onClick={() => show({ type: undefined, state: 'all' })}>
        Show all jobs
      </Button>
    </p>
  );
}
