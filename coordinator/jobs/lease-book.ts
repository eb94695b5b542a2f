/** All leases that are out. Ends them when their time is over, and gives their ranges back. */
import type { Core } from './core.ts';
import type { Job } from './job.ts';
import type { Lease, LeaseEnd } from './lease.ts';
import type { Node } from './nodes.ts';
import type { Range } from '../../protocol/range.ts';
import type { Segment } from './segment.ts';
import { leaseIdOf } from './token.ts';
import type { LeaseClaims } from './token.ts';
import type { Waker } from './waker.ts';

/** A lease runs at least so long, however short its batch: a browser tab may be throttled for minutes. */
const SHORTEST_LEASE_MS = 5 * 60_000;
const LONGEST_LEASE_MS = 24 * 3_600_000;
/** A lease runs for so many times the time that its batch should take. */
const PATIENCE = 10;
/** How long a worker may take to hear that its lease was revoked. */
const REVOKE_NOTICE_MS = 15_000;

export class LeaseBook {
  readonly #core: Core;
  readonly #waker: Waker;
  readonly #leases = new Map<string, Lease>();
  readonly #jobs = new Set<Job>();
  /** The holder fell silent, or took too long. */
  readonly #onExpired: (lease: Lease) => void;
  #live = 0;
  #counter = 0;

  constructor(core: Core, waker: Waker, onExpired: (lease: Lease) => void) {
    this.#core = core;
    this.#waker = waker;
    this.#onExpired = onExpired;
  }

  get live(): number {
    return this.#live;
  }

  /** Jobs with live leases. */
  get jobs(): Iterable<Job> {
    return this.#jobs;
  }

  get(leaseId: string): Lease | undefined {
    return this.#leases.get(leaseId);
  }

  /**
   * What a token says, if it is that of a lease that is remembered: no signature needs to be computed then (16 of
   * 300 µs of a round trip). Not in constant time: all that timing could tell is the worker's own token, since
   * another's is of no use to it.
   */
  claimsOf(token: string): LeaseClaims | undefined {
    const id = leaseIdOf(token);
    const lease = id === undefined ? undefined : this.#leases.get(id);
    return lease?.token === token ? lease.claims : undefined;
  }

  /** Whether this coordinator, and not one before it, granted the lease. */
  isOwn(leaseId: string): boolean {
    return leaseId.startsWith(`${this.#core.dependencies.store.epoch}-`);
  }

  /** Whether its holder should go on: it is live, or of an earlier start (its token will be judged). */
  isWorthFinishing(leaseId: string): boolean {
    return this.#leases.get(leaseId)?.live === true || !this.isOwn(leaseId);
  }

  grant(options: {
    readonly job: Job;
    readonly segment: Segment;
    readonly range: Range;
    readonly node: Node;
    readonly attempt: number;
    readonly expectedMs: number | undefined;
  }): Lease {
    const { job, segment, range, node, attempt, expectedMs } = options;
    const { epoch } = this.#core.dependencies.store;
    const now = this.#core.now();
    this.#counter += 1;
    const patience = Math.min(Math.max(PATIENCE * (expectedMs ?? 0), SHORTEST_LEASE_MS), LONGEST_LEASE_MS);
    const id = `${epoch}-${this.#counter.toString(36)}`;
    const expiresAt = Math.ceil(now + patience);
    const claims = {
      leaseId: id,
      jobId: job.id,
      segment: segment.range.start,
      range,
      nodeId: node.id,
      attempt,
      epoch,
      expiresAt,
    };
    const lease: Lease = {
      id,
      job,
      segment,
      range,
      nodeId: node.id,
      attempt,
      grantedAt: now,
      expiresAt,
      expectedMs,
      claims,
      token: this.#core.signer.sign(claims),
      live: true,
      twinned: attempt > 1,
      watchedUntil: 0,
      progress: range.start,
    };
    this.#leases.set(lease.id, lease);
    segment.leases.add(lease);
    job.leases.add(lease);
    node.leases.add(lease);
    this.#jobs.add(job);
    this.#live += 1;
    this.#core.dependencies.observer.leaseGranted(job.record.type, node.facts.kind);
    return lease;
  }

  /**
   * Ends a live lease and gives back what nobody else has of it.
   * @param watch how long its holder may still answer: results it could contradict stay apart until then
   */
  end(lease: Lease, how: LeaseEnd, watchMs = 0): void {
    if (!lease.live) return;
    const { job, segment } = lease;
    lease.live = false;
    this.#live -= 1;
    job.leases.delete(lease);
    if (job.leases.size === 0) this.#jobs.delete(job);
    this.#core.nodes.get(lease.nodeId)?.leases.delete(lease);
    if (watchMs > 0) lease.watchedUntil = this.#core.now() + watchMs;
    else this.forget(lease);
    this.#core.dependencies.observer.leaseEnded(job.record.type, how);
    // Live leases overlap only where one is the other's second.
    if (segment.reclaim(lease.range, !lease.twinned) > 0n) {
      this.#core.queue.refresh(job);
      this.#waker.wake(job);
    }
    if (how === 'expired') this.#onExpired(lease);
  }

  /** Its holder will not answer any more, or has. */
  forget(lease: Lease): void {
    this.#leases.delete(lease.id);
    lease.segment.leases.delete(lease);
  }

  /** Tells the holder to stop; it may already be on its way with an answer. */
  revoke(lease: Lease): void {
    this.#core.nodes.get(lease.nodeId)?.link?.revoke({ lease_ids: [lease.id] });
    this.end(lease, 'revoked', REVOKE_NOTICE_MS);
  }

  revokeAll(job: Job): void {
    const byNode = Map.groupBy([...job.leases], ({ nodeId }) => nodeId);
    for (const [nodeId, leases] of byNode) {
      this.#core.nodes.get(nodeId)?.link?.revoke({ lease_ids: leases.map(({ id }) => id) });
      for (const lease of leases) this.end(lease, 'revoked');
    }
  }

  /** The worker is silent or gone; its tokens are good until they expire. */
  lose(node: Node): void {
    const now = this.#core.now();
    for (const lease of [...node.leases]) this.end(lease, 'expired', Math.max(lease.expiresAt - now, 1));
  }

  /** Ends what has expired and forgets what nobody can answer any more. O(leases). */
  sweep(): void {
    const now = this.#core.now();
    for (const lease of this.#leases.values()) {
      if (lease.live) {
        if (lease.expiresAt <= now) this.end(lease, 'expired');
      } else if (lease.watchedUntil <= now) {
        this.forget(lease);
      }
    }
  }
}
