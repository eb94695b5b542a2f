/** The connections of workers: hello, heartbeats, silence, release. */
import { ClusterError } from '../../protocol/errors.ts';
import type { HandBack, HandBackReply, HandedBack } from '../../protocol/hand-back.ts';
import type {
  Heartbeat,
  HeartbeatReply,
  Hello,
  LeaseReply,
  LeaseRequest,
  Release,
  Submission,
  SubmissionReply,
} from '../../protocol/messages.ts';
import { parseDecimal } from '../../protocol/decimal.ts';
import { wireErrorOf } from '../../protocol/problems.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import type { WorkerLink, WorkerSession } from '../cluster.ts';
import type { Core } from './core.ts';
import type { JobTable } from './job-table.ts';
import type { LeaseBook } from './lease-book.ts';
import type { Leasing } from './leasing.ts';
import { nodeOfToken } from './nodes.ts';
import type { Node } from './nodes.ts';
import { readToken } from './settlement.ts';
import type { Settlement } from './settlement.ts';
import type { Trials } from './trials.ts';
import type { Waker } from './waker.ts';

/** A connection that carried nothing for so many silences is cut. */
const CUT_AFTER_SILENCES = 3;
/** Until a worker that was refused a lease along with its acknowledgement asks by itself. */
const REFUSED_RETRY_MS = 1000;

const PAGE_LEFT = { reason: 'stopping', message: 'the page was left' } as const;

export interface SessionParts {
  readonly jobs: JobTable;
  readonly book: LeaseBook;
  readonly leasing: Leasing;
  readonly settlement: Settlement;
  readonly waker: Waker;
  readonly draining: () => boolean;
  readonly trials: Trials;
}

export class Sessions {
  readonly #core: Core;
  readonly #parts: SessionParts;

  constructor(core: Core, parts: SessionParts) {
    this.#core = core;
    this.#parts = parts;
  }

  connect(hello: Hello, link: WorkerLink, own: boolean): WorkerSession {
    if (hello.protocol !== PROTOCOL_VERSION) {
      throw new ClusterError(
        'protocol_mismatch',
        `this coordinator speaks protocol ${PROTOCOL_VERSION}, the worker ${hello.protocol}: update the older of the two`,
      );
    }
    if (this.#parts.draining())
      throw new ClusterError('not_ready', 'the coordinator is stopping: come back soon');
    const { nodes, limits } = this.#core;
    const now = this.#core.now();
    const sessionBefore = nodes.get(hello.node_id)?.hello.session;
    const { node, returned, ousted } = nodes.connect(hello, own, link, now, limits.maxWorkers);
    if (ousted !== undefined) {
      this.#parts.waker.forget(ousted);
      for (const lease of [...ousted.leases]) this.#parts.book.end(lease, 'released');
    }
    const held = new Set(hello.leases);
    // Whatever it does not hold any more (a new process, a reply that got lost) somebody else shall have.
    const { book, trials } = this.#parts;
    for (const lease of [...node.leases]) {
      if (held.has(lease.id)) continue;
      book.end(lease, 'released', 1);
      // A worker that stops hands its leases back: this one's process ended without a word, perhaps because of them.
      if (sessionBefore !== hello.session) trials.failed(lease, 'silent', 'its process ended without a word');
    }
    node.holdsEarlier(hello.leases.filter((id) => !book.isOwn(id)));
    this.#core.elsewhere.arrived(node);
    if (!returned) this.#event('joined', node);
    return this.#session(
      node,
      hello.leases.filter((id) => !book.isWorthFinishing(id)),
    );
  }

  /**
   * What a worker that has gone hands back. Its connection may be open still, closed, or a newer one of the same
   * worker, and messages of the old one may arrive before or after: the tokens tell what is meant, and a range is
   * counted once whichever comes first.
   */
  async handBack({ leases }: HandBack): Promise<HandBackReply> {
    return { leases: await Promise.all(leases.map((one) => this.#handedBack(one))) };
  }

  async #handedBack({ token, result }: HandBack['leases'][number]): Promise<HandedBack> {
    try {
      const claims = this.#parts.book.claimsOf(token) ?? this.#core.signer.verify(token);
      const { nodeId } = claims;
      const known = this.#core.nodes.get(nodeId);
      const node = known ?? nodeOfToken(nodeId, this.#core.now());
      let status: HandedBack['status'] = 'released';
      if (result === null) this.#release(node, { token, ...PAGE_LEFT });
      else status = await this.#parts.settlement.submit(node, { token, ...result });
      if (known !== undefined && known.link === undefined && !known.offline) this.#leftIfDone(known);
      return { status, error: null };
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      return { status: 'refused', error: wireErrorOf(error) };
    }
  }

  /** The worker has connected to another coordinator: what it does not hold any more somebody else shall have. */
  movedAway(nodeId: string, session: string, held: readonly string[], atMs: number): void {
    const node = this.#core.nodes.get(nodeId);
    // Another process with the same name: one of the two will be told, by whichever coordinator has both.
    if (node?.hello.session !== session) return;
    // It has come back here since. Where clocks differ, a connection too much is closed, or one that is dead is found later.
    if (node.link !== undefined && node.connectedAt >= atMs) return;
    const { link } = node;
    if (link !== undefined) {
      this.#core.nodes.disconnect(node);
      this.#parts.waker.forget(node);
      node.generation += 1;
      link.close('this worker has connected to another coordinator of the cluster');
    }
    for (const lease of [...node.leases]) {
      if (!held.includes(lease.id)) this.#parts.book.end(lease, 'released', 1);
    }
    if (!node.offline) this.#core.nodes.leave(node);
  }

  /** A release that came to another coordinator. */
  released(node: Node, release: Release): void {
    this.#release(node, release);
  }

  /** Takes leases from the silent, and cuts connections that seem dead. O(nodes). */
  sweep(): void {
    const now = this.#core.now();
    const { silentAfterMs } = this.#core.limits;
    for (const node of this.#core.nodes.all) {
      const silentMs = now - node.lastSeen;
      if (node.offline || silentMs < silentAfterMs) continue;
      if (!node.silent) {
        node.silent = true;
        this.#core.nodes.version += 1;
        this.#parts.book.lose(node);
      }
      if (node.link === undefined) this.#left(node);
      else if (silentMs > CUT_AFTER_SILENCES * silentAfterMs) {
        node.link.close('nothing was heard of this worker for too long');
        this.#gone(node);
      }
    }
  }

  #session(node: Node, revoked: readonly string[]): WorkerSession {
    const { generation } = node;
    const { leasing, settlement, draining } = this.#parts;
    const alive = (): void => {
      if (node.generation !== generation || node.link === undefined) {
        throw new ClusterError('not_ready', 'this connection was replaced by a newer one');
      }
      this.#seen(node);
    };
    const session: WorkerSession = {
      nodeId: node.id,
      revoked,
      lease: async (request: LeaseRequest): Promise<LeaseReply> => {
        alive();
        if (draining()) throw new ClusterError('not_ready', 'the coordinator is stopping: come back soon');
        return leasing.lease(node, request);
      },
      submit: async (submission: Submission): Promise<SubmissionReply> => {
        alive();
        const status = await settlement.submit(node, submission);
        if (submission.next === undefined) return { status };
        return { status, next: await this.#next(session, submission.next) };
      },
      release: async (release: Release): Promise<void> => {
        alive();
        this.#release(node, release);
      },
      heartbeat: (heartbeat: Heartbeat): HeartbeatReply => {
        alive();
        return this.#heartbeat(node, heartbeat);
      },
      disconnected: () => {
        if (node.generation === generation) this.#gone(node);
      },
    };
    return session;
  }

  /** The lease that a submission asks for. A refusal must not undo the acknowledgement. */
  async #next(session: WorkerSession, request: LeaseRequest): Promise<LeaseReply> {
    try {
      return await session.lease(request);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      // It asks again by itself then, and hears why.
      return { lease: null, retry_after_ms: REFUSED_RETRY_MS };
    }
  }

  #seen(node: Node): void {
    node.lastSeen = this.#core.now();
    if (!node.silent) return;
    node.silent = false;
    this.#core.nodes.version += 1;
  }

  #heartbeat(node: Node, heartbeat: Heartbeat): HeartbeatReply {
    const { book } = this.#parts;
    if ((node.reportedState === 'paused') !== (heartbeat.state === 'paused')) this.#core.nodes.version += 1;
    node.reportedState = heartbeat.state;
    node.busyFraction = heartbeat.busy_fraction;
    node.activity.record(this.#core.now(), heartbeat.busy_fraction);
    node.ratePerSecond = heartbeat.rate_per_second > 0 ? heartbeat.rate_per_second : null;
    const held = heartbeat.leases.map(({ lease_id: id }) => id);
    for (const { lease_id: id, done } of heartbeat.leases) {
      const lease = book.get(id);
      const progress = parseDecimal(done);
      if (lease?.nodeId !== node.id || progress === undefined) continue;
      if (progress > lease.progress && progress <= lease.range.end) lease.progress = progress;
    }
    if (node.earlierLeases.size > 0) node.holdsEarlier(held.filter((id) => node.earlierLeases.has(id)));
    return { revoked: held.filter((id) => !book.isWorthFinishing(id)) };
  }

  #release(node: Node, { token, reason, message }: Release): void {
    const { book, jobs, trials } = this.#parts;
    const claims = readToken(this.#core, book, node, token);
    if (claims.epoch !== this.#core.dependencies.store.epoch) {
      this.#core.elsewhere.release(node, { token, reason, message }, claims.epoch);
    }
    const lease = book.get(claims.leaseId);
    const isEarlier = node.dropEarlier(claims.leaseId);
    if (lease?.live === true) {
      // Only of a live lease, and so only once: the same token may be sent again. Before the lease ends, which wakes
      // workers for its range: not this one.
      if (reason === 'failed' || reason === 'device_lost') trials.failed(lease, reason, message);
      book.end(lease, 'released');
    } else if (lease !== undefined) {
      book.forget(lease);
    } else if (isEarlier && reason === 'failed') {
      const job = jobs.get(claims.jobId);
      if (job !== undefined) trials.failedEarlier(node, job, message);
    }
  }

  #gone(node: Node): void {
    this.#core.nodes.disconnect(node);
    this.#parts.waker.forget(node);
    this.#leftIfDone(node);
  }

  /** With nothing in its hands there is nothing to come back for. */
  #leftIfDone(node: Node): void {
    if (node.leases.size === 0 && node.earlierLeases.size === 0) this.#left(node);
  }

  #left(node: Node): void {
    this.#core.nodes.leave(node);
    this.#event('left', node);
  }

  #event(event: 'joined' | 'left', node: Node): void {
    this.#core.committer.note({ kind: 'event', at: this.#core.now(), event, nodeId: node.id });
  }
}
