/** One job: what it is, how far it is, what it found so far. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { JobStatus } from '../../../protocol/http.ts';
import { api, ApiError } from '../api/api.ts';
import { Button } from '../controls/button.tsx';
import { Stat } from '../controls/stat.tsx';
import { duration } from '../format/duration.ts';
import { grouped } from '../format/figures.ts';
import type { Live } from '../live/live.ts';
import { JobActions } from './job-actions.tsx';
import { CoverageTable } from './coverage-table.tsx';
import { donePercent, jobTitle, jobVariant, jobWhen, shortRate, STATE_WORDS } from './job-text.ts';
import { changed } from './jobs-state.ts';
import { show } from './page-view.ts';
import type { LeaseMarks } from './range-strip.ts';
import { RangeStrip } from './range-strip.tsx';
import { ResultView } from './result-view.tsx';
import { pageOf } from './workload-names.ts';

const CELLS = 120;

export interface JobDetailsProps {
  readonly jobId: string;
  readonly live: Live;
  readonly marks: LeaseMarks;
}

export function JobDetails({ jobId, live, marks }: JobDetailsProps) {
  const [first, setFirst] = useState<JobStatus>();
  const [problem, setProblem] = useState('');
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    setFirst(undefined);
    setProblem('');
    live.watch(jobId);
    let current = true;
    api.status(jobId).then(
      (status) => {
        if (current) setFirst(status);
      },
      (error: unknown) => {
        if (!current) return;
        const missing = error instanceof ApiError && error.code === 'not_found';
        setProblem(
          missing ? `There is no job ${jobId}: it may be of another cluster.` : 'The job can’t be read now.',
        );
      },
    );
    return () => {
      current = false;
      live.watch(undefined);
    };
  }, [jobId, live]);
  const job = newest(live.progress.value, first, changed.value.get(jobId));
  const known = job !== undefined;
  useEffect(() => {
    if (known) title.current?.focus({ preventScroll: true });
  }, [jobId, known]);
  return (
    <section
      class="job-details"
      aria-labelledby="job-title"
      data-stale={live.connection.value === 'live' ? 'no' : 'yes'}
    >
      <div class="section-head">
        <h2 id="job-title" ref={title} tabIndex={-1}>
          {job === undefined ? 'Job' : (job.name ?? jobTitle(job))}{' '}
          {job === undefined ? null : (
            <span class="tiny">
              {job.name === null ? jobVariant(job) : `${jobTitle(job)}, ${jobVariant(job)}`}
            </span>
          )}
        </h2>
        <div class="filters">
          {job === undefined ? null : <JobActions job={job} name={job.name ?? jobTitle(job)} />}
          <Button kind="quiet" onClick={() => show({ job: undefined })}>
            Close
          </Button>
        </div>
      </div>
      {problem === '' ? null : <p role="alert">{problem}</p>}
      {job === undefined ? null : <Known job={job} live={live} marks={marks} />}
    </section>
  );
}

function newest(...known: readonly (JobStatus | undefined)[]): JobStatus | undefined {
  let found: JobStatus | undefined;
  for (const status of known) {
    if (status === undefined) continue;
    if (found === undefined || Date.parse(status.updated_at) > Date.parse(found.updated_at)) found = status;
  }
  return found;
}

function Known({
  job,
  live,
  marks,
}: {
  readonly job: JobStatus;
  readonly live: Live;
  readonly marks: LeaseMarks;
}) {
  const { progress, waiting_for, error } = job;
  const coverage = live.coverage.value;
  const result = live.result.value;
  const page = pageOf(job.type);
  const time = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
  const started = job.started_at === null ? '' : time.format(Date.parse(job.started_at));
  return (
    <>
      <RangeStrip job={job} coverage={coverage} marks={marks} cells={CELLS} />
      {error === null ? null : (
        <p class="job-error">
          {error.message} <span class="tiny">{error.code}</span>
        </p>
      )}
      {waiting_for === null ? null : <p>Waits for {waiting_for}.</p>}
      <dl class="stats">
        <Stat
          name="State"
          value={STATE_WORDS[job.status]}
          note={started === '' ? 'not started' : `started ${started}`}
        />
        <Stat
          name="Done"
          value={donePercent(progress.fraction)}
          note={`${grouped(BigInt(progress.done))} of ${grouped(BigInt(progress.total))} ${job.unit}`}
        />
        <Stat name="Rate" value={shortRate(progress.rate_per_second) || '–'} note={`${job.unit} a second`} />
        {progress.eta_seconds === null ? (
          job.status === 'completed' ? (
            <Stat name="Took" value={jobWhen(job).replace(/^in /, '')} />
          ) : null
        ) : (
          <Stat name="Left" value={duration(progress.eta_seconds)} note="at the present rate" />
        )}
      </dl>
      <div class="details-columns">
        <div>
          <h3>Result{result?.partial === true ? ' so far' : ''}</h3>
          <ResultView results={result} />
          {page === undefined ? null : (
            <p class="small">
              <a href={`${page.href}?job=${job.job_id}`}>See it on {page.name}</a>
            </p>
          )}
        </div>
        <div>
          <h3>Parameters</h3>
          <dl class="pairs small">
            {Object.entries(job.parameters).map(([name, value]) => (
              <div key={name}>
                <dt>{name.replaceAll('_', ' ')}</dt>
                <dd class="mono">{/^\d+$/.test(String(value)) ? grouped(BigInt(value)) : String(value)}</dd>
              </div>
            ))}
            <div>
              <dt>job</dt>
              <dd class="mono">{job.job_id}</dd>
            </div>
            <div>
              <dt>submitted</dt>
              <dd>
                {time.format(Date.parse(job.created_at))}
                {job.user_id === null ? '' : `, by ${job.user_id}`}
              </dd>
            </div>
          </dl>
          {coverage === undefined ? null : <CoverageTable coverage={coverage} />}
        </div>
      </div>
    </>
  );
}
