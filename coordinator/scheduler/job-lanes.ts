/** The jobs of one user in the queue: a class for each priority, in it a lane for each demand. */
import type { Priority } from '../../protocol/http.ts';
import { MinHeap } from './heap.ts';
import type { Demand } from './placement.ts';
import type { Turn } from './user-turns.ts';

/** A job as the queue sees it. */
export interface Queued {
  readonly seq: number;
  /** Whose it is; null: nobody's. */
  readonly user: string | null;
  readonly priority: Priority;
  readonly demand: Demand;
  /** There is something to lease. Tell the queue by `refresh` when it changes. */
  readonly ready: boolean;
}

/** Jobs that the same workers can take. */
export interface Group {
  readonly demand: Demand;
  readonly number: number;
  jobs: number;
  /** Number of the latest pick whose worker may take them. */
  accepted: number;
}

export interface Entry<J extends Queued> {
  readonly job: J;
  readonly group: Group;
  readonly owner: Owner<J>;
  readonly lane: Lane<J>;
  grantedMs: number;
  inHeap: boolean;
  wasReady: boolean;
  gone: boolean;
}

/** The jobs of one user, one priority and one demand. */
export interface Lane<J extends Queued> {
  /** By order of submission; may hold entries that are no longer ready, which are dropped when they surface. */
  readonly waiting: MinHeap<Entry<J>>;
  /** Ready jobs that were granted something. */
  readonly begun: Set<Entry<J>>;
  jobs: number;
}

interface PriorityClass<J extends Queued> {
  readonly priority: Priority;
  readonly lanes: Map<Group, Lane<J>>;
  pass: number;
  ready: number;
  picks: number;
}

/** One grant in so many goes to the job of the class that got least. */
const SHARE_TURN = 4;
/** So many jobs of a class are begun at most for the sake of sharing. */
const MAX_SHARING = 64;
/** A class that nobody could serve for long may not claim all of it back at once (weighted ms). */
const MAX_LAG_MS = 60_000;
export const WEIGHTS = { low: 1, normal: 4, high: 16 } as const satisfies Record<Priority, number>;

/** A user with jobs in the queue. */
export class Owner<J extends Queued> implements Turn {
  readonly user: string | null;
  pass = 0;
  servedAt = 0;
  inLine = false;
  jobs = 0;
  readonly #classes: Record<Priority, PriorityClass<J>> = {
    low: newClass('low'),
    normal: newClass('normal'),
    high: newClass('high'),
  };
  /** Sorted at each pick: the class that is owed most first. */
  readonly #byPass = [this.#classes.high, this.#classes.normal, this.#classes.low];

  constructor(user: string | null) {
    this.user = user;
  }

  get ready(): number {
    return this.#classes.low.ready + this.#classes.normal.ready + this.#classes.high.ready;
  }

  add(job: J, group: Group): Entry<J> {
    const { lanes } = this.#classes[job.priority];
    const lane = lanes.get(group) ?? newLane<J>();
    lanes.set(group, lane);
    lane.jobs += 1;
    this.jobs += 1;
    return { job, group, owner: this, lane, grantedMs: 0, inHeap: false, wasReady: false, gone: false };
  }

  remove({ job, group, lane }: Entry<J>): void {
    lane.jobs -= 1;
    this.jobs -= 1;
    if (lane.jobs === 0) this.#classes[job.priority].lanes.delete(group);
  }

  setReady(entry: Entry<J>, ready: boolean): void {
    const { job, lane } = entry;
    const own = this.#classes[job.priority];
    entry.wasReady = ready;
    own.ready += ready ? 1 : -1;
    if (!ready) {
      lane.begun.delete(entry);
      return;
    }
    if (own.ready === 1) {
      const active = this.#byPass.filter((other) => other !== own && other.ready > 0);
      if (active.length > 0) own.pass = Math.max(own.pass, Math.min(...active.map(({ pass }) => pass)));
    }
    if (entry.grantedMs > 0) lane.begun.add(entry);
    if (!entry.inHeap) {
      entry.inHeap = true;
      lane.waiting.push(entry);
    }
  }

  /** Counts `ms` of compute time against the job and its class. */
  charge(entry: Entry<J>, ms: number): void {
    entry.grantedMs += ms;
    if (entry.wasReady) entry.lane.begun.add(entry);
    const own = this.#classes[entry.job.priority];
    own.pass += ms / WEIGHTS[own.priority];
    for (const other of this.#byPass) other.pass = Math.max(other.pass, own.pass - MAX_LAG_MS);
  }

  /**
   * The job whose turn it is among those of the groups that `pick` accepts.
   * @param groups those groups, all of them
   */
  next(pick: number, groups: readonly Group[], skips: (job: J) => boolean): J | undefined {
    const rejects = (entry: Entry<J>): boolean => skips(entry.job);
    this.#byPass.sort((a, b) => a.pass - b.pass);
    for (const own of this.#byPass) {
      if (own.ready === 0) continue;
      const lanes = acceptedLanes(own, pick, groups);
      // Counted here, not when it is granted: of a thousand requests that wait for the claim of a segment,
      // a quarter shall wait for the other job, not all of them.
      const sharing = own.picks % SHARE_TURN === SHARE_TURN - 1;
      const entry = (sharing ? least(lanes, rejects) : undefined) ?? first(lanes, rejects);
      if (entry === undefined) continue;
      own.picks += 1;
      return entry.job;
    }
    return undefined;
  }
}

function newClass<J extends Queued>(priority: Priority): PriorityClass<J> {
  return { priority, lanes: new Map(), pass: 0, ready: 0, picks: 0 };
}

function newLane<J extends Queued>(): Lane<J> {
  return { waiting: new MinHeap(({ job }) => job.seq), begun: new Set(), jobs: 0 };
}

/** Walks over whichever is fewer: a thousand users may have as many demands, and each of them few. */
function acceptedLanes<J extends Queued>(
  { lanes }: PriorityClass<J>,
  pick: number,
  groups: readonly Group[],
): readonly Lane<J>[] {
  const accepted: Lane<J>[] = [];
  if (lanes.size <= groups.length) {
    for (const [group, lane] of lanes) if (group.accepted === pick) accepted.push(lane);
    return accepted;
  }
  for (const group of groups) {
    const lane = lanes.get(group);
    if (lane !== undefined) accepted.push(lane);
  }
  return accepted;
}

type Rejects<J extends Queued> = (entry: Entry<J>) => boolean;

/** The ready job that was submitted first. */
function first<J extends Queued>(lanes: readonly Lane<J>[], rejects: Rejects<J>): Entry<J> | undefined {
  let found: Entry<J> | undefined;
  for (const { waiting } of lanes) {
    const entry = head(waiting, rejects);
    if (entry !== undefined && (found === undefined || entry.job.seq < found.job.seq)) found = entry;
  }
  return found;
}

/** The ready job that got least: one that got nothing yet, unless enough are begun already. */
function least<J extends Queued>(lanes: readonly Lane<J>[], rejects: Rejects<J>): Entry<J> | undefined {
  let begun = 0;
  let found: Entry<J> | undefined;
  for (const lane of lanes) {
    for (const entry of lane.begun) {
      begun += 1;
      if (rejects(entry)) continue;
      if (found === undefined || entry.grantedMs < found.grantedMs) found = entry;
    }
  }
  if (begun >= MAX_SHARING) return found;
  return first(lanes, (entry) => entry.grantedMs > 0 || rejects(entry)) ?? found;
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
