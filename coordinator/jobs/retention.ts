/** Forgets jobs that are over for long, in small portions, so that no commit holds up the others. */
import type { Core } from './core.ts';
import type { JobTable } from './job-table.ts';

const DAY_MS = 24 * 3_600_000;
const PORTION = 100;
/** While a portion was full, the next follows at the next sweep; otherwise after this time. */
const LOOK_EVERY_MS = 60_000;

export class Retention {
  readonly #core: Core;
  readonly #jobs: JobTable;
  #nextAt = 0;
  #busy = false;

  constructor(core: Core, jobs: JobTable) {
    this.#core = core;
    this.#jobs = jobs;
  }

  sweep(): void {
    const { retentionDays } = this.#core.rules;
    const now = this.#core.now();
    if (retentionDays === null || this.#busy || now < this.#nextAt || !this.#core.committer.available) return;
    this.#busy = true;
    void this.#prune(now - retentionDays * DAY_MS);
  }

  async #prune(finishedBefore: number): Promise<void> {
    try {
      const pruned = await this.#core.committer.write(
        [{ kind: 'jobs_pruned', finishedBefore, limit: PORTION }],
        ({ pruned: gone }) => {
          this.#jobs.forgotten(gone);
          return gone.reduce((sum, { jobs }) => sum + jobs, 0);
        },
      );
      if (pruned > 0)
        this.#core.dependencies.log.info({ jobs: pruned }, 'jobs that are over for long were forgotten');
      if (pruned < PORTION) this.#nextAt = this.#core.now() + LOOK_EVERY_MS;
    } catch {
      // The committer has said why; what is due stays due.
      this.#nextAt = this.#core.now() + LOOK_EVERY_MS;
    } finally {
      this.#busy = false;
    }
  }
}
