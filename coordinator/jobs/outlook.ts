/** What a job waits for, in words, and its place in the queue. */
import { lacking } from '../scheduler/placement.ts';
import type { Core } from './core.ts';
import type { Job } from './job.ts';
import type { JobTable } from './job-table.ts';
import type { Outlook } from './views.ts';

export class Outlooks {
  readonly #core: Core;
  readonly #jobs: JobTable;
  /** Per group of equal demands, as long as the same workers are connected. */
  #lacks = new WeakMap<object, { readonly version: number; readonly lack: string | null }>();

  constructor(core: Core, jobs: JobTable) {
    this.#core = core;
    this.#jobs = jobs;
  }

  of(job: Job): Outlook {
    const position = job.state === 'pending' ? this.#jobs.line.position(job) : null;
    return { queuePosition: position, waitingFor: this.#waitingFor(job, position) };
  }

  #waitingFor(job: Job, position: number | null): string | null {
    if (job.state !== 'pending' && job.state !== 'running') return null;
    if (!this.#core.storeAvailable) return 'the store: it cannot be written now';
    if (job.leases.size > 0 || this.#core.elsewhere.outOf(job.id).leases > 0 || job.closing) return null;
    // Nothing is left to lease: what is out or waits for its commit will end it.
    if (!job.ready && !job.holdsRecovered) return null;
    const lack = this.#lack(job);
    if (lack !== null) return lack;
    if (!job.ready) return 'workers that had parts of it before the restart';
    const failed = job.hasAttempts ? job.attempts.last : undefined;
    if (failed !== undefined) return `a worker that can compute it; the last one said: ${failed.message}`;
    if (position !== null && position > 0)
      return `behind ${position} ${position === 1 ? 'job' : 'jobs'} of the same user`;
    return 'a free worker';
  }

  /** What no connected worker has; null if one has it all. */
  #lack(job: Job): string | null {
    const group = this.#core.queue.groupOf(job);
    const { version } = this.#core.nodes;
    const known = group === undefined ? undefined : this.#lacks.get(group);
    if (known?.version === version) return known.lack;
    const lack = lacking(job.demand, [...this.#core.nodes.takingWork(), ...this.#core.elsewhere.facts]);
    if (group !== undefined) this.#lacks.set(group, { version, lack });
    return lack;
  }
}
