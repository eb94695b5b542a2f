import type { ComponentChildren } from 'preact';
import { writeAddress } from './address.ts';
import { show, view } from './page-view.ts';

/** Shows a job's details on this page; opened in a new tab it is the same address. */
export function JobLink({
  jobId,
  label,
  button = false,
  children,
}: {
  readonly jobId: string;
  readonly label?: string;
  readonly button?: boolean;
  readonly children: ComponentChildren;
}) {
  return (
    <a
      class={button ? 'button' : 'job-link'}
      {...(label === undefined ? {} : { 'aria-label': label })}
      href={`/cluster.html${writeAddress({ ...view.value, job: jobId })}`}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        show({ job: jobId });
        scrollTo({ top: 0 });
      }}
    >
      {children}
    </a>
  );
}
