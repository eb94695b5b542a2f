/** Reads of jobs: those in memory as they are now, the others from the store. */
import { ClusterError } from '../../protocol/errors.ts';
import type { JobCoverage, JobList, JobListQuery, JobResults, JobStatus } from '../../protocol/http.ts';
import type { Workload } from '../../protocol/workload.ts';
import type { JobSnapshot, StoredJob } from '../store/store.ts';
import type { Core } from './core.ts';
import type { Job } from './job.ts';
import type { JobTable } from './job-table.ts';
import type { Outlooks } from './outlook.ts';
import {
  coverageOfJob,
  coverageOfSnapshot,
  leasesOfJob,
  resultsOfJob,
  resultsOfSnapshot,
  statusOfJob,
  statusOfStored,
} from './views.ts';
import type { Outlook } from './views.ts';

export class JobReads {
  readonly #core: Core;
  readonly #jobs: JobTable;
  readonly #outlooks: Outlooks;

  constructor(core: Core, jobs: JobTable, outlooks: Outlooks) {
    this.#core = core;
    this.#jobs = jobs;
    this.#outlooks = outlooks;
  }

  outlook(job: Job): Outlook {
    return this.#outlooks.of(job);
  }

  async status(jobId: string): Promise<JobStatus> {
    const done = await this.#doneOf([jobId]);
    const job = this.#jobs.get(jobId);
    return job === undefined ? this.#stored(await this.#find(jobId), done) : this.#live(job, done);
  }

  /** Whose the job is; null: nobody's. @throws ClusterError not_found */
  async owner(jobId: string): Promise<string | null> {
    const { record } = this.#jobs.get(jobId) ?? (await this.#find(jobId));
    return record.userId;
  }

  async results(jobId: string): Promise<JobResults> {
    const job = this.#inMemory(jobId);
    if (job !== undefined) return resultsOfJob(job);
    const snapshot = await this.#snapshot(jobId);
    return resultsOfSnapshot(snapshot, this.#workloadOf(snapshot.job));
  }

  async coverage(jobId: string): Promise<JobCoverage> {
    const inMemory = this.#inMemory(jobId);
    if (inMemory !== undefined) return coverageOfJob(inMemory);
    const job = this.#jobs.get(jobId);
    const elsewhere = job === undefined ? [] : await this.#core.elsewhere.leases(jobId);
    const snapshot = await this.#snapshot(jobId);
    const leased = [...(job === undefined ? [] : leasesOfJob(job)), ...elsewhere];
    return coverageOfSnapshot(snapshot, this.#workloadOf(snapshot.job), leased);
  }

  async list({ status, type, user_id: userId, limit, cursor }: JobListQuery): Promise<JobList> {
    const before = cursor === undefined ? undefined : decodeCursor(cursor);
    const { store } = this.#core.dependencies;
    const found = await store.listJobs({ state: status, type, userId, before, limit: limit + 1 });
    const page = found.slice(0, limit);
    const done = await this.#doneOf(page.map(({ record }) => record.id));
    const last = page.at(-1);
    return {
      jobs: page.map((stored) => {
        const job = this.#jobs.get(stored.record.id);
        return job === undefined ? this.#stored(stored, done) : this.#live(job, done);
      }),
      next_cursor: found.length > limit && last !== undefined ? encodeCursor(last) : null,
    };
  }

  /** Where several coordinators have parts of a job, the store alone has all of it. */
  #inMemory(jobId: string): Job | undefined {
    return this.#core.elsewhere.shared ? undefined : this.#jobs.get(jobId);
  }

  /** What is durably counted, by whomever; nothing where memory and rows of jobs say it all. */
  async #doneOf(jobIds: readonly string[]): Promise<ReadonlyMap<string, bigint>> {
    return this.#core.elsewhere.shared ? this.#core.dependencies.store.progress(jobIds) : NONE;
  }

  #live(job: Job, all: ReadonlyMap<string, bigint>): JobStatus {
    const done = all.get(job.id);
    const others =
      done === undefined ? undefined : { done, otherRate: this.#core.elsewhere.outOf(job.id).rate };
    return statusOfJob(job, this.#outlooks.of(job), this.#core.now(), others);
  }

  #stored(stored: StoredJob, all: ReadonlyMap<string, bigint>): JobStatus {
    const done = all.get(stored.record.id) ?? stored.done;
    return statusOfStored({ ...stored, done }, this.#workloadOf(stored)?.unit ?? 'units');
  }

  #workloadOf({ record }: StoredJob): Workload | undefined {
    const workload = this.#core.dependencies.workloads.get(record.type);
    return workload?.version === record.workloadVersion ? workload : undefined;
  }

  async #snapshot(jobId: string): Promise<JobSnapshot> {
    const snapshot = await this.#core.dependencies.store.findSnapshot(jobId);
    if (snapshot === undefined) throw notFound(jobId);
    return snapshot;
  }

  async #find(jobId: string): Promise<StoredJob> {
    const stored = await this.#core.dependencies.store.findJob(jobId);
    if (stored === undefined) throw notFound(jobId);
    return stored;
  }
}

const NONE: ReadonlyMap<string, bigint> = new Map();

function notFound(jobId: string): ClusterError {
  return new ClusterError('not_found', `no job ${jobId}: check the id`);
}

function encodeCursor({ record }: StoredJob): string {
  return Buffer.from(`${record.createdAt} ${record.id}`).toString('base64url');
}

function decodeCursor(cursor: string): { readonly createdAt: number; readonly id: string } {
  const [, createdAt, id] =
    /^([0-9]{1,16}) ([a-z0-9-]{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (createdAt !== undefined && id !== undefined) return { createdAt: Number(createdAt), id };
  const message = 'expected the next_cursor of the page before';
  throw new ClusterError('invalid_request', `cursor: ${message}`, { fields: [{ path: 'cursor', message }] });
}
