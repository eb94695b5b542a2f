/**
 * Jobs that said how long they should run: those that ran much longer fail as timed out. The time that counts is that
 * in which a job is running; in a pause, and until its first batch, it stands still.
 *
 * Over a restart it stands still too: a coordinator that was off all weekend must not time anything out. So what is
 * counted is written down now and then, and what came after the last time is lost with the process.
 */
import type { Core } from './core.ts';
import type { Job } from './job.ts';
import type { JobControl } from './job-control.ts';
import type { JobTable } from './job-table.ts';
import { ranMs } from './running-time.ts';

/** At most so much running time is not counted for each restart. */
const WRITE_DOWN_MS = 60_000;

export class TimeLimits {
  readonly #core: Core;
  readonly #jobs: JobTable;
  readonly #control: JobControl;

  constructor(core: Core, jobs: JobTable, control: JobControl) {
    this.#core = core;
    this.#jobs = jobs;
    this.#control = control;
  }

  /** O(running jobs with a limit). */
  sweep(): void {
    if (!this.#core.committer.available) return;
    const now = this.#core.now();
    const { timeoutMultiplier } = this.#core.rules;
    for (const job of this.#jobs.limited) {
      const expected = job.record.expectedSeconds;
      if (expected === null) continue;
      const ran = ranMs(job.progress, now);
      if (ran >= expected * timeoutMultiplier * 1000) this.#timeOut(job, expected, ran);
      else if (now - (job.progress.runningSince ?? now) >= WRITE_DOWN_MS) this.#jobs.writeDown(job);
    }
  }

  #timeOut(job: Job, expected: number, ran: number): void {
    const { timeoutMultiplier } = this.#core.rules;
    this.#control.fail(
      job,
      'timed_out',
      `it ran for ${Math.round(ran / 1000)} s; ${expected} s were expected (expected_seconds), and this coordinator allows ` +
        `${timeoutMultiplier} times as long (JOB_TIMEOUT_MULTIPLIER). What was computed stays as its partial result: ` +
        'submit what is missing with larger expected_seconds, or without',
    );
  }
}
