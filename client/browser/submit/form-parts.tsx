/** What both forms end with: name and priority, the button with its estimate, what came of it, the command. */
import { useEffect, useRef } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { KeyNeeded } from '../access/key-needed.tsx';
import { submitRefusal } from '../api/caller.ts';
import { Button } from '../controls/button.tsx';
import { CopyLine } from '../controls/copy-line.tsx';
import { Field } from '../controls/field.tsx';
import { Segmented } from '../controls/segmented.tsx';
import { duration } from '../format/duration.ts';
import type { Live } from '../live/live.ts';
import { Icon } from '../shell/icon.tsx';
import { estimateSeconds } from './estimate.ts';
import type { Priority, Reading } from './reading.ts';
import { PRIORITIES } from './reading.ts';
import type { Submission } from './submission.ts';
import './submit.css';

/** Below it, rounding would promise more than is known. */
const SHORTEST_ESTIMATE_S = 1;

export interface FormProps {
  readonly label: string;
  readonly submission: Submission;
  readonly reading: Reading;
  readonly command: string;
  /** Where the cluster's rate comes from; without it there is no estimate. */
  readonly live?: Live | undefined;
  /** The page that shows such a job best. */
  readonly page: { readonly href: string; readonly name: string };
  readonly children: ComponentChildren;
}

export function SubmitForm({ label, submission, reading, command, live, page, children }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const attempts = useRef(0);
  const { phase, jobId, message, refused } = submission;
  const wrong = attempts.current + refused.size;
  // Said before anybody fills it in. What is filled in stays, and so does the command.
  const unwelcome = submitRefusal();
  useEffect(() => {
    if (wrong > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [wrong]);
  return (
    <form
      ref={form}
      class="submit"
      aria-label={label}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (phase === 'done') submission.again();
        else if (!submission.send()) attempts.current += 1;
      }}
      onFocusOut={(event) => {
        if (event.target instanceof HTMLInputElement) submission.left(event.target.name);
      }}
    >
      {unwelcome === undefined ? null : <KeyNeeded refusal={unwelcome} doing="Submitting a job" />}
      {children}
      <div class="submit-action">
        <Estimate reading={reading} live={live} />
        {/* One button for all three: what has the focus keeps it. */}
        <Button
          kind={phase === 'done' ? 'normal' : 'primary'}
          type="submit"
          disabled={unwelcome !== undefined}
        >
          {phase === 'done' ? 'Submit another' : phase === 'sending' ? 'Submitting…' : 'Submit job'}
        </Button>
      </div>
      <div role="status">
        {jobId === undefined ? null : (
          <p class="submit-done">
            <Icon name="check" size={16} /> Submitted. Follow{' '}
            <a href={`/cluster.html?job=${jobId}`}>the job</a>
            {', or see it on '}
            <a href={`${page.href}?job=${jobId}`}>{page.name}</a>.
          </p>
        )}
      </div>
      {message === undefined ? null : (
        <p class="submit-problem" role="alert">
          <Icon name="wrong" size={14} /> {message}
        </p>
      )}
      {reading.problems === undefined ? <CopyLine text={command} label="Copy the command" /> : null}
    </form>
  );
}

function Estimate({ reading, live }: { readonly reading: Reading; readonly live: Live | undefined }) {
  const seconds =
    reading.problems !== undefined || live === undefined || live.connection.value !== 'live'
      ? undefined
      : estimateSeconds(reading.body, live.cluster.value, live.jobs.value, Date.now());
  if (seconds === undefined) return <span class="small" />;
  const about = seconds < SHORTEST_ESTIMATE_S ? 'About a second' : `About ${duration(seconds)}`;
  return <span class="small">{about} on this cluster</span>;
}

export function NameAndPriority({
  name,
  priority,
  submission,
  onName,
  onPriority,
}: {
  readonly name: string;
  readonly priority: Priority;
  readonly submission: Submission;
  readonly onName: (name: string) => void;
  readonly onPriority: (priority: Priority) => void;
}) {
  return (
    <>
      <div class="submit-row">
        <span class="submit-label" aria-hidden="true">
          Priority
        </span>
        <Segmented legend="Priority" options={PRIORITIES} value={priority} onChange={onPriority} />
      </div>
      <Field
        label="Name"
        name="name"
        placeholder="optional"
        value={name}
        problem={submission.problem('name')}
        onInput={onName}
      />
    </>
  );
}
