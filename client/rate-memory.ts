/** Units per second of this engine, by job: what is fast for one workload is slow for another. */

/** More jobs than a worker changes between; older ones are measured anew. */
const MAX_JOBS = 16;

export class RateMemory {
  readonly #rates = new Map<string, number>();

  set(job_id: string, rate_per_second: number): void {
    this.#rates.delete(job_id);
    this.#rates.set(job_id, rate_per_second);
    for (const oldest of this.#rates.keys()) {
      if (this.#rates.size <= MAX_JOBS) break;
      this.#rates.delete(oldest);
    }
  }

  of(job_id: string): number | undefined {
    return this.#rates.get(job_id);
  }

  /** Of the job computed last; 0 if none was. */
  latest(): number {
    return [...this.#rates.values()].at(-1) ?? 0;
  }
}
