/** A job's details are loaded when one is looked at: most visits want the overview. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { JSX } from 'preact';
import type { JobDetailsProps } from './job-details.tsx';

type Details = (props: JobDetailsProps) => JSX.Element;

const loaded = signal<{ readonly Details: Details } | undefined>(undefined);
const problem = signal('');

export function LazyDetails(props: JobDetailsProps) {
  useEffect(() => {
    if (loaded.peek() !== undefined) return;
    import('./job-details.tsx').then(
      ({ JobDetails }) => (loaded.value = { Details: JobDetails }),
      () => (problem.value = 'The details can’t be loaded now: reload the page.'),
    );
  }, []);
  const part = loaded.value;
  if (part === undefined) return problem.value === '' ? null : <p role="alert">{problem.value}</p>;
  return <part.Details {...props} />;
}
