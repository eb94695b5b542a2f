/** How many jobs may wait: of one user, and of all together. */
import { ClusterError } from '../../protocol/errors.ts';
import { MAX_WAITING_JOBS } from '../../protocol/http.ts';
import type { Actor } from '../cluster.ts';
import type { JobRules } from './job-rules.ts';
import type { WaitingLine } from './waiting-line.ts';

export class WaitingLimits {
  readonly #rules: JobRules;
  readonly #line: WaitingLine;
  /** Submits that wait for their commit, by user. */
  readonly #arriving = new Map<string | null, number>();
  #allArriving = 0;

  constructor(rules: JobRules, line: WaitingLine) {
    this.#rules = rules;
    this.#line = line;
  }

  /**
   * A job of this caller arrives. Call what is returned once it waits in the line, or was refused.
   * @throws ClusterError limit_reached
   */
  admit({ user, role }: Actor): () => void {
    const { maxWaitingJobs, maxWaitingJobsAdmin } = this.#rules;
    const isAdmin = role === 'admin';
    const most = isAdmin ? maxWaitingJobsAdmin : maxWaitingJobs;
    const arriving = this.#arriving.get(user) ?? 0;
    if (this.#line.sizeOf(user) + arriving >= most) {
      const whose = user ?? (isAdmin ? 'the caller without a key' : 'all callers without a key together');
      const limit = isAdmin ? 'MAX_WAITING_JOBS_ADMIN' : 'MAX_WAITING_JOBS';
      throw new ClusterError(
        'limit_reached',
        `${most} jobs of ${whose} are waiting already, as many as ${limit} allows: submit again when some have begun`,
      );
    }
    if (this.#line.size + this.#allArriving >= MAX_WAITING_JOBS) {
      throw new ClusterError(
        'limit_reached',
        `${MAX_WAITING_JOBS} jobs of all users are waiting already, as many as a coordinator takes: submit again later`,
      );
    }
    this.#arriving.set(user, arriving + 1);
    this.#allArriving += 1;
    return () => {
      const left = (this.#arriving.get(user) ?? 0) - 1;
      if (left > 0) this.#arriving.set(user, left);
      else this.#arriving.delete(user);
      this.#allArriving -= 1;
    };
  }
}
