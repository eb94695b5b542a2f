import { useEffect, useRef, useState } from 'preact/hooks';
import type { JobStatus } from '../../../protocol/http.ts';
import { coverages, wantCoverage } from './coverage-feed.ts';
import { JobActions } from './job-actions.tsx';
import { donePercent, jobTitle, jobVariant, jobWhen, shortRate, STATE_WORDS } from './job-text.ts';
import { JobLink } from './job-link.tsx';
import type { LeaseMarks } from './range-strip.ts';
import { RangeStrip } from './range-strip.tsx';

const CELLS = 57;
const PRIORITY_WORDS = { low: 'Low', normal: 'Normal', high: 'High' } as const;

export function JobRow({ job, marks }: { readonly job: JobStatus; readonly marks: LeaseMarks }) {
  const row = useRef<HTMLTableRowElement>(null);
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    if (row.current === null) return undefined;
    const observer = new IntersectionObserver((entries) =>
      setVisible(entries.at(-1)?.isIntersecting === true),
    );
    observer.observe(row.current);
    return () => observer.disconnect();
  }, []);
  const { job_id, status, progress, name, user_id } = job;
  const hasStrip = status !== 'completed' && progress.done !== '0';
  const wanted = visible && (hasStrip || status === 'running');
  useEffect(() => {
    wantCoverage(job_id, wanted ? job : undefined);
    return () => wantCoverage(job_id, undefined);
  }, [job, wanted]);
  const title = name ?? jobTitle(job);
  return (
    <tr ref={row} class="job-row" data-state={status}>
      <td class="job-name">
        <JobLink jobId={job_id}>{title}</JobLink>{' '}
        <span class="tiny">
          {name === null ? jobVariant(job) : `${jobTitle(job)}, ${jobVariant(job)}`}
          {user_id === null ? '' : `, by ${user_id}`}
        </span>
      </td>
      <td class="job-state">{STATE_WORDS[status]}</td>
      <td class="job-strip">
        <RangeStrip job={job} coverage={coverages.value.get(job_id)} marks={marks} cells={CELLS} />
      </td>
      <td class="job-done number">{donePercent(progress.fraction)}</td>
      <td class="job-rate number">{shortRate(progress.rate_per_second)}</td>
      <td class="job-when small">
        <span title={jobWhen(job)}>{jobWhen(job)}</span>
      </td>
      <td class="job-priority small">
        {PRIORITY_WORDS[job.priority]}
        <span class="only-narrow"> priority</span>
      </td>
      <td class="job-act">
        <JobActions job={job} name={title} />
      </td>
    </tr>
  );
}
