/** What changes a job as a whole: cancel, pause, resume, completion, failure. */
import { ClusterError } from '../../protocol/errors.ts';
import type { Actor } from '../cluster.ts';
import type { Change, StoredJobError } from '../store/store.ts';
import { audited, NOBODY } from './audit.ts';
import type { Core } from './core.ts';
import type { Folding } from './folding.ts';
import type { Job } from './job.ts';
import type { JobTable } from './job-table.ts';
import type { LeaseBook } from './lease-book.ts';
import { nextState } from './transitions.ts';
import type { JobEvent } from './transitions.ts';

export class JobControl {
  readonly #core: Core;
  readonly #jobs: JobTable;
  readonly #book: LeaseBook;
  readonly #folding: Folding;

  constructor(core: Core, jobs: JobTable, book: LeaseBook, folding: Folding) {
    this.#core = core;
    this.#jobs = jobs;
    this.#book = book;
    this.#folding = folding;
  }

  /**
   * Idempotent. What changes the job is in the audit log from the same transaction on.
   * @throws ClusterError not_found, state_conflict, store_unavailable
   */
  async request(jobId: string, event: 'cancel' | 'pause' | 'resume', by: Actor): Promise<void> {
    if (this.#jobs.get(jobId) === undefined) await this.#core.elsewhere.learn(jobId);
    const job = this.#jobs.get(jobId);
    if (job === undefined) return this.#requestOfStored(jobId, event);
    await job.exclusive(async () => {
      if (!this.#jobs.changes(job, event)) return;
      const line = audited(this.#core.now(), by, `job.${event}`, jobId);
      if (event === 'cancel') await this.#close(job, event, line);
      else await this.#jobs.transition(job, event, { also: [line] });
    });
  }

  /** Every number is durably counted. Tried again until the store takes it. */
  complete(job: Job): void {
    void job
      .exclusive(async () => {
        if (nextState(job.state, 'covered', true) === undefined) return;
        if (!(await this.#core.elsewhere.isCovered(job))) return;
        await this.#jobs.transition(job, 'covered');
        this.#folding.sweep();
      })
      .catch(() => {
        // Not for ever: a coordinator that is fenced out would never end, and so not be started again.
        if (this.#core.committer.isOver) return;
        this.#core.dependencies.runtime.setTimer(1000, () => this.complete(job));
      });
  }

  /** Ends a job that can't go on; its results so far stay. Once it is under way, further calls do nothing. */
  fail(job: Job, code: string, message: string): void {
    if (job.failing) return;
    job.failing = true;
    void job
      .exclusive(async () => {
        if (nextState(job.state, 'fail', true) === undefined) return;
        const line = audited(this.#core.now(), NOBODY, 'job.fail', job.id, code);
        await this.#close(job, 'fail', line, { code, message });
      })
      .catch((error: unknown) => {
        this.#core.dependencies.log.error({ err: error, job_id: job.id }, 'a failed job could not be ended');
      })
      .finally(() => {
        job.failing = false;
      });
  }

  /** A job in the store that this coordinator has no code for. What is done of it stays. */
  async failUnknown(jobId: string, message: string): Promise<void> {
    const { store, log } = this.#core.dependencies;
    const stored = await store.findJob(jobId);
    if (stored === undefined || nextState(stored.progress.state, 'fail', true) === undefined) return;
    log.warn({ job_id: jobId }, `the job cannot go on: ${message}`);
    const now = this.#core.now();
    const error = { code: 'workload_unknown', message };
    const ended = { state: 'failed', updatedAt: now, finishedAt: now, error, runningSince: null } as const;
    const progress = { ...stored.progress, ...ended };
    const line = audited(now, NOBODY, 'job.fail', jobId, error.code);
    const condition = { of: 'revision', jobId, revision: stored.revision } as const;
    const changes: readonly Change[] = [{ kind: 'job_changed', jobId, progress }, line];
    await this.#core.committer.write([{ kind: 'conditional', condition, changes }], () => undefined);
  }

  /** Results that have arrived are still counted, later ones are refused. */
  async #close(job: Job, event: JobEvent, line: Change, error?: StoredJobError): Promise<void> {
    await this.#core.committer.arrived();
    job.closing = true;
    try {
      await this.#core.committer.flush();
      const { changes, apply, undo } = this.#folding.close(job);
      try {
        const also = [...changes, line];
        const options = error === undefined ? { also } : { also, error };
        const written = await this.#jobs.transition(job, event, options);
        this.#book.revokeAll(job);
        if (written) apply();
        else {
          // Another coordinator has ended it at this moment: what is here is folded by itself.
          undo();
          this.#folding.restored(job);
        }
      } catch (refused) {
        undo();
        throw refused;
      }
    } finally {
      job.closing = false;
      this.#core.queue.refresh(job);
    }
  }

  async #requestOfStored(jobId: string, event: JobEvent): Promise<void> {
    const stored = await this.#core.dependencies.store.findJob(jobId);
    if (stored === undefined) throw new ClusterError('not_found', `no job ${jobId}: check the id`);
    const { state } = stored.progress;
    this.#jobs.refuseUnlessSame(state, event);
  }
}
