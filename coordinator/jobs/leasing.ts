/** Which piece of which job a worker gets next. */
import { ClusterError } from '../../protocol/errors.ts';
import type { Lease as WireLease, LeaseReply, LeaseRequest } from '../../protocol/messages.ts';
import type { Range } from '../../protocol/range.ts';
import { alignToTiles, batchLength } from '../scheduler/batch-length.ts';
import type { BatchLength } from '../scheduler/batch-length.ts';
import { isFeasible, isFit } from '../scheduler/placement.ts';
import { deservesSecondLease } from '../scheduler/second-lease.ts';
import type { Core } from './core.ts';
import type { Job } from './job.ts';
import type { JobTable } from './job-table.ts';
import type { Lease } from './lease.ts';
import type { LeaseBook } from './lease-book.ts';
import type { Node } from './nodes.ts';
import { Segment } from './segment.ts';
import { hasFeasibleGpu } from './waker.ts';
import type { Waker } from './waker.ts';

/** One to compute, one fetched ahead. */
const MAX_LEASES = 2;
/** How much of a job is claimed at once: so much of its workers' time, and at least so many batches. */
const SEGMENT_MS = 20_000;
const SEGMENT_BATCHES = 4n;
/** Claims that a single request may wait for, before it is told to ask again. */
const MAX_CLAIMS = 8;
const RETRY_IDLE_MS = 15_000;
/** While others still compute the end of a job, an idle worker may be wanted soon. */
const RETRY_ENDING_MS = 2000;
const RETRY_BUSY_MS = 1000;
/** Without a rate, a batch counts as this much compute time in the shares of users and priorities. */
const UNKNOWN_BATCH_MS = 1000;
/** Jobs looked at for a straggler. */
const MAX_ENDING = 64;
/** How long it is taken as known that a job has no straggler. */
const NO_STRAGGLER_MS = 500;

export class Leasing {
  readonly #core: Core;
  readonly #jobs: JobTable;
  readonly #book: LeaseBook;
  readonly #waker: Waker;

  constructor(core: Core, jobs: JobTable, book: LeaseBook, waker: Waker) {
    this.#core = core;
    this.#jobs = jobs;
    this.#book = book;
    this.#waker = waker;
  }

  /** @throws ClusterError store_unavailable if a segment could not be claimed */
  async lease(node: Node, request: LeaseRequest): Promise<LeaseReply> {
    const { generation } = node;
    this.#waker.forget(node);
    if (node.leases.size >= MAX_LEASES) return this.#none(node, RETRY_BUSY_MS);
    const barredMs = node.barredUntil - this.#core.now();
    if (barredMs > 0) return this.#none(node, barredMs);
    for (let claims = 0; claims < MAX_CLAIMS; claims++) {
      const job = this.#pick(node);
      if (job === undefined) break;
      const batch = this.#batch(job, node, request);
      const found = carve(job, batch.length);
      if (found !== undefined)
        return this.#grant(job, found.segment, found.range, scaled(batch, found.range), node);
      job.claimants += 1;
      const unreserve = this.#core.queue.reserve(job, batch.expectedMs ?? UNKNOWN_BATCH_MS);
      try {
        await this.#claim(job, node, batch);
      } finally {
        job.claimants -= 1;
        unreserve();
      }
      if (node.generation !== generation || node.link === undefined) {
        throw new ClusterError('not_ready', 'the connection was replaced while a lease was prepared');
      }
      // Another request of the same worker may have been answered meanwhile.
      if (node.leases.size >= MAX_LEASES) return this.#none(node, RETRY_BUSY_MS);
    }
    return (
      this.#second(node, request) ?? this.#none(node, this.#isEnding(node) ? RETRY_ENDING_MS : RETRY_IDLE_MS)
    );
  }

  #none(node: Node, retryAfterMs: number): LeaseReply {
    this.#waker.rest(node);
    // Spread, so that a thousand idle workers don't ask in the same instant.
    const spread = 0.75 + 0.5 * this.#core.dependencies.runtime.random();
    return { lease: null, retry_after_ms: Math.ceil(retryAfterMs * spread) };
  }

  #pick(node: Node): Job | undefined {
    const now = this.#core.now();
    return this.#core.queue.pick(
      node.facts,
      node.eligible,
      (group) => isFit(group.demand, node.facts, hasFeasibleGpu(this.#core, group)),
      (job) => node.avoids(job.id, now),
    );
  }

  #batch(job: Job, node: Node, request: LeaseRequest): BatchLength {
    const { rate, lastLength } = node.performance(job.id);
    return batchLength({
      measuredRate: rate,
      previousLength: lastLength,
      reportedRate: request.rate_per_second,
      targetMs: request.target_ms,
      clusterTargetMs: this.#core.limits.targetMs,
      unleased: job.unleased,
      totalRate: totalRate(this.#core, job, node),
      tileLimits: job.tileLimits,
      hint: job.batchHint,
    });
  }

  #grant(job: Job, segment: Segment, range: Range, batch: BatchLength, node: Node, attempt = 1): LeaseReply {
    const lease = this.#book.grant({
      job,
      segment,
      range,
      node,
      attempt,
      expectedMs: batch.expectedMs,
    });
    this.#core.queue.refresh(job);
    this.#core.queue.charge(job, batch.expectedMs ?? UNKNOWN_BATCH_MS);
    this.#core.watchers.changed(job.id);
    this.#waker.wakeMore(job);
    return { lease: this.#wire(lease, batch.tileLength), retry_after_ms: 0 };
  }

  #wire(lease: Lease, tileLength: bigint): WireLease {
    const { job, range, token } = lease;
    return {
      lease_id: lease.id,
      token,
      job_id: job.id,
      type: job.record.type,
      workload_version: job.record.workloadVersion,
      parameters: job.record.parameters,
      start: range.start.toString(),
      end: range.end.toString(),
      tile_length: tileLength.toString(),
      kernels: job.kernelHashes(this.#core.dependencies.kernelHashes),
      expires_at: new Date(lease.expiresAt).toISOString(),
    };
  }

  /** Moves the job's cursor, durably. Requests that come meanwhile wait for the same claim. */
  #claim(job: Job, node: Node, batch: BatchLength): Promise<void> {
    job.claiming ??= job
      .exclusive(async () => {
        const next = (): Range | undefined => {
          if (!job.ready || job.cursor >= job.record.range.end) return undefined;
          return { start: job.cursor, end: segmentEnd(job, batch, totalRate(this.#core, job, node)) };
        };
        await this.#jobs.begin(job, next, (range) => {
          job.addSegment(new Segment(range));
          this.#core.queue.refresh(job);
        });
      })
      .finally(() => {
        job.claiming = undefined;
      });
    return job.claiming;
  }

  /** Near the end of a job: what a slower worker has, for one that has nothing else to do. */
  #second(node: Node, request: LeaseRequest): LeaseReply | undefined {
    if (node.leases.size > 0) return undefined;
    let oldest: Lease | undefined;
    for (const job of this.#ending(node)) {
      const rate =
        node.knownRate(job.id) ?? (request.rate_per_second > 0 ? request.rate_per_second : undefined);
      const found = this.#straggler(job, node, rate);
      if (found !== undefined && (oldest === undefined || found.grantedAt < oldest.grantedAt)) oldest = found;
    }
    if (oldest === undefined) return undefined;
    const { job, segment, range } = oldest;
    oldest.twinned = true;
    const rate = node.knownRate(job.id) ?? request.rate_per_second;
    const length = range.end - range.start;
    const { tileLength } = alignToTiles(length, job.tileLimits);
    const expectedMs = rate > 0 ? (Number(length) / rate) * 1000 : undefined;
    return this.#grant(
      job,
      segment,
      range,
      { length, tileLength: tileLength < length ? tileLength : length, expectedMs },
      node,
      oldest.attempt + 1,
    );
  }

  /**
   * The oldest lease of the job that is worth computing a second time at this rate. Where there is none, no slower worker finds one
   * either, so for a moment none looks: at the end of a job as many may ask as hold leases of it.
   */
  #straggler(job: Job, node: Node, rate: number | undefined): Lease | undefined {
    const now = this.#core.now();
    const known = job.withoutStraggler;
    const isFresh = known.at <= now && now < known.at + NO_STRAGGLER_MS;
    if (isFresh && (rate ?? 0) <= known.rate) return undefined;
    // In the order in which they were granted.
    for (const lease of job.leases) {
      if (lease.twinned || lease.nodeId === node.id) continue;
      const length = Number(lease.range.end - lease.range.start);
      const worth = deservesSecondLease({
        elapsedMs: now - lease.grantedAt,
        expectedMs: lease.expectedMs,
        remainingMs: this.#remainingMs(lease),
        ownMs: rate === undefined ? undefined : (length / rate) * 1000,
      });
      if (worth) return lease;
    }
    job.withoutStraggler = { at: now, rate: rate ?? 0 };
    return undefined;
  }

  /** When the holder should be done with this lease, from now: it computes its leases in their order. */
  #remainingMs(lease: Lease): number | undefined {
    const now = this.#core.now();
    const holder = this.#core.nodes.get(lease.nodeId);
    if (holder === undefined) return undefined;
    let finishAt = 0;
    for (const earlier of holder.leases) {
      if (earlier.expectedMs === undefined) return undefined;
      const length = Number(earlier.range.end - earlier.range.start);
      const share = Number(earlier.range.end - earlier.progress) / length;
      const planned = Math.max(finishAt, earlier.grantedAt) + earlier.expectedMs;
      // Past its time: what the last report left open is the better guess.
      finishAt = planned > now ? planned : now + share * earlier.expectedMs;
      if (earlier === lease) break;
    }
    return Math.max(finishAt - now, 0);
  }

  /** Jobs of which nothing is left to lease, but something is out. */
  *#ending(node: Node): Generator<Job> {
    let looked = 0;
    for (const job of this.#book.jobs) {
      if (job.ready || job.closing || job.state !== 'running') continue;
      if (node.avoids(job.id, this.#core.now())) continue;
      if (!isFeasible(job.demand, node.facts)) continue;
      if (!isFit(job.demand, node.facts, hasFeasibleGpu(this.#core, job))) continue;
      looked += 1;
      if (looked > MAX_ENDING) return;
      yield job;
    }
  }

  #isEnding(node: Node): boolean {
    return this.#ending(node).next().done !== true;
  }
}

/** The lowest hole's beginning. */
function carve(job: Job, length: bigint): { readonly segment: Segment; readonly range: Range } | undefined {
  for (const segment of job.segments) {
    const hole = job.offers(segment) ? segment.unleased.first : undefined;
    if (hole === undefined) continue;
    const wanted = evenly(hole, length, job.batchHint);
    const longest = job.hasAttempts ? job.attempts.longestFrom(hole.start) : undefined;
    const taken = longest !== undefined && longest < wanted ? longest : wanted;
    return { segment, range: segment.carve(hole, taken) };
  }
  return undefined;
}

/**
 * Segments end where they end; a sliver left of one would be a batch of milliseconds. So a hole of up to 5/4
 * of a batch is taken whole, and one below two batches is halved.
 */
function evenly(hole: Range, length: bigint, hint: bigint | undefined): bigint {
  const size = hole.end - hole.start;
  if (size <= length || size >= 2n * length) return length;
  const wanted = 4n * size <= 5n * length ? size : (size + 1n) / 2n;
  return hint !== undefined && wanted > hint ? length : wanted;
}

/** The hole may have been shorter than the batch that was wanted, or a little longer. */
function scaled(batch: BatchLength, range: Range): BatchLength {
  const length = range.end - range.start;
  const { expectedMs, tileLength } = batch;
  return {
    length,
    tileLength: tileLength < length ? tileLength : length,
    expectedMs: expectedMs === undefined ? undefined : (expectedMs * Number(length)) / Number(batch.length),
  };
}

function segmentEnd(job: Job, batch: BatchLength, rate: number): bigint {
  const { end } = job.record.range;
  const byRate = BigInt(Math.ceil((rate * SEGMENT_MS) / 1000));
  const byBatch = batch.length * SEGMENT_BATCHES * BigInt(Math.max(job.claimants, 1));
  let length = byRate > byBatch ? byRate : byBatch;
  if (batch.tileLength > 0n) length += batch.tileLength - (length % batch.tileLength);
  // A rest shorter than a batch goes along.
  return job.cursor + length + batch.length >= end ? end : job.cursor + length;
}

/** Units per second of all workers that compute the job, `node` included. Remembered for a second. */
export function totalRate(core: Core, job: Job, node: Node): number {
  const now = core.now();
  if (job.rates.at <= now - 1000 || job.rates.at > now) {
    const holders = new Set<string>();
    let sum = 0;
    for (const { nodeId } of job.leases) {
      if (holders.has(nodeId)) continue;
      holders.add(nodeId);
      sum += core.nodes.get(nodeId)?.knownRate(job.id) ?? 0;
    }
    job.rates = { at: now, sum, holders };
  }
  const own = node.knownRate(job.id) ?? 0;
  return job.rates.holders.has(node.id) ? job.rates.sum : job.rates.sum + own;
}
