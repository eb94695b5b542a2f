/** The workers: who is connected, what they said of themselves, what they did. Bounded memory. */
import { ClusterError } from '../../protocol/errors.ts';
import type { WorkerState } from '../../protocol/http.ts';
import { isGpuKind } from '../../protocol/messages.ts';
import type { Heartbeat, Hello } from '../../protocol/messages.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import type { WorkerLink } from '../cluster.ts';
import type { EligibleGroups } from '../scheduler/fair-queue.ts';
import { workerFacts } from '../scheduler/placement.ts';
import type { WorkerFacts } from '../scheduler/placement.ts';
import { ActivityLane } from './activity-lane.ts';
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
/** After a failed batch a worker gets no other of the same job for so long; doubled with each in a row. */
const AVOID_MS = 60_000;
const LONGEST_AVOID_MS = 3_600_000;
const MAX_AVOIDED = 64;

const NONE: readonly number[] = [];
const NO_LEASES: ReadonlySet<string> = new Set();

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
  #earlierLeases: Set<string> | undefined;
  eligible: EligibleGroups = { seen: 0, groups: [] };
  // Made with the first entry: an idle worker has none, and an empty map takes 0.2 KB of its 20.
  #performances: Map<string, Performance> | undefined;
  #avoided: Map<string, { readonly until: number; readonly times: number }> | undefined;
  #contradictions: readonly number[] = NONE;

  constructor(hello: Hello, own: boolean, nowMs: number) {
    this.hello = hello;
    this.facts = workerFacts(hello, own);
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

  /** Leases from before this coordinator's start that it still holds. */
  get earlierLeases(): ReadonlySet<string> {
    return this.#earlierLeases ?? NO_LEASES;
  }

  holdsEarlier(leaseIds: readonly string[]): void {
    this.#earlierLeases = leaseIds.length === 0 ? undefined : new Set(leaseIds);
  }

  /** @returns whether it held it */
  dropEarlier(leaseId: string): boolean {
    return this.#earlierLeases?.delete(leaseId) ?? false;
  }

  performance(jobId: string): Performance {
    const performances = (this.#performances ??= new Map<string, Performance>());
    const known = performances.get(jobId);
    if (known !== undefined && performances.size === 1) return known;
    // Put last, so that the first is the one unused for longest.
    performances.delete(jobId);
    const performance = known ?? { rate: undefined, lastLength: undefined };
    performances.set(jobId, performance);
    if (performances.size > MAX_PERFORMANCES) dropFirst(performances);
    return performance;
  }

  knownRate(jobId: string): number | undefined {
    return this.#performances?.get(jobId)?.rate;
  }

  /** @param leastMs for so long at least */
  avoid(jobId: string, nowMs: number, leastMs = 0): void {
    const avoided = (this.#avoided ??= new Map<string, { readonly until: number; readonly times: number }>());
    const times = avoided.get(jobId)?.times ?? 0;
    const ms = Math.max(Math.min(AVOID_MS * 2 ** times, LONGEST_AVOID_MS), leastMs);
    avoided.delete(jobId);
    avoided.set(jobId, { until: nowMs + ms, times: times + 1 });
    if (avoided.size > MAX_AVOIDED) dropFirst(avoided);
  }

  avoids(jobId: string, nowMs: number): boolean {
    const avoided = this.#avoided?.get(jobId);
    return avoided !== undefined && avoided.until > nowMs;
  }

  /** A batch of the job was computed. */
  succeeded(jobId: string): void {
    this.#avoided?.delete(jobId);
  }

  /** A result that it sent here was settled by another coordinator. */
  countsElsewhere(units: bigint): void {
    if (units > 0n) {
      this.batchesDone += 1;
      this.unitsDone += units;
    }
  }

  /** A result of this worker was wrong. */
  contradicted(nowMs: number): void {
    this.errors += 1;
    const recent = this.#contradictions.filter((at) => at > nowMs - CONTRADICTION_WINDOW_MS);
    this.#contradictions = [...recent, nowMs];
    if (this.#contradictions.length >= CONTRADICTIONS) {
      this.barredUntil = nowMs + BARRED_MS;
      this.#contradictions = NONE;
    }
  }

  identify(hello: Hello, own: boolean, link: WorkerLink, nowMs: number): void {
    this.hello = hello;
    this.facts = workerFacts(hello, own);
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

/**
 * A worker of which nothing is known but the name in a token: it was connected before this start, or to another
 * coordinator. The token proves its right to the lease; of the rest the least is assumed. It is in no table.
 */
export function nodeOfToken(nodeId: string, nowMs: number): Node {
  const device = {
    description: '',
    vendor: null,
    backend: null,
    software: false,
    gpu_memory_mb: null,
    threads: 0,
  };
  const unknown = { session: '', host: 'browser', software: '', health_url: null, priority: 0 } as const;
  const nothing = { tags: [], workloads: [], leases: [] };
  const says: Hello = {
    ...unknown,
    ...nothing,
    node_id: nodeId,
    protocol: PROTOCOL_VERSION,
    kind: 'cpu',
    device,
  };
  return new Node(says, false, nowMs);
}

export class NodeTable {
  readonly #nodes = new Map<string, Node>();
  readonly #offline = new Set<Node>();
  readonly #gpus = new Set<Node>();
  #connected = 0;
  /** When a worker has connected last; 0: none has. Milliseconds since 1970. */
  joinedAt = 0;
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
   * A name of the operator's own worker is kept for it, as long as it is remembered; a stranger that has the name of
   * an own worker loses it when that one connects.
   * @param own see `Cluster.connect`
   * @returns the node, its older connection closed, whether it was there before, and the stranger whose name it took
   * @throws ClusterError node_id_in_use, limit_reached
   */
  connect(
    hello: Hello,
    own: boolean,
    link: WorkerLink,
    nowMs: number,
    maxWorkers: number,
  ): { readonly node: Node; readonly returned: boolean; readonly ousted: Node | undefined } {
    const holder = this.#nodes.get(hello.node_id);
    if (holder?.facts.own === true && !own) {
      throw new ClusterError(
        'node_id_in_use',
        `${hello.node_id} is the name of one of the operator’s own workers: give this one another NODE_ID, or the key of a worker`,
      );
    }
    const ousted = holder !== undefined && own && !holder.facts.own ? holder : undefined;
    const known = ousted === undefined ? holder : undefined;
    const alive = known?.link !== undefined && !known.silent;
    if (alive && known.hello.session !== hello.session) {
      throw new ClusterError(
        'node_id_in_use',
        `a worker named ${hello.node_id} is connected: give this one another NODE_ID, or wait until the other is gone`,
      );
    }
    if (holder?.link === undefined && this.#connected >= maxWorkers) {
      throw new ClusterError('limit_reached', `${maxWorkers} workers are connected already: try again later`);
    }
    if (ousted !== undefined) this.#oust(ousted);
    const node = known ?? new Node(hello, own, nowMs);
    const previous = node.link;
    const returned = known !== undefined && !known.offline;
    if (previous === undefined) this.#connected += 1;
    this.joinedAt = nowMs;
    node.identify(hello, own, link, nowMs);
    this.#nodes.set(node.id, node);
    this.#offline.delete(node);
    this.#gpus.delete(node);
    if (node.isGpu) this.#gpus.add(node);
    this.version += 1;
    previous?.close('the same worker has connected again');
    return { node, returned, ousted };
  }

  /** Nothing of what the stranger did counts for or against the worker that has its name from now on. */
  #oust(stranger: Node): void {
    const { link } = stranger;
    this.disconnect(stranger);
    stranger.generation += 1;
    this.#offline.delete(stranger);
    link?.close('one of the operator’s own workers has this NODE_ID: take another');
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
