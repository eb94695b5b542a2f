/**
 * Keeps the numbers of jobs, by type and state, equal to the store's: after bells that may have been missed, and after another
 * coordinator has forgotten some.
 */
import type { JobTable } from '../jobs/job-table.ts';
import type { Store } from '../store/store.ts';

/** Between two counts while they differ, the first and the longest. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** Between two counts because jobs were forgotten: they are many portions, one after the other. */
const FORGOTTEN_MS = 60_000;
/** Between two counts for no reason: what else may have gone wrong does not stay. */
const CALM_MS = 600_000;

export class Census {
  readonly #now: () => number;
  readonly #store: Pick<Store, 'countJobs'>;
  readonly #jobs: Pick<JobTable, 'differences' | 'adjust'>;
  #dueAt: number;
  #waitMs = FIRST_WAIT_MS;
  #lookedAt = -Infinity;
  #differed = '';

  constructor(
    now: () => number,
    store: Pick<Store, 'countJobs'>,
    jobs: Pick<JobTable, 'differences' | 'adjust'>,
  ) {
    this.#now = now;
    this.#store = store;
    this.#jobs = jobs;
    this.#dueAt = now() + CALM_MS;
  }

  /** Bells may have been missed: counts with the next look. */
  gap(): void {
    this.#dueAt = this.#now();
    this.#waitMs = FIRST_WAIT_MS;
  }

  /** Others have forgotten jobs that are over for long. */
  forgotten(): void {
    this.#dueAt = Math.min(this.#dueAt, Math.max(this.#now(), this.#lookedAt + FORGOTTEN_MS));
  }

  /**
   * Counts if it is time. What changes while the store counts may be in its numbers or not, and its bell may be on the way. So a
   * difference is believed only if the count before showed the same one, and it is looked again until there is none. (It was
   * believed at once, once: a job that ended meanwhile was shown as running, or twice as completed, for good.)
   * @throws ClusterError store_unavailable: it is looked again
   */
  async look(): Promise<void> {
    const dueAt = this.#dueAt;
    if (this.#now() < dueAt) return;
    this.#dueAt = Infinity;
    const counts = await this.#store.countJobs().catch((error: unknown) => {
      this.#dueAt = dueAt;
      throw error;
    });
    const differences = this.#jobs.differences(counts);
    const differ = JSON.stringify(differences.map(({ type, state, jobs }) => [type, state, jobs]).toSorted());
    const now = this.#now();
    this.#lookedAt = now;
    if (differences.length === 0) {
      this.#waitMs = FIRST_WAIT_MS;
      this.#dueAt = Math.min(this.#dueAt, now + CALM_MS);
    } else {
      if (differ === this.#differed) this.#jobs.adjust(differences);
      this.#dueAt = Math.min(this.#dueAt, now + this.#waitMs);
      this.#waitMs = Math.min(2 * this.#waitMs, LONGEST_WAIT_MS);
    }
    this.#differed = differ;
  }
}
