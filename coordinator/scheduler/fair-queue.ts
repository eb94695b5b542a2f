/**
 * Which job's turn it is, for a given worker.
 *
 * - Between priorities: stride scheduling by granted compute time, 1 : 4 : 16. Every class that has work for
 *   the worker gets its share, so nothing starves and nothing is wasted on an empty class.
 * - Within a priority: first come, first served; but one grant in four goes to the job that got the least so
 *   far. Without that, a job of 2^60 numbers would shut out every later job of its class for ever; with it,
 *   short jobs pass through, and the first job still keeps three quarters.
 * - Jobs with the same demand form a group. A worker is compared with groups, once each, so ten thousand
 *   waiting jobs cost no more per lease than ten (fair-queue.test.ts measures it).
 */
import type { Priority } from '../../protocol/http.ts';
import { MinHeap } from './heap.ts';
import { demandKey, isFeasible } from './placement.ts';
import type { Demand, WorkerFacts } from './placement.ts';

/** A job as the queue sees it. */
export interface Queued {
  readonly seq: number;
  readonly priority: Priority;
  readonly demand: Demand;
  /** There is something to lease. Tell the queue by `refresh` when it changes. */
  readonly ready: boolean;
}

export const WEIGHTS = { low: 1, normal: 4, high: 16 } as const satisfies Record<Priority, number>;
const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low'];
/** One grant in so many goes to the job of the class that got least. */
const SHARE_TURN = 4;
/** So many jobs of a class are begun at most for the sake of sharing. */
const MAX_SHARING = 64;
/** A class that nobody could serve for long may not claim all of it back at once (weighted ms). */
const MAX_LAG_MS = 60_000;

interface Entry<J> {
  readonly job: J;
  readonly group: Group<J>;
  grantedMs: number;
  inHeap: boolean;
  wasReady: boolean;
  gone: boolean;
}

/** The jobs of one priority and one demand. */
interface Lane<J> {
  /** By order of submission; may hold entries that are no longer ready, which are dropped when they surface. */
  readonly waiting: MinHeap<Entry<J>>;
  /** Ready jobs that were granted something. */
  readonly begun: Set<Entry<J>>;
}

export interface Group<J> {
  readonly demand: Demand;
  readonly number: number;
  readonly lanes: Record<Priority, Lane<J>>;
  jobs: number;
}

interface PriorityClass {
  pass: number;
  ready: number;
  picks: number;
}

/** The groups that a worker is feasible for, found so far. One per connected worker. */
export interface EligibleGroups<J> {
  seen: number;
  groups: Group<J>[];
}

export class FairQueue<J extends Queued> {
  readonly #entries = new Map<J, Entry<J>>();
  readonly #groups = new Map<string, Group<J>>();
  /** Sorted at each pick: the class that is owed most first. */
  readonly #byPass = [...PRIORITIES];
  readonly #classes: Record<Priority, PriorityClass> = {
    low: { pass: 0, ready: 0, picks: 0 },
    normal: { pass: 0, ready: 0, picks: 0 },
    high: { pass: 0, ready: 0, picks: 0 },
  };
  #groupNumber = 0;

  /** Demands of all jobs in the queue. */
  get groups(): Iterable<Group<J>> {
    return this.#groups.values();
  }

  groupOf(job: J): Group<J> | undefined {
    return this.#entries.get(job)?.group;
  }

  get readyJobs(): number {
    return this.#classes.low.ready + this.#classes.normal.ready + this.#classes.high.ready;
  }

  add(job: J): void {
    const key = demandKey(job.demand);
    const group = this.#groups.get(key) ?? this.#newGroup(key, job.demand);
    group.jobs += 1;
    const entry = { job, group, grantedMs: 0, inHeap: false, wasReady: false, gone: false };
    this.#entries.set(job, entry);
    this.refresh(job);
  }

  remove(job: J): void {
    const entry = this.#entries.get(job);
    if (entry === undefined) return;
    this.#entries.delete(job);
    // Once only: the class would count one ready job too few, and never be served again.
    if (entry.wasReady) this.#setReady(entry, false);
    entry.gone = true;
    entry.group.jobs -= 1;
    if (entry.group.jobs === 0) this.#groups.delete(demandKey(entry.group.demand));
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
    eligible: EligibleGroups<J>,
    accepts: (group: Group<J>) => boolean,
    skips: (job: J) => boolean,
  ): J | undefined {
    this.#update(worker, eligible);
    const groups = eligible.groups.filter(accepts);
    if (groups.length === 0) return undefined;
    this.#byPass.sort((a, b) => this.#classes[a].pass - this.#classes[b].pass);
    for (const priority of this.#byPass) {
      if (this.#classes[priority].ready === 0) continue;
      // Counted here, not when it is granted: of a thousand requests that wait for the claim of a segment,
      // a quarter shall wait for the other job, not all of them.
      const sharing = this.#classes[priority].picks % SHARE_TURN === SHARE_TURN - 1;
      const rejects = (entry: Entry<J>): boolean => skips(entry.job);
      const entry =
        (sharing ? least(groups, priority, rejects) : undefined) ?? first(groups, priority, rejects);
      if (entry === undefined) continue;
      this.#classes[priority].picks += 1;
      return entry.job;
    }
    return undefined;
  }

  /** Counts `ms` of compute time against the job and its class. */
  charge(job: J, ms: number): void {
    const entry = this.#entries.get(job);
    if (entry === undefined) return;
    entry.grantedMs += ms;
    if (entry.wasReady) entry.group.lanes[job.priority].begun.add(entry);
    const own = this.#classes[job.priority];
    own.pass += ms / WEIGHTS[job.priority];
    for (const priority of PRIORITIES) {
      const other = this.#classes[priority];
      other.pass = Math.max(other.pass, own.pass - MAX_LAG_MS);
    }
  }

  #newGroup(key: string, demand: Demand): Group<J> {
    const lane = (): Lane<J> => ({ waiting: new MinHeap<Entry<J>>(({ job }) => job.seq), begun: new Set() });
    this.#groupNumber += 1;
    const lanes = { low: lane(), normal: lane(), high: lane() };
    const group = { demand, number: this.#groupNumber, lanes, jobs: 0 };
    this.#groups.set(key, group);
    return group;
  }

  #setReady(entry: Entry<J>, ready: boolean): void {
    entry.wasReady = ready;
    const { priority } = entry.job;
    const own = this.#classes[priority];
    const lane = entry.group.lanes[priority];
    own.ready += ready ? 1 : -1;
    if (!ready) {
      lane.begun.delete(entry);
      return;
    }
    if (own.ready === 1) {
      const active = PRIORITIES.filter((other) => other !== priority && this.#classes[other].ready > 0);
      const passes = active.map((other) => this.#classes[other].pass);
      if (passes.length > 0) own.pass = Math.max(own.pass, Math.min(...passes));
    }
    if (entry.grantedMs > 0) lane.begun.add(entry);
    if (!entry.inHeap) {
      entry.inHeap = true;
      lane.waiting.push(entry);
    }
  }

  /** Compares the worker with the groups that are new since the last time. */
  #update(worker: WorkerFacts, eligible: EligibleGroups<J>): void {
    if (eligible.groups.some((group) => group.jobs === 0)) {
      eligible.groups = eligible.groups.filter((group) => group.jobs > 0);
    }
    if (eligible.seen === this.#groupNumber) return;
    const seen = eligible.seen;
    eligible.seen = this.#groupNumber;
    // Newest last in the map's order, so only the tail is new; a group that emptied and came back is new too.
    const fresh: Group<J>[] = [];
    for (const group of this.#groups.values()) if (group.number > seen) fresh.push(group);
    for (const group of fresh) if (isFeasible(group.demand, worker)) eligible.groups.push(group);
  }
}

type Rejects<J> = (entry: Entry<J>) => boolean;

/** The ready job that was submitted first. */
function first<J extends Queued>(
  groups: readonly Group<J>[],
  priority: Priority,
  rejects: Rejects<J>,
): Entry<J> | undefined {
  let found: Entry<J> | undefined;
  for (const group of groups) {
    const entry = head(group.lanes[priority].waiting, rejects);
    if (entry !== undefined && (found === undefined || entry.job.seq < found.job.seq)) found = entry;
  }
  return found;
}

/** The ready job that got least: one that got nothing yet, unless enough are begun already. */
function least<J extends Queued>(
  groups: readonly Group<J>[],
  priority: Priority,
  rejects: Rejects<J>,
): Entry<J> | undefined {
  let begun = 0;
  let found: Entry<J> | undefined;
  for (const group of groups) {
    for (const entry of group.lanes[priority].begun) {
      begun += 1;
      if (rejects(entry)) continue;
      if (found === undefined || entry.grantedMs < found.grantedMs) found = entry;
    }
  }
  if (begun >= MAX_SHARING) return found;
  return first(groups, priority, (entry) => entry.grantedMs > 0 || rejects(entry)) ?? found;
}

/** The first entry of the heap that is ready and not rejected; entries that are not ready fall out. */
function head<J extends Queued>(heap: MinHeap<Entry<J>>, rejects: Rejects<J>): Entry<J> | undefined {
  const rejected: Entry<J>[] = [];
  let found: Entry<J> | undefined;
  for (let entry = heap.peek(); entry !== undefined; entry = heap.peek()) {
    if (entry.wasReady && !entry.gone) {
      if (!rejects(entry)) {
        found = entry;
        break;
      }
      rejected.push(entry);
    } else {
      entry.inHeap = false;
    }
    heap.pop();
  }
  for (const entry of rejected) heap.push(entry);
  return found;
}
