/** The forms that submit a job, for every page. */
import { useState } from 'preact/hooks';
import { Field } from '../controls/field.tsx';
import { Segmented } from '../controls/segmented.tsx';
import type { Live } from '../live/live.ts';
import { collatzCommand, readCollatz } from './collatz-order.ts';
import type { CollatzDraft } from './collatz-order.ts';
import { NameAndPriority, SubmitForm } from './form-parts.tsx';
import { useSubmission } from './submission.ts';
import { readThread, threadCommand, threadDraft } from './thread-order.ts';
import type { ThreadField, ThreadShape } from './thread-order.ts';

export type { ThreadShape } from './thread-order.ts';

const MODES = [
  { value: 'statistics', label: 'Statistics', title: 'Statistics: steps, peaks and records of every number' },
  { value: 'verify', label: 'Verify', title: 'Verify: only that every number comes down; many times faster' },
] as const;

interface Submitted {
  /** Called once for each job that was made. */
  readonly onSubmitted: (jobId: string) => void;
  /** For the estimate: opened with the topics `cluster` and `jobs`. */
  readonly live?: Live;
}

/** A range of numbers. `start` and `end` are what the fields begin with; give a new `key` to begin anew. */
export function SubmitCollatz({
  start = '1',
  end = '1e9',
  onSubmitted,
  live,
}: Submitted & { readonly start?: string; readonly end?: string }) {
  const [draft, setDraft] = useState<CollatzDraft>({
    start,
    end,
    mode: 'statistics',
    priority: 'normal',
    name: '',
  });
  const reading = readCollatz(draft);
  const submission = useSubmission(reading, onSubmitted);
  const change = (field: string, changed: Partial<CollatzDraft>) => {
    setDraft((was) => ({ ...was, ...changed }));
    submission.edited(field);
  };
  return (
    <SubmitForm
      label="Submit a Collatz job"
      submission={submission}
      reading={reading}
      command={collatzCommand(draft, location.origin)}
      live={live}
      page={{ href: '/collatz.html', name: 'Collatz' }}
    >
      <Field
        label="From"
        name="start"
        value={draft.start}
        problem={submission.problem('start')}
        onInput={(value) => change('start', { start: value })}
      />
      <Field
        label="To"
        name="end"
        hint="The range ends before this number."
        value={draft.end}
        problem={submission.problem('end')}
        onInput={(value) => change('end', { end: value })}
      />
      <div class="submit-row">
        <span class="submit-label" aria-hidden="true">
          Mode
        </span>
        <Segmented
          legend="Mode"
          options={MODES}
          value={draft.mode}
          onChange={(mode) => change('mode', { mode })}
        />
      </div>
      <NameAndPriority
        name={draft.name}
        priority={draft.priority}
        submission={submission}
        onName={(name) => change('name', { name })}
        onPriority={(priority) => change('priority', { priority })}
      />
    </SubmitForm>
  );
}

const THREAD_LABELS: readonly {
  readonly field: ThreadField;
  readonly label: string;
  readonly hint?: (text: string) => string;
}[] = [
  { field: 'thread_count', label: 'Programs' },
  { field: 'seed', label: 'Seed' },
  { field: 'max_depth', label: 'Deepest' },
  { field: 'max_children', label: 'Chances to fork' },
  { field: 'spawn_threshold', label: 'Each, of 256', hint: shareOf256 },
  { field: 'work_min', label: 'Least work' },
  { field: 'work_max', label: 'Most work' },
  { field: 'max_threads', label: 'Tree limit' },
];

function shareOf256(text: string): string {
  const of = Number(text);
  if (text.trim() === '' || !(of >= 0 && of <= 256)) return 'how often a chance succeeds';
  return `a chance succeeds ${(of / 2.56).toFixed(1)} % of the time`;
}

/** Fork–join programs of one shape. `initial` is what the fields begin with; give a new `key` to begin anew. */
export function SubmitThread({
  initial,
  onSubmitted,
  live,
}: Submitted & { readonly initial?: Partial<ThreadShape> }) {
  const [draft, setDraft] = useState(() => threadDraft(initial));
  const reading = readThread(draft);
  const submission = useSubmission(reading, onSubmitted);
  return (
    <SubmitForm
      label="Submit a thread job"
      submission={submission}
      reading={reading}
      command={threadCommand(draft, location.origin)}
      live={live}
      page={{ href: '/index.html', name: 'Threads' }}
    >
      {THREAD_LABELS.map(({ field, label, hint }) => (
        <Field
          key={field}
          label={label}
          name={field}
          value={draft.fields[field]}
          problem={submission.problem(field)}
          {...(hint === undefined ? {} : { hint: hint(draft.fields[field]) })}
          onInput={(value) => {
            setDraft((was) => ({ ...was, fields: { ...was.fields, [field]: value } }));
            submission.edited(field);
          }}
        />
      ))}
      <NameAndPriority
        name={draft.name}
        priority={draft.priority}
        submission={submission}
        onName={(name) => {
          setDraft((was) => ({ ...was, name }));
          submission.edited('name');
        }}
        onPriority={(priority) => {
          setDraft((was) => ({ ...was, priority }));
          submission.edited('priority');
        }}
      />
    </SubmitForm>
  );
}
