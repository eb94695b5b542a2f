/**
 * What happens to a result: counted once, compared with an earlier answer to the same range, or refused.
 *
 * A range that is wholly uncovered is accepted, whatever became of the lease: also after a restart, and after
 * the lease was lost, as long as its token is good. A range that one result covers already is compared with
 * it; a difference is settled by recomputation here, never by who came first. Anything else is superseded.
 */
import { hash } from 'node:crypto';
import { ClusterError } from '../../protocol/errors.ts';
import { parseDecimal } from '../../protocol/decimal.ts';
import type { Submission, SubmissionReply } from '../../protocol/messages.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Range } from '../../protocol/range.ts';
import { readClaims } from '../verify/claims.ts';
import { AnsweredLeases } from './answered.ts';
import type { Core } from './core.ts';
import type { Disputes } from './disputes.ts';
import type { Folding } from './folding.ts';
import type { Job } from './job.ts';
import type { JobTable } from './job-table.ts';
import type { LeaseBook } from './lease-book.ts';
import type { Node } from './nodes.ts';
import type { BatchResult, Segment } from './segment.ts';
import type { LeaseClaims } from './token.ts';
import type { Trials } from './trials.ts';

/** A result that was read and checked. */
interface Answer {
  readonly claims: LeaseClaims;
  readonly range: Range;
  readonly aggregate: unknown;
  /** Canonical JSON of the aggregate. */
  readonly text: string;
  readonly digest: string;
  readonly computeMs: number;
}

export interface SettlementParts {
  readonly jobs: JobTable;
  readonly book: LeaseBook;
  readonly folding: Folding;
  readonly disputes: Disputes;
  readonly trials: Trials;
  /** Every number of the job is durably counted. */
  readonly onCovered: (job: Job) => void;
}

export class Settlement {
  readonly #core: Core;
  readonly #parts: SettlementParts;
  readonly #answered = new AnsweredLeases();

  constructor(core: Core, parts: SettlementParts) {
    this.#core = core;
    this.#parts = parts;
  }

  /**
   * Resolves once the result is durable.
   * @throws ClusterError lease_forged, lease_foreign, lease_expired, lease_superseded, result_contradicts,
   *   invalid_request, store_unavailable
   */
  async submit(node: Node, submission: Submission): Promise<SubmissionReply['status']> {
    const claims = readToken(this.#core, this.#parts.book, node, submission.token);
    const range = answeredRange(claims, submission.end);
    node.dropEarlier(claims.leaseId);
    const { elsewhere } = this.#core;
    if (elsewhere.shared && this.#parts.jobs.get(claims.jobId)?.segmentOf(claims.range) === undefined) {
      const settled = await elsewhere.settle(node, submission, claims.jobId, claims.range);
      if (settled !== undefined) {
        node.countsElsewhere(settled === 'accepted' ? rangeLength(range) : 0n);
        return settled;
      }
    }
    return this.settleHere(node, submission, claims);
  }

  /**
   * Of a segment of this coordinator, or of none.
   * @throws ClusterError as `submit`
   */
  async settleHere(
    node: Node,
    submission: Submission,
    claims: LeaseClaims,
  ): Promise<SubmissionReply['status']> {
    const range = answeredRange(claims, submission.end);
    const job = this.#parts.jobs.get(claims.jobId);
    if (job === undefined) {
      throw superseded('its job is over');
    }
    const { type } = job.record;
    const { observer } = this.#core.dependencies;
    const settled = { type, kind: node.facts.kind, own: node.facts.own, computeMs: submission.compute_ms };
    try {
      const answer = await this.#read(job, node, claims, range, submission);
      const status = await this.#settle(job, node, answer);
      observer.submissionSettled({
        ...settled,
        outcome: status,
        units: status === 'accepted' ? rangeLength(range) : 0n,
      });
      return status;
    } catch (error) {
      const outcome = error instanceof ClusterError ? error.code : 'internal';
      observer.submissionSettled({ ...settled, outcome, units: 0n });
      throw error;
    }
  }

  async #read(
    job: Job,
    node: Node,
    claims: LeaseClaims,
    range: Range,
    submission: Submission,
  ): Promise<Answer> {
    const { workload, p, record } = job;
    const { recompute } = this.#core.dependencies;
    let aggregate: unknown;
    try {
      aggregate = await readClaims(workload, p, record.parameters, range, submission.aggregate, recompute);
    } catch (error) {
      if (error instanceof ClusterError && error.code === 'result_contradicts') {
        this.#contradicted(node, job, claims, error.message);
      }
      throw error;
    }
    const text = JSON.stringify(workload.encode(p, aggregate));
    const digest = hash('sha256', text, 'base64url');
    return { claims, range, aggregate, text, digest, computeMs: submission.compute_ms };
  }

  async #settle(job: Job, node: Node, answer: Answer): Promise<SubmissionReply['status']> {
    const { claims, range } = answer;
    for (;;) {
      const segment = job.segmentOf(claims.range);
      const verdict = segment?.judge(range) ?? { kind: 'superseded' };
      switch (verdict.kind) {
        case 'wait':
          await this.#core.committer.flush();
          continue;
        case 'new':
          if (segment === undefined || !job.takesResults) throw this.#endLease(claims, 'its job is over');
          await this.#accept(job, segment, node, answer);
          return 'accepted';
        case 'repeated':
          return this.#compare(job, node, answer, verdict.result);
        case 'superseded':
          if (this.#answered.has(claims.leaseId, range.end, answer.digest)) return 'duplicate';
          throw this.#endLease(claims, 'its numbers were counted already');
      }
    }
  }

  async #accept(job: Job, segment: Segment, node: Node, answer: Answer): Promise<void> {
    const { range, aggregate, text, digest } = answer;
    const result: BatchResult = {
      range,
      aggregate,
      digest,
      nodeId: node.id,
      bytes: text.length,
      pins: 0,
      folding: false,
    };
    segment.begin(range);
    const { nodeId } = result;
    const units = Number(rangeLength(range));
    // With the result, not after it: history in the store then agrees with what is counted.
    const counted = {
      type: job.record.type,
      variant: job.workload.variant?.(job.p) ?? '',
      kind: node.facts.kind,
    };
    this.#core.throughput.add(counted, units, this.#core.now());
    try {
      await this.#core.committer.write(
        [{ kind: 'result_accepted', result: { jobId: job.id, range, aggregate: text, digest, nodeId } }],
        () => {
          // By its range: the segment may have been split meanwhile.
          this.#accepted(job, job.segmentOf(range) ?? segment, node, answer, result);
        },
      );
    } catch (error) {
      (job.segmentOf(range) ?? segment).abandon(range);
      this.#core.queue.refresh(job);
      throw error;
    }
  }

  /** The result is durable. */
  #accepted(job: Job, segment: Segment, node: Node, answer: Answer, result: BatchResult): void {
    const { range, claims, digest } = answer;
    const now = this.#core.now();
    const units = rangeLength(range);
    segment.settle(result);
    job.done += units;
    job.version += 1;
    job.unfolded.results += 1;
    job.unfolded.bytes += result.bytes;
    if (job.hasAttempts) job.attempts.succeeded(range);
    node.succeeded(job.id);
    job.progress = { ...job.progress, updatedAt: now };
    this.#answered.remember(claims.leaseId, range.end, digest);
    node.batchesDone += 1;
    node.unitsDone += units;
    node.answeredAt = now;
    this.#core.batches.add({
      at: now,
      nodeId: node.id,
      kind: node.facts.kind,
      type: job.record.type,
      jobId: job.id,
      range,
      elsewhere: false,
    });
    const lease = this.#parts.book.get(claims.leaseId);
    learnRate(node, job, units, answer.computeMs);
    job.noteUnits(now, units, lease?.grantedAt ?? now - answer.computeMs);
    // Only a twinned or late answer can lie in somebody else's lease.
    const alone = lease?.live === true && !lease.twinned;
    if (lease?.live === true) this.#parts.book.end(lease, 'submitted');
    else if (lease !== undefined) this.#parts.book.forget(lease);
    if (!alone) this.#revokeOthers(segment, range, claims.leaseId);
    this.#core.queue.refresh(job);
    this.#parts.folding.added(job);
    this.#core.watchers.changed(job.id);
    if (job.isCoveredHere) this.#parts.onCovered(job);
  }

  #revokeOthers(segment: Segment, range: Range, leaseId: string): void {
    for (const other of [...segment.leases]) {
      if (!other.live || other.id === leaseId) continue;
      if (other.range.start < range.end && range.start < other.range.end) this.#parts.book.revoke(other);
    }
  }

  async #compare(
    job: Job,
    node: Node,
    answer: Answer,
    first: BatchResult,
  ): Promise<SubmissionReply['status']> {
    const lease = this.#parts.book.get(answer.claims.leaseId);
    const done = () => {
      if (lease?.live === true) this.#parts.book.end(lease, 'submitted');
      else if (lease !== undefined) this.#parts.book.forget(lease);
    };
    if (first.digest === answer.digest) {
      done();
      this.#answered.remember(answer.claims.leaseId, answer.range.end, answer.digest);
      return 'duplicate';
    }
    const disputed = first.digest;
    const verdict = await this.#parts.disputes.settle(job, first, node.id, answer);
    done();
    // What was accepted and proved wrong must not be called a duplicate when it is sent once more.
    if (verdict !== 'first_was_right') this.#answered.forgetAnswer(answer.range.end, disputed);
    if (verdict === 'second_was_right') {
      this.#answered.remember(answer.claims.leaseId, answer.range.end, answer.digest);
      return 'accepted';
    }
    throw new ClusterError(
      'result_contradicts',
      'another worker gave a different result for these numbers, and recomputation shows that this one is wrong',
    );
  }

  /** The holder's result is worth nothing: somebody else shall compute the range. */
  #contradicted(node: Node, job: Job, claims: LeaseClaims, why: string): void {
    node.contradicted(this.#core.now());
    this.#core.dependencies.log.warn(
      { node_id: node.id, job_id: job.id, lease_id: claims.leaseId },
      `a result was refused: ${why}`,
    );
    const lease = this.#parts.book.get(claims.leaseId);
    if (lease?.live !== true) return;
    this.#parts.book.end(lease, 'released');
    this.#parts.trials.failed(lease, 'refused', `its result was refused: ${why}`);
  }

  #endLease(claims: LeaseClaims, why: string): ClusterError {
    const lease = this.#parts.book.get(claims.leaseId);
    if (lease?.live === true) this.#parts.book.end(lease, 'revoked');
    else if (lease !== undefined) this.#parts.book.forget(lease);
    return superseded(why);
  }
}

/** @throws ClusterError lease_forged, lease_foreign, lease_expired */
export function readToken(core: Core, book: LeaseBook, node: Node, token: string): LeaseClaims {
  const claims = book.claimsOf(token) ?? core.signer.verify(token);
  if (claims.nodeId !== node.id) {
    throw new ClusterError('lease_foreign', `this lease belongs to the worker ${claims.nodeId}`);
  }
  if (claims.expiresAt <= core.now()) {
    throw new ClusterError(
      'lease_expired',
      'the lease has expired: throw the result away and ask for another',
    );
  }
  return claims;
}

function answeredRange(claims: LeaseClaims, endText: string): Range {
  const { start, end: leaseEnd } = claims.range;
  const end = parseDecimal(endText);
  if (end !== undefined && end > start && end <= leaseEnd) return { start, end };
  const message = `end: expected a whole number above ${start} and at most ${leaseEnd}, the end of the lease`;
  throw new ClusterError('invalid_request', message, { fields: [{ path: 'end', message }] });
}

function superseded(why: string): ClusterError {
  return new ClusterError('lease_superseded', `the result is not needed any more: ${why}; throw it away`);
}

/** Times below this are no measurement. */
const SHORTEST_MS = 1;

function learnRate(node: Node, job: Job, units: bigint, computeMs: number): void {
  const performance = node.performance(job.id);
  performance.rate = Number(units) / (Math.max(computeMs, SHORTEST_MS) / 1000);
  performance.lastLength = units;
}
