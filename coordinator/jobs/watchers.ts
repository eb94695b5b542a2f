/** Who wants to know that something about a job has changed. */
import type { JobListener } from '../cluster.ts';
import type { Log } from '../log.ts';

export class Watchers {
  readonly #listeners = new Set<JobListener>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  watch(listener: JobListener): () => void {
    // Its own object, so that the same function may watch twice.
    const own: JobListener = (jobId) => listener(jobId);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  changed(jobId: string): void {
    for (const listener of this.#listeners) {
      try {
        listener(jobId);
      } catch (error) {
        this.#log.error({ err: error, job_id: jobId }, 'a watcher of jobs failed');
      }
    }
  }
}
