/** What the page shows as its address, so that it can be shared and reloaded. */
import type { JobState } from '../../../protocol/http.ts';

export const WINDOWS = ['1h', '24h', '7d'] as const;
export type Window = (typeof WINDOWS)[number];
/** active: running, waiting or paused. */
export const STATE_FILTERS = [
  'active',
  'all',
  'pending',
  'running',
  'paused',
  'completed',
  'failed',
  'cancelled',
] as const;
export type StateFilter = (typeof STATE_FILTERS)[number];

export interface View {
  /** The job whose details are shown. */
  readonly job: string | undefined;
  /** A workload, or all. */
  readonly type: string | undefined;
  readonly state: StateFilter;
  /** Undefined: what shows most. */
  readonly window: Window | undefined;
  /** The work whose throughput is drawn, `collatz-verify`; undefined: the latest. */
  readonly rate: string | undefined;
}

const ID = /^[a-z0-9-]{1,64}$/;

/** @param search as of `location.search`; what can't be read is left at what the page begins with */
export function readAddress(search: string): View {
  const query = new URLSearchParams(search);
  const id = (name: string) => {
    const value = query.get(name);
    return value !== null && ID.test(value) ? value : undefined;
  };
  return {
    job: id('job'),
    type: id('type'),
    state: STATE_FILTERS.find((state) => state === query.get('state')) ?? 'all',
    window: WINDOWS.find((window) => window === query.get('window')),
    rate: id('rate'),
  };
}

/** @returns empty or `?…`; only what differs from what the page begins with */
export function writeAddress({ job, type, state, window, rate }: View): string {
  const query = new URLSearchParams();
  if (job !== undefined) query.set('job', job);
  if (type !== undefined) query.set('type', type);
  if (state !== 'all') query.set('state', state);
  if (window !== undefined) query.set('window', window);
  if (rate !== undefined) query.set('rate', rate);
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

export function matches(
  filter: Pick<View, 'type' | 'state'>,
  job: { readonly type: string; readonly status: JobState },
): boolean {
  if (filter.type !== undefined && job.type !== filter.type) return false;
  if (filter.state === 'all') return true;
  if (filter.state === 'active') return ['pending', 'running', 'paused'].includes(job.status);
  return job.status === filter.state;
}
