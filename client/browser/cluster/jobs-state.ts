/** What is known of jobs beside the live ones: pages that were asked for, and answers to actions. */
import { signal } from '@preact/signals';
import type { JobStatus } from '../../../protocol/http.ts';
import { api } from '../api/api.ts';
import type { View } from './address.ts';

const PAGE_SIZE = '25';

interface Pages {
  readonly filter: string;
  readonly jobs: readonly JobStatus[];
  /** undefined: nothing was asked for yet; null: there are no more. */
  readonly next: string | null | undefined;
}

export const pages = signal<Pages>({ filter: '', jobs: [], next: undefined });
export const pagesProblem = signal('');
/** By id, newer than what the stream brought when the answer came. */
export const changed = signal<ReadonlyMap<string, JobStatus>>(new Map());

export function changedJob(job: JobStatus): void {
  changed.value = new Map([...changed.peek(), [job.job_id, job]]);
}

/** The API filters by one state; `active` is three of them, and the stream brings those first. */
function queryOf({ type, state }: Pick<View, 'type' | 'state'>): Record<string, string> {
  return {
    limit: PAGE_SIZE,
    ...(type === undefined ? {} : { type }),
    ...(state === 'all' || state === 'active' ? {} : { status: state }),
  };
}

export async function loadMore(filter: Pick<View, 'type' | 'state'>): Promise<void> {
  const query = queryOf(filter);
  const key = JSON.stringify(query);
  const known = pages.peek().filter === key ? pages.peek() : { filter: key, jobs: [], next: undefined };
  if (known.next === null) return;
  try {
    const list = await api.jobs({ ...query, ...(known.next === undefined ? {} : { cursor: known.next }) });
    pages.value = { filter: key, jobs: [...known.jobs, ...list.jobs], next: list.next_cursor };
    pagesProblem.value = '';
  } catch (error) {
    pagesProblem.value = error instanceof Error ? error.message : 'The list can’t be read. Try again.';
  }
}

/** Starts over where the filter has changed. */
export function openPages(filter: Pick<View, 'type' | 'state'>): void {
  const key = JSON.stringify(queryOf(filter));
  if (pages.peek().filter === key) return;
  pages.value = { filter: key, jobs: [], next: undefined };
  void loadMore(filter);
}
