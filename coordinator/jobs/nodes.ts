/** The workers: who is connected, what they said of themselves, what they did. Bounded memory. */
import { ClusterError } from '../../protocol/errors.ts';
import type { WorkerState } from '../../protocol/http.ts';
import { isGpuKind } from '../../protocol/messages.ts';
import type { Heartbeat, Hello } from '../../protocol/messages.ts';
import type { WorkerLink } from '../cluster.ts';
import type { EligibleGroups } from '../scheduler/fair-queue.ts';
import { workerFacts } from '../scheduler/placement.ts';
import type { WorkerFacts } from '../scheduler/placement.ts';
import { ActivityLane } from './activity-lane.ts';
import type { Job } from './job.ts';
import type { Lease } from './lease.ts';

/** What a worker showed on one job. */
export interface Performance {
  rate: number | undefined;
  lastLength: bigint | undefined;
}

/** Workers that left are remembered until there are more of them than this. */
const MAX_OFFLINE = 1000;
/** Jobs whose rates are remembered per worker. */
const MAX_PERFORMANCES = 8;
/** So many contradicting results within the window bar a worker for a while. */
const CONTRADICTIONS = 3;
const CONTRADICTION_WINDOW_MS = 10 * 60_000;
const BARRED_MS = 5 * 60_000;
/** After a failed batch a worker gets no other of the same job for so long. */
const AVOID_MS = 60_000;
const MAX_AVOIDED = 64;

function dropFirst(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}

export class Node {
  hello: Hello;
  facts: WorkerFacts;
  link: WorkerLink | undefined;
  connectedAt: number;
  lastSeen: number;
  reportedState: Heartbeat['state'] = 'idle';
  busyFraction: number | null = null;
  ratePerSecond: number | null = null;
  batchesDone = 0;
  unitsDone = 0n;
  /** When its latest result became durable; 0: none has. */
  answeredAt = 0;
  readonly activity = new ActivityLane();
  errors = 0;
  barredUntil = 0;
  /** It was silent long enough to lose its leases. */
  silent = false;
  offline = false;
  /** Raised with each connection: an older session object is powerless. */
  generation = 0;
  readonly leases = new Set<Lease>();
  /** Leases from before this coordinator's start that it still holds. */
  earlierLeases = new Set<string>();
  eligible: EligibleGroups<Job> = { seen: 0, groups: [] };
  readonly #performances = new Map<string, Performance>();
  readonly #avoided = new Map<string, number>();
  #contradictions: number[] = [];

  constructor(hello: Hello, nowMs: number) {
    this.hello = hello;
    this.facts = workerFacts(hello);
    this.connectedAt = nowMs;
    this.lastSeen = nowMs;
  }

  get id(): string {
    return this.facts.nodeId;
  }

  get isGpu(): boolean {
    return isGpuKind(this.facts.kind);
  }

  get state(): WorkerState {
    if (this.offline) return 'offline';
    if (this.silent || this.link === undefined) return 'silent';
    if (this.reportedState === 'paused') return 'paused';
    return this.leases.size > 0 ? 'computing' : 'idle';
  }

  /** Connected, heard of, and willing. */
  get takesWork(): boolean {
    return this.link !== undefined && !this.silent && this.reportedState !== 'paused';
  }

  performance(jobId: string): Performance {
    const known = this.#performances.get(jobId);
    if (known !== undefined && this.#performances.size === 1) return known;
    // Put last, so that the first is the one unused for longest.
    this.#performances.delete(jobId);
    const performance = known ?? { rate: undefined, lastLength: undefined };
    this.#performances.set(jobId, performance);
    if (this.#performances.size > MAX_PERFORMANCES) dropFirst(this.#performances);
    return performance;
  }

  knownRate(jobId: string): number | undefined {
    return this.#performances.get(jobId)?.rate;
  }

  avoid(jobId: string, nowMs: number): void {
    this.#avoided.delete(jobId);
    this.#avoided.set(jobId, nowMs + AVOID_MS);
    if (this.#avoided.size > MAX_AVOIDED) dropFirst(this.#avoided);
  }

  avoids(jobId: string, nowMs: number): boolean {
    const until = this.#avoided.get(jobId);
    return until !== undefined && until > nowMs;
  }

  /** A result of this worker was wrong. */
  contradicted(nowMs: number): void {
    this.errors += 1;
    this.#contradictions = this.#contradictions.filter((at) => at > nowMs - CONTRADICTION_WINDOW_MS);
    this.#contradictions.push(nowMs);
    if (this.#contradictions.length >= CONTRADICTIONS) {
      this.barredUntil = nowMs + BARRED_MS;
      this.#contradictions = [];
    }
  }

  identify(hello: Hello, link: WorkerLink, nowMs: number): void {
    this.hello = hello;
    this.facts = workerFacts(hello);
    this.eligible = { seen: 0, groups: [] };
    this.link = link;
    this.connectedAt = nowMs;
    this.lastSeen = nowMs;
    this.silent = false;
    this.offline = false;
    this.generation += 1;
    this.activity.connected(nowMs);
  }
}

export class NodeTable {
  readonly #nodes = new Map<string, Node>();
  readonly #offline = new Set<Node>();
  readonly #gpus = new Set<Node>();
  #connected = 0;
  /** Raised when the set of workers that take work may have changed. */
  version = 0;

  get(nodeId: string): Node | undefined {
    return this.#nodes.get(nodeId);
  }

  get all(): Iterable<Node> {
    return this.#nodes.values();
  }

  get connected(): number {
    return this.#connected;
  }

  /** Connected GPU workers. */
  get gpus(): Iterable<Node> {
    return this.#gpus;
  }

  *takingWork(): Generator<WorkerFacts> {
    for (const node of this.#nodes.values()) if (node.takesWork) yield node.facts;
  }

  /**
   * @returns the node, its older connection closed, and whether it was there before
   * @throws ClusterError node_id_in_use, limit_reached
   */
  connect(
    hello: Hello,
    link: WorkerLink,
    nowMs: number,
    maxWorkers: number,
  ): { readonly node: Node; readonly returned: boolean } {
    const known = this.#nodes.get(hello.node_id);
    const alive = known?.link !== undefined && !known.silent;
    if (alive && known.hello.session !== hello.session) {
      throw new ClusterError(
        'node_id_in_use',
        `a worker named ${hello.node_id} is connected: give this one another NODE_ID, or wait until the other is gone`,
      );
    }
    if (known?.link === undefined && this.#connected >= maxWorkers) {
      throw new ClusterError('limit_reached', `${maxWorkers} workers are connected already: try again later`);
    }
    const node = known ?? new Node(hello, nowMs);
    const previous = node.link;
    const returned = known !== undefined && !known.offline;
    if (previous === undefined) this.#connected += 1;
    node.identify(hello, link, nowMs);
    this.#nodes.set(node.id, node);
    this.#offline.delete(node);
    this.#gpus.delete(node);
    if (node.isGpu) this.#gpus.add(node);
    this.version += 1;
    previous?.close('the same worker has connected again');
    return { node, returned };
  }

  disconnect(node: Node): void {
    if (node.link === undefined) return;
    node.link = undefined;
    this.#connected -= 1;
    this.#gpus.delete(node);
    this.version += 1;
  }

  /** It won't come back soon. */
  leave(node: Node): void {
    node.offline = true;
    this.#offline.add(node);
    const oldest = this.#offline.values().next();
    if (this.#offline.size > MAX_OFFLINE && oldest.done !== true) {
      this.#offline.delete(oldest.value);
      this.#nodes.delete(oldest.value.id);
    }
  }
}
