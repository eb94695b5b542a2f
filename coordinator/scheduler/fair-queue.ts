/**
 * Which job's turn it is, for a given worker.
 *
 * - Between users: equal shares of granted compute time (user-turns.ts), whatever the number, size and priority of
 *   their jobs. Jobs without a user are one user's.
 * - Between a user's priorities: stride scheduling too, 1 : 4 : 16. Every class that has work for the worker gets
 *   its share, so nothing starves and nothing is wasted on an empty class.
 * - Within a priority: first come, first served; but one grant in four goes to the job that got the least so
 *   far. Without that, a job of 2^60 numbers would shut out every later job of its class for ever; with it,
 *   short jobs pass through, and the first job still keeps three quarters.
 * - Jobs with the same demand form a group. A worker is compared with groups, once each, so ten thousand
 *   waiting jobs cost no more per lease than ten (fair-queue.test.ts measures it).
 */
import { Owner } from './job-lanes.ts';
import type { Entry, Group, Queued } from './job-lanes.ts';
import { demandKey, isFeasible } from './placement.ts';
import type { Demand, WorkerFacts } from './placement.ts';
import { UserTurns } from './user-turns.ts';

export type { Group, Queued } from './job-lanes.ts';

/** The groups that a worker is feasible for, found so far. One per connected worker. */
export interface EligibleGroups {
  seen: number;
  groups: Group[];
}

/** Users without jobs are looked through, to be forgotten, when so many are remembered. */
const FORGET_FROM = 64;

export class FairQueue<J extends Queued> {
  readonly #entries = new Map<J, Entry<J>>();
  readonly #groups = new Map<string, Group>();
  /** Those with jobs, and those that had more than the others when their last job went. */
  readonly #owners = new Map<string | null, Owner<J>>();
  readonly #turns = new UserTurns<Owner<J>>();
  #forgetFrom = FORGET_FROM;
  #groupNumber = 0;
  #picks = 0;
  #ready = 0;

  /** Demands of all jobs in the queue. */
  get groups(): Iterable<Group> {
    return this.#groups.values();
  }

  groupOf(job: J): Group | undefined {
    return this.#entries.get(job)?.group;
  }

  get readyJobs(): number {
    return this.#ready;
  }

  /** Users that are remembered. */
  get users(): number {
    return this.#owners.size;
  }

  add(job: J): void {
    const key = demandKey(job.demand);
    const group = this.#groups.get(key) ?? this.#newGroup(key, job.demand);
    group.jobs += 1;
    const owner = this.#owners.get(job.user) ?? new Owner<J>(job.user);
    this.#owners.set(job.user, owner);
    this.#entries.set(job, owner.add(job, group));
    this.refresh(job);
  }

  remove(job: J): void {
    const entry = this.#entries.get(job);
    if (entry === undefined) return;
    this.#entries.delete(job);
    // Once only: the class would count one ready job too few, and never be served again.
    if (entry.wasReady) this.#setReady(entry, false);
    const { group, owner } = entry;
    entry.gone = true;
    owner.remove(entry);
    group.jobs -= 1;
    if (group.jobs === 0) this.#groups.delete(demandKey(group.demand));
    if (owner.jobs === 0) this.#forget(owner);
  }

  /** Looks at `job.ready` again. */
  refresh(job: J): void {
    const entry = this.#entries.get(job);
    if (entry !== undefined && entry.wasReady !== job.ready) this.#setReady(entry, job.ready);
  }

  /**
   * @param worker its hard requirements are met by the answer
   * @param eligible what was found for this worker before
   * @param accepts soft conditions of a group
   * @param skips jobs that this worker shall not have now
   */
  pick(
    worker: WorkerFacts,
    eligible: EligibleGroups,
    accepts: (group: Group) => boolean,
    skips: (job: J) => boolean,
  ): J | undefined {
    this.#update(worker, eligible);
    const groups = eligible.groups.filter(accepts);
    if (groups.length === 0) return undefined;
    this.#picks += 1;
    for (const group of groups) group.accepted = this.#picks;
    for (const owner of this.#turns.line) {
      const job = owner.next(this.#picks, groups, skips);
      if (job !== undefined) return job;
    }
    return undefined;
  }

  /** Counts `ms` of compute time against the job, its class and its user. */
  charge(job: J, ms: number): void {
    const entry = this.#entries.get(job);
    if (entry === undefined) return;
    entry.owner.charge(entry, ms);
    this.#turns.charge(entry.owner, ms);
  }

  /**
   * While a request waits for something of the job to be claimed: as if it had been granted, so that of a thousand
   * requests that come meanwhile only this user's share waits along.
   * @returns takes it back
   */
  reserve(job: J, ms: number): () => void {
    const owner = this.#entries.get(job)?.owner;
    if (owner === undefined) return () => undefined;
    this.#turns.move(owner, ms);
    return () => this.#turns.move(owner, -ms);
  }

  #newGroup(key: string, demand: Demand): Group {
    this.#groupNumber += 1;
    const group = { demand, number: this.#groupNumber, jobs: 0, accepted: 0 };
    this.#groups.set(key, group);
    return group;
  }

  #setReady(entry: Entry<J>, ready: boolean): void {
    const { owner } = entry;
    owner.setReady(entry, ready);
    this.#ready += ready ? 1 : -1;
    if (ready && !owner.inLine) this.#turns.arrive(owner);
    else if (!ready && owner.ready === 0) this.#turns.leave(owner);
  }

  /** The user has no jobs any more. Who had more than the others is remembered until they have had as much. */
  #forget(owner: Owner<J>): void {
    if (owner.pass <= this.#turns.served) this.#owners.delete(owner.user);
    if (this.#owners.size < this.#forgetFrom) return;
    for (const one of this.#owners.values()) {
      if (one.jobs === 0 && one.pass <= this.#turns.served) this.#owners.delete(one.user);
    }
    // Doubled, so that looking through them costs little for each that goes.
    this.#forgetFrom = Math.max(FORGET_FROM, 2 * this.#owners.size);
  }

  /** Compares the worker with the groups that are new since the last time. */
  #update(worker: WorkerFacts, eligible: EligibleGroups): void {
    if (eligible.groups.some((group) => group.jobs === 0)) {
      eligible.groups = eligible.groups.filter((group) => group.jobs > 0);
    }
    if (eligible.seen === this.#groupNumber) return;
    const seen = eligible.seen;
    eligible.seen = this.#groupNumber;
    // Newest last in the map's order, so only the tail is new; a group that emptied and came back is new too.
    const fresh: Group[] = [];
    for (const group of this.#groups.values()) if (group.number > seen) fresh.push(group);
    for (const group of fresh) if (isFeasible(group.demand, worker)) eligible.groups.push(group);
  }
}
