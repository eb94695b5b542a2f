/**
 * Keeps what this coordinator has in memory equal to what the store says that it owns, and to the rows of jobs that
 * others change: after a ring, after a take-over, after a gap in the rings.
 */
import type { Core } from '../jobs/core.ts';
import type { Folding } from '../jobs/folding.ts';
import { addParts, restoreJob } from '../jobs/job.ts';
import type { Job } from '../jobs/job.ts';
import type { JobTable } from '../jobs/job-table.ts';
import type { LeaseBook } from '../jobs/lease-book.ts';
import type { Recovery } from '../jobs/recovery.ts';
import { isOver } from '../jobs/transitions.ts';
import type { Waker } from '../jobs/waker.ts';
import type { OwnParts, ReplicaChannel, StoredJob } from '../store/store.ts';

const NOTHING_OWNED: OwnParts = {
  share: { done: 0n, tally: null, figures: null },
  adopted: new Map(),
  segments: [],
  results: [],
};

export interface OwnershipParts {
  readonly jobs: JobTable;
  readonly book: LeaseBook;
  readonly folding: Folding;
  readonly recovery: Recovery;
  readonly waker: Waker;
}

/** A row that is being read, and the read after it. */
interface Look {
  readonly done: Promise<void>;
  again: Promise<void> | undefined;
}

export class Ownership {
  readonly #core: Core;
  readonly #channel: ReplicaChannel;
  readonly #parts: OwnershipParts;
  readonly #heldBack = new Set<string>();
  readonly #looking = new Map<string, Look>();

  constructor(core: Core, channel: ReplicaChannel, parts: OwnershipParts) {
    this.#core = core;
    this.#channel = channel;
    this.#parts = parts;
  }

  /** The job's row has changed, or is new. Several rings while it is read are one more read. */
  changed(jobId: string): Promise<void> {
    const under = this.#looking.get(jobId);
    if (under !== undefined) {
      under.again ??= under.done.catch(() => undefined).then(() => this.changed(jobId));
      return under.again;
    }
    const done = this.#look(jobId).finally(() => this.#looking.delete(jobId));
    this.#looking.set(jobId, { done, again: undefined });
    return done;
  }

  async #look(jobId: string): Promise<void> {
    const job = this.#parts.jobs.get(jobId);
    if (job !== undefined) {
      await job.exclusive(() => this.#parts.jobs.refresh(job));
      this.#ended(job);
      return;
    }
    const stored = await this.#core.dependencies.store.findJob(jobId);
    if (stored !== undefined) this.#add(stored, NOTHING_OWNED);
  }

  /** Somebody asks for a job that is not in memory: its bell may be on the way. One that is over was counted before, or will be by its bell. */
  async learn(jobId: string): Promise<void> {
    if (this.#parts.jobs.get(jobId) !== undefined) return this.changed(jobId);
    const stored = await this.#core.dependencies.store.findJob(jobId);
    if (stored !== undefined && !isOver(stored.progress.state)) this.#add(stored, NOTHING_OWNED);
  }

  /** Of this job something was taken over: its workers may come back with answers, so its holes wait (recovery.ts). */
  holdBack(jobId: string): void {
    this.#heldBack.add(jobId);
  }

  /**
   * Adds to memory what the store says that this coordinator owns of the job.
   * @throws ClusterError store_unavailable: nothing was added
   */
  async reconcile(jobId: string): Promise<void> {
    const { store } = this.#core.dependencies;
    if (this.#parts.jobs.get(jobId) === undefined) {
      const stored = await store.findJob(jobId);
      const parts = await this.#channel.ownParts(jobId);
      if (stored !== undefined && isOver(stored.progress.state)) {
        this.#heldBack.delete(jobId);
        // Of a job that is over and folded, the shares stay whose they are.
        if (parts.results.length > 0) this.#addOver(stored, parts);
        return;
      }
      if (stored !== undefined) this.#add(stored, NOTHING_OWNED);
    }
    const job = this.#parts.jobs.get(jobId);
    if (job === undefined) return;
    await job.exclusive(() => this.#addParts(job));
    this.#parts.folding.restored(job);
    this.#core.queue.refresh(job);
    this.#core.watchers.changed(jobId);
    this.#parts.waker.wake(job);
  }

  async #addParts(job: Job): Promise<void> {
    // What is compared must stand still: no claim (that is exclusive too), no fold, nothing on its way.
    while (job.foldInFlight) await this.#core.committer.flush();
    job.foldInFlight = true;
    try {
      await this.#core.committer.flush();
      const parts = await this.#channel.ownParts(job.id);
      const isHeldBack = this.#heldBack.delete(job.id);
      if (isOver(job.state) && parts.results.length === 0) return;
      const added = addParts(job, parts, this.#core.now());
      if (added.length > 0 && isHeldBack) this.#parts.recovery.hold([job]);
    } finally {
      job.foldInFlight = false;
    }
  }

  /** Rings may have been missed. */
  async resync(): Promise<void> {
    const { store } = this.#core.dependencies;
    const { jobs } = this.#parts;
    const active = await store.loadActive();
    const found = new Set(active.map(({ job }) => job.record.id));
    for (const { job: stored, ...parts } of active) {
      const { id } = stored.record;
      const job = jobs.get(id);
      if (job === undefined) this.#add(stored, NOTHING_OWNED);
      else if (job.revision < stored.revision) await this.changed(id);
      if (parts.segments.length > 0 || parts.results.length > 0 || parts.adopted.size > 0)
        await this.reconcile(id);
    }
    for (const job of [...jobs.all]) {
      if (!isOver(job.state) && !found.has(job.id)) await this.changed(job.id);
    }
  }

  #add(stored: StoredJob, parts: OwnParts): Job | undefined {
    const { id, type, workloadVersion } = stored.record;
    const known = this.#parts.jobs.get(id);
    if (known !== undefined) return known;
    if (isOver(stored.progress.state)) {
      this.#parts.jobs.countOver(stored);
      return undefined;
    }
    const workload = this.#core.dependencies.workloads.get(type);
    // A newer coordinator, or an older one, may know it: while versions differ, it is theirs.
    if (workload?.version !== workloadVersion) return undefined;
    const job = restoreJob(stored, parts, workload, this.#core.now());
    this.#parts.jobs.add(job);
    return job;
  }

  #addOver(stored: StoredJob, parts: OwnParts): Job | undefined {
    const { type, workloadVersion } = stored.record;
    const workload = this.#core.dependencies.workloads.get(type);
    if (workload?.version !== workloadVersion) return undefined;
    const job = restoreJob(stored, parts, workload, this.#core.now());
    this.#parts.jobs.addOver(job);
    this.#parts.folding.restored(job);
    return job;
  }

  /** Another coordinator may have ended it: what is out is not wanted, what arrived is folded. */
  #ended(job: Job): void {
    if (!isOver(job.state)) return;
    this.#parts.book.revokeAll(job);
    this.#parts.folding.restored(job);
  }
}
