/** The lower half: one job, live. */
import { useState } from 'preact/hooks';
import type { JobStatus } from '../../../protocol/http.ts';
import { KeyNeeded } from '../access/key-needed.tsx';
import { api, ApiError } from '../api/api.ts';
import { submitRefusal } from '../api/caller.ts';
import { Button } from '../controls/button.tsx';
import { grouped } from '../format/figures.ts';
import { Exports } from './exports.tsx';
import { Histogram } from './histogram.tsx';
import { readJobRange } from './job-result.ts';
import type { VerifyResult } from './job-result.ts';
import { chosenJob, collatzJobs, job, jobName, jobProblem, live, result, showJob } from './job-state.ts';
import { percent, rangeText, ratioText, shortNumber } from './number-text.ts';
import { Raised } from './raised.tsx';
import { RangeMapSection } from './range-map.tsx';
import { Records } from './records.tsx';

/** What is offered where nothing has been computed. */
const OFFER_END = 10n ** 7n;

export function JobSection() {
  const jobs = collatzJobs.value;
  const status = job.value;
  if (jobs === undefined && status === undefined) {
    return (
      <p class="small" role="status">
        {live.connection.value === 'connecting'
          ? 'Asking the cluster what it has computed.'
          : live.connection.value === 'key_needed'
            ? 'What the cluster has computed appears here with a key.'
            : 'The cluster can’t be reached at the moment; what it has computed appears here when it is back.'}
      </p>
    );
  }
  return (
    <div data-stale={live.connection.value === 'live' ? 'no' : 'yes'}>
      {jobProblem.value === undefined ? null : (
        <p class="small notice" role="status">
          {jobProblem.value}
        </p>
      )}
      {status === undefined && jobs?.length === 0 ? <Offer /> : <JobChoice jobs={jobs ?? []} />}
      {status === undefined ? null : (
        <div class="row job-row">
          <RangeMapSection />
          <section class="steps-needed" aria-labelledby="steps-needed-title">
            <Figures status={status} />
            <Exports status={status} />
          </section>
          <Records />
        </div>
      )}
    </div>
  );
}

function JobChoice({ jobs }: { readonly jobs: readonly JobStatus[] }) {
  const own = job.value;
  const listed =
    own === undefined || jobs.some(({ job_id }) => job_id === own.job_id) ? jobs : [own, ...jobs];
  return (
    <div class="field job-choice">
      <label for="job">Range</label>
      <select
        id="job"
        value={chosenJob.value ?? ''}
        onChange={(event) => {
          if (event.currentTarget.value !== '') void showJob(event.currentTarget.value);
        }}
      >
        {chosenJob.value === undefined ? <option value="">Choose a range</option> : null}
        {listed.map((one) => (
          <option key={one.job_id} value={one.job_id} selected={one.job_id === chosenJob.value}>
            {`${jobName(one)} · ${stateWords(one)}`}
          </option>
        ))}
      </select>
    </div>
  );
}

/** `running, 62.6 % done`. */
function stateWords({ status, progress }: JobStatus): string {
  if (status === 'completed') return 'finished';
  return `${status}, ${percent(progress.fraction)} done`;
}

function Figures({ status }: { readonly status: JobStatus }) {
  const found = result.value;
  const range = readJobRange(status);
  const numbers = range === undefined ? '' : rangeText(range.start, range.end);
  const verify = range?.mode === 'verify';
  return (
    <>
      <div class="section-head">
        <h2 id="steps-needed-title">
          {verify ? 'Verification, ' : 'Steps needed, '}
          <Raised text={numbers} />
        </h2>
        <p class="job-state">
          <i class="state-dot" data-state={status.status} aria-hidden="true" />
          {status.status === 'completed' ? 'finished' : `${percent(status.progress.fraction)} done`}
          {status.status === 'paused' || status.status === 'cancelled' || status.status === 'failed'
            ? `, ${status.status}`
            : ''}
        </p>
      </div>
      {found === undefined ? (
        <p class="small empty-histogram">
          {status.waiting_for === null
            ? 'Nothing is finished yet: the first batch shows here.'
            : `Nothing is finished yet. Waiting for ${status.waiting_for}.`}
        </p>
      ) : found.mode === 'statistics' ? (
        <Histogram result={found} />
      ) : (
        <VerifyFigures found={found} />
      )}
    </>
  );
}

/** A verification walks only until a path is known to come down: it has no delays to show. */
function VerifyFigures({ found }: { readonly found: VerifyResult }) {
  const { count, verified, candidates, failures, maxPeak } = found;
  return (
    <>
      <dl class="verify">
        <div class="stat">
          <dt>Numbers that come down</dt>
          <dd class="value" data-figure="verified">
            {shortNumber(verified)}
          </dd>
          <dd class="note">{verified === count ? 'all that were looked at' : `of ${shortNumber(count)}`}</dd>
        </div>
        <div class="stat">
          <dt>Needed a walk</dt>
          <dd class="value" data-figure="candidates">
            {shortNumber(candidates)}
          </dd>
          <dd class="note">{ratioText(candidates * 100n, count, 3)} %: the others are settled by a sieve</dd>
        </div>
        <div class="stat">
          <dt>Not settled</dt>
          <dd class="value" data-figure="failures">
            {grouped(failures.length)}
          </dd>
          <dd class="note">
            {failures.length === 0
              ? 'one would be a discovery'
              : `${failures.slice(0, 3).map(shortNumber).join(', ')}: checked again on another device`}
          </dd>
        </div>
      </dl>
      <p class="small">
        <Raised
          text={
            maxPeak === undefined
              ? 'None of these numbers needed a walk.'
              : `The highest climb before falling below the start: ${shortNumber(maxPeak.n)} reaches ${shortNumber(maxPeak.value)}.`
          }
        />
      </p>
    </>
  );
}

function Offer() {
  const [phase, setPhase] = useState<'ready' | 'sending'>('ready');
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const unwelcome = submitRefusal();
  const submit = async () => {
    setPhase('sending');
    setProblem(undefined);
    try {
      const { job_id } = await api.submit({
        type: 'collatz',
        parameters: { start: '1', end: OFFER_END.toString() },
      });
      await showJob(job_id);
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : 'That did not work: try again.');
    }
    setPhase('ready');
  };
  return (
    <div class="offer">
      <h2>No range has been computed here yet.</h2>
      <p class="small">
        Ten million numbers take a desktop’s graphics card a second and a phone half a minute. Their map,
        their histogram and their records appear here while they are computed.
      </p>
      {unwelcome === undefined ? (
        <Button kind="primary" disabled={phase === 'sending'} onClick={() => void submit()}>
          {phase === 'sending' ? 'Submitting…' : `Compute ${rangeText(1n, OFFER_END)}`}
        </Button>
      ) : (
        <KeyNeeded refusal={unwelcome} doing={`Computing ${rangeText(1n, OFFER_END)}`} />
      )}
      {problem === undefined ? null : (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
