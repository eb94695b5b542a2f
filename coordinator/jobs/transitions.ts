/**
 * Every transition of a job, as a table. Nothing else in the coordinator decides which state may follow which;
 * docs/state-machine.md draws this table, and a test compares the two.
 */
import type { JobState } from '../../protocol/http.ts';

export const JOB_EVENTS = ['leased', 'covered', 'pause', 'resume', 'cancel', 'fail'] as const;
/**
 * leased   a worker got the first batch
 * covered  every number is durably counted
 * pause, resume, cancel  somebody asked for it
 * fail     the job can't go on: docs/state-machine.md says why one may
 */
export type JobEvent = (typeof JOB_EVENTS)[number];

export interface Transition {
  readonly from: JobState;
  readonly event: JobEvent;
  readonly to: JobState;
  /** Holds only for jobs that a worker ever got a batch of, or only for those that none did. */
  readonly guard?: 'started' | 'not started';
}

/** An event that leads from a state to itself is idempotent; one that is not listed is refused. */
export const TRANSITIONS: readonly Transition[] = [
  { from: 'pending', event: 'leased', to: 'running' },
  { from: 'pending', event: 'pause', to: 'paused' },
  { from: 'pending', event: 'resume', to: 'pending' },
  { from: 'pending', event: 'cancel', to: 'cancelled' },
  { from: 'pending', event: 'fail', to: 'failed' },

  { from: 'running', event: 'leased', to: 'running' },
  { from: 'running', event: 'covered', to: 'completed' },
  { from: 'running', event: 'pause', to: 'paused' },
  { from: 'running', event: 'resume', to: 'running' },
  { from: 'running', event: 'cancel', to: 'cancelled' },
  { from: 'running', event: 'fail', to: 'failed' },

  // Batches that were out when the job was paused are still taken, so it may end while it is paused.
  { from: 'paused', event: 'covered', to: 'completed' },
  { from: 'paused', event: 'pause', to: 'paused' },
  { from: 'paused', event: 'resume', to: 'running', guard: 'started' },
  { from: 'paused', event: 'resume', to: 'pending', guard: 'not started' },
  { from: 'paused', event: 'cancel', to: 'cancelled' },
  { from: 'paused', event: 'fail', to: 'failed' },

  { from: 'cancelled', event: 'cancel', to: 'cancelled' },
];

/** The state after `event`; undefined if the event is refused in this state. */
export function nextState(from: JobState, event: JobEvent, started: boolean): JobState | undefined {
  return TRANSITIONS.find(
    (transition) =>
      transition.from === from &&
      transition.event === event &&
      (transition.guard === undefined || (transition.guard === 'started') === started),
  )?.to;
}

/** A job that is over never runs again. */
export function isOver(state: JobState): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}

/** Results of batches are taken, and a job's batches are worth finishing. */
export function takesResults(state: JobState): boolean {
  return state === 'running' || state === 'paused' || state === 'pending';
}
