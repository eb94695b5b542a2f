/** A core over a real store in a temporary folder, under a clock that the test moves. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hello, Lease, Submission, SubmissionReply, WorkerKind } from '../../protocol/messages.ts';
import type { Range } from '../../protocol/range.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import type { Workload } from '../../protocol/workload.ts';
import type {
  AccessRecords,
  Actor,
  Cluster,
  ClusterGauges,
  Observer,
  Runtime,
  WorkerLink,
  WorkerSession,
} from '../cluster.ts';
import { createLog } from '../log.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { Recompute } from '../verify/truth.ts';
import { createCluster } from './create-cluster.ts';
import type { ClusterConfig } from './dependencies.ts';
import { squaresWorkload } from './test-workload.ts';

/** A clock that stands still until the test moves it. */
export class VirtualRuntime implements Runtime {
  #now: number;
  #timers = new Set<{ readonly at: number; readonly fire: () => void }>();

  constructor(startsAt = Date.UTC(2026, 0, 1)) {
    this.#now = startsAt;
  }

  now(): number {
    return this.#now;
  }

  setTimer(ms: number, fire: () => void): () => void {
    const timer = { at: this.#now + ms, fire };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** That are still to fire. */
  get timers(): number {
    return this.#timers.size;
  }

  random(): number {
    return 0.5;
  }

  /** Fires what is due on the way, and lets its consequences happen. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.fire();
      await settled();
    }
    this.#now = until;
    await settled();
  }
}

/** Several turns of the event loop: commits that were started are done. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 8; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Counts what the core tells the metrics. */
export class CountingObserver implements Observer {
  readonly counts = new Map<string, number>();

  get(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  jobChanged(_type: string, from: string | null, to: string): void {
    this.#count(`${from ?? 'none'} to ${to}`);
  }

  leaseGranted(): void {
    this.#count('granted');
  }

  submissionSettled({ outcome }: { readonly outcome: string }): void {
    this.#count(outcome);
  }

  leaseEnded(_type: string, how: string): void {
    this.#count(`lease ${how}`);
  }

  answersDiffered(_type: string, wrong: string): void {
    this.#count(`wrong ${wrong}`);
  }

  resultForwarded(outcome: string): void {
    this.#count(`forwarded ${outcome}`);
  }

  tookOver(): void {
    this.#count('take-overs');
  }

  coordinatorsLost(count: number): void {
    for (let i = 0; i < count; i++) this.#count('coordinators lost');
  }

  committed(): void {
    this.#count('commits');
  }

  #count(what: string): void {
    this.counts.set(what, this.get(what) + 1);
  }
}

/** Answers at once, by the plain reference. */
export class ReferenceRecompute implements Recompute {
  readonly #workloads: ReadonlyMap<string, Workload>;
  computed = 0;

  constructor(workloads: ReadonlyMap<string, Workload>) {
    this.#workloads = workloads;
  }

  compute(type: string, parameters: unknown, range: Range): Promise<unknown> {
    this.computed += 1;
    const workload = this.#find(type);
    const p = workload.parameters.parse(parameters);
    return Promise.resolve(workload.encode(p, workload.reference(p, range)));
  }

  check(type: string, parameters: unknown, range: Range, aggregate: unknown): Promise<readonly string[]> {
    const workload = this.#find(type);
    const p = workload.parameters.parse(parameters);
    return Promise.resolve(workload.check(p, range, workload.decode(p, range, aggregate)));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #find(type: string): Workload {
    const workload = this.#workloads.get(type);
    if (workload === undefined) throw new Error(`no workload ${type}`);
    return workload;
  }
}

export const testWorkloads: ReadonlyMap<string, Workload> = new Map([
  [squaresWorkload.type, squaresWorkload],
]);

export interface TestCluster {
  readonly cluster: Cluster & { readonly gauges: ClusterGauges; readonly records: AccessRecords };
  readonly store: Store;
  readonly runtime: VirtualRuntime;
  readonly observer: CountingObserver;
  readonly recompute: ReferenceRecompute;
}

/** A folder that is removed when the test is over. */
export function temporaryFolder(test: { after(fn: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'threads-core-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** @param wrap gives the core another store than the one that is opened (to make it fail) */
export async function startCluster(
  dataDir: string,
  options: {
    readonly config?: Partial<ClusterConfig>;
    readonly runtime?: VirtualRuntime;
    readonly workloads?: ReadonlyMap<string, Workload>;
    readonly wrap?: (store: Store) => Store;
  } = {},
): Promise<TestCluster> {
  const opened = await openSqliteStore(dataDir);
  const store = options.wrap?.(opened) ?? opened;
  const runtime = options.runtime ?? new VirtualRuntime();
  const observer = new CountingObserver();
  const workloads = options.workloads ?? testWorkloads;
  const recompute = new ReferenceRecompute(workloads);
  const cluster = await createCluster({
    store,
    workloads,
    runtime,
    observer,
    recompute,
    kernelHashes: () => ({ gpu: '0'.repeat(64), cpu: '1'.repeat(64) }),
    log: createLog('silent'),
    config: { softwareVersion: '0.0.0', expectedWorkers: () => null, ...options.config },
  });
  return { cluster, store, runtime, observer, recompute };
}

/** What a connection was told. */
export class TestLink implements WorkerLink {
  readonly address = null;
  readonly revoked: string[] = [];
  work = 0;
  onWork: () => void = () => undefined;
  drained = false;
  closed: string | undefined;

  notifyWork(): void {
    this.work += 1;
    this.onWork();
  }

  revoke({ lease_ids: ids }: { readonly lease_ids: readonly string[] }): void {
    this.revoked.push(...ids);
  }

  drain(): void {
    this.drained = true;
  }

  close(reason: string): void {
    this.closed = reason;
  }
}

export function hello(nodeId: string, more: Partial<Hello> = {}): Hello {
  const kind: WorkerKind = more.kind ?? 'cpu';
  return {
    protocol: PROTOCOL_VERSION,
    node_id: nodeId,
    session: 'a'.repeat(32),
    kind,
    host: 'node',
    software: '0.0.0',
    device: {
      description: 'test',
      vendor: null,
      backend: null,
      software: false,
      gpu_memory_mb: null,
      threads: 1,
    },
    tags: [],
    priority: 0,
    workloads: [
      { type: 'squares', version: 1 },
      { type: 'collatz', version: 1 },
      { type: 'thread', version: 1 },
    ],
    health_url: null,
    leases: [],
    ...more,
  };
}

export interface TestWorker {
  readonly session: WorkerSession;
  readonly link: TestLink;
}

/** One of the operator's own workers. */
export function connect(cluster: Cluster, nodeId: string, more: Partial<Hello> = {}): TestWorker {
  const link = new TestLink();
  return { session: cluster.connect(hello(nodeId, more), link, true), link };
}

export function connectStranger(cluster: Cluster, nodeId: string, more: Partial<Hello> = {}): TestWorker {
  const link = new TestLink();
  return { session: cluster.connect(hello(nodeId, more), link, false), link };
}

/** The caller without a key on a coordinator that listens on loopback alone. */
export const ADMIN: Actor = { user: null, role: 'admin', keyId: null, address: '127.0.0.1' };

export function submitter(user: string): Actor {
  return { user, role: 'submitter', keyId: 'a1b2c3d4e5f6', address: '192.0.2.7' };
}

/** Units per second that a test worker says it has. */
export const RATE = 1000;

export async function takeLease(
  { session }: TestWorker,
  request = { target_ms: 10_000, rate_per_second: RATE },
): Promise<Lease> {
  const { lease } = await session.lease(request);
  if (lease === null) throw new Error(`${session.nodeId} got no lease`);
  return lease;
}

export function squaresOf(range: { readonly start: string; readonly end: string }): unknown {
  const p = squaresWorkload.parameters.parse({ start: range.start, end: range.end });
  return squaresWorkload.encode(p, squaresWorkload.reference(p, squaresWorkload.range(p)));
}

/** The right answer to a squares lease, or to its beginning. */
export function answer(lease: Lease, end: string = lease.end): Submission {
  const range = { start: lease.start, end };
  const computeMs = (Number(BigInt(end) - BigInt(lease.start)) / RATE) * 1000;
  return { token: lease.token, end, aggregate: squaresOf(range), compute_ms: computeMs };
}

/** An answer that no check of its own can refute. */
export function wrongAnswer(lease: Lease, lie = 1n): Submission {
  const right = answer(lease);
  const { aggregate } = right;
  const p = squaresWorkload.parameters.parse({ start: lease.start, end: lease.end });
  const { count, sum } = squaresWorkload.decodeStored(p, aggregate);
  return { ...right, aggregate: { count: count.toString(), sum: (sum + lie).toString() } };
}

/** Leases and answers until there is nothing left for this worker; returns the number of batches. */
export async function work({ session }: TestWorker, most = Infinity): Promise<number> {
  for (let batches = 0; batches < most; batches++) {
    const { lease } = await session.lease({ target_ms: 10_000, rate_per_second: RATE });
    if (lease === null) return batches;
    await session.submit(answer(lease));
  }
  return most;
}

export function submitSquares(
  cluster: Cluster,
  start: bigint,
  end: bigint,
  more: Partial<Parameters<Cluster['submit']>[0]> = {},
  by: Actor = ADMIN,
): Promise<{ readonly job_id: string }> {
  const parameters = { start: start.toString(), end: end.toString() };
  return cluster.submit(
    { type: 'squares', priority: 'normal', gpu_preferred: false, placement: {}, parameters, ...more },
    { by },
  );
}

export type Settled = SubmissionReply['status'];
