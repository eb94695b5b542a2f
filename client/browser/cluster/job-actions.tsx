/** Pause, resume, cancel (which asks first), for those who may; and the result. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { JobStatus } from '../../../protocol/http.ts';
import { api, ApiError } from '../api/api.ts';
import { maySteer } from '../api/caller.ts';
import { key } from '../api/key.ts';
import { Button } from '../controls/button.tsx';
import { download } from '../controls/download.ts';
import { changedJob } from './jobs-state.ts';

export interface JobActionsProps {
  readonly job: JobStatus;
  /** How the job is called in labels. */
  readonly name: string;
}

export function JobActions({ job, name }: JobActionsProps) {
  const [asking, ask] = useState(false);
  const [problem, setProblem] = useState('');
  const keep = useRef<HTMLSpanElement>(null);
  const { job_id, status, progress } = job;
  const may = maySteer(job);
  const over = status === 'completed' || status === 'failed' || status === 'cancelled';
  useEffect(() => {
    // Enter on a question must not be the destructive answer.
    if (asking) keep.current?.querySelector('button')?.focus();
  }, [asking]);

  const act = async (request: (jobId: string) => Promise<JobStatus>) => {
    ask(false);
    setProblem('');
    try {
      changedJob(await request(job_id));
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : 'That did not work. Try again.');
    }
  };

  if (asking && may && !over) {
    return (
      <span
        class="job-actions asking"
        role="group"
        aria-label={`Cancel ${name}?`}
        ref={keep}
        onKeyDown={({ key }) => {
          if (key === 'Escape') ask(false);
        }}
      >
        <Button onClick={() => ask(false)}>Keep</Button>
        <Button onClick={() => void act(api.cancel)}>Cancel job</Button>
      </span>
    );
  }
  return (
    <span class="job-actions">
      {may && (status === 'pending' || status === 'running') ? (
        <Button kind="quiet" icon="pause" label={`Pause ${name}`} onClick={() => void act(api.pause)} />
      ) : null}
      {may && status === 'paused' ? (
        <Button kind="quiet" icon="play" label={`Resume ${name}`} onClick={() => void act(api.resume)} />
      ) : null}
      {over || !may ? null : (
        <Button kind="quiet" icon="close" label={`Cancel ${name}`} onClick={() => ask(true)} />
      )}
      {over && progress.done !== '0' ? (
        <ResultLink
          jobId={job_id}
          name={name}
          whole={status === 'completed'}
          onProblem={(problem) => setProblem(problem)}
        />
      ) : null}
      {problem === '' ? null : (
        <span class="job-problem" role="alert">
          {problem}
        </span>
      )}
    </span>
  );
}

function ResultLink({
  jobId,
  name,
  whole,
  onProblem,
}: {
  readonly jobId: string;
  readonly name: string;
  readonly whole: boolean;
  readonly onProblem: (problem: string) => void;
}) {
  const file = `${jobId}.json`;
  const fetchWithKey = async () => {
    try {
      download([JSON.stringify(await api.results(jobId))], file, 'application/json');
    } catch (error) {
      onProblem(error instanceof ApiError ? error.message : 'That did not work. Try again.');
    }
  };
  return (
    <a
      class="button"
      data-kind="quiet"
      href={`/api/results/${jobId}`}
      download={file}
      onClick={(event) => {
        // A link can't carry a key.
        if (key.peek() === undefined) return;
        event.preventDefault();
        void fetchWithKey();
      }}
      aria-label={`${whole ? 'Result' : 'Part of the result'} of ${name} as JSON`}
    >
      {whole ? 'Result' : 'Part'}
    </a>
  );
}
