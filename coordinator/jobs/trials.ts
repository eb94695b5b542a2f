/**
 * Whether a job can go on whose batches fail. The operator's own workers are believed: what failed there as often as
 * the job allows, or on every engine there is, ends the job. Strangers are not: when too much failed at them, the
 * coordinator computes a smallest tile of it itself. If it can't either, the job ends; if it can, their attempts are
 * forgotten, they get nothing of the job for long if others are there, and batches there are halved, so that a number
 * that nobody can compute is closed in on until the tile is all that fails.
 */
import { ClusterError } from '../../protocol/errors.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Range } from '../../protocol/range.ts';
import { isFeasible } from '../scheduler/placement.ts';
import { total } from './attempts.ts';
import type { Piece, Streak } from './attempts.ts';
import type { Core } from './core.ts';
import type { Job } from './job.ts';
import type { JobControl } from './job-control.ts';
import type { Lease } from './lease.ts';
import type { Node } from './nodes.ts';

/** Batches that fail in a row, at so many workers, end the job even if others have not tried. */
const MANY_BATCHES = 10;
const MANY_NODES = 3;
/** Where fewer are connected: each of them so often, and so many batches at least. */
const TIMES_EACH = 2;
const FEW_BATCHES = 3;
/** Between two trials of a job; doubled with each that the coordinator passes. */
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 10 * 60_000;
/** How long strangers that failed at what the coordinator can compute get nothing of the job, where others are there. */
const STRANGERS_AVOID_MS = 3_600_000;

type FailureKind = 'failed' | 'device_lost' | 'refused' | 'silent';

export class Trials {
  readonly #core: Core;
  readonly #control: JobControl;

  constructor(core: Core, control: JobControl) {
    this.#core = core;
    this.#control = control;
  }

  /**
   * A lease ended without a result, for a reason that may lie in its range.
   * @param kind `failed`: the worker says that it cannot compute it
   */
  failed(lease: Lease, kind: FailureKind, message: string): void {
    const { job, segment, range, nodeId } = lease;
    const node = this.#core.nodes.get(nodeId);
    const attempt = { nodeId, own: node?.facts.own ?? false, message, silent: kind === 'silent' };
    if (kind === 'failed' && node !== undefined) this.#told(node, job, message);
    let worst: Piece | undefined;
    for (const gap of segment.covered.gaps(range)) {
      const piece = job.attempts.record(gap, attempt);
      if (worst === undefined || total(piece) > total(worst)) worst = piece;
    }
    const streak = kind === 'failed' ? job.attempts.batchFailed(attempt) : undefined;
    if (worst === undefined || !job.takesResults) return;
    this.#judge(job, worst, streak);
  }

  /** The worker of a lease from before a restart failed: what it held is not known any more. */
  failedEarlier(node: Node, job: Job, message: string): void {
    this.#told(node, job, message);
    job.attempts.batchFailed({ nodeId: node.id, own: node.facts.own, message });
  }

  #told(node: Node, job: Job, message: string): void {
    node.errors += 1;
    node.avoid(job.id, this.#core.now());
    this.#core.dependencies.log.warn({ node_id: node.id, job_id: job.id }, `a batch failed: ${message}`);
  }

  #judge(job: Job, piece: Piece, streak: Streak | undefined): void {
    const { maxAttempts } = job.record;
    if (piece.own >= maxAttempts) {
      this.#control.fail(
        job,
        'attempts_exhausted',
        `${tellPiece(job, piece)} (max_attempts: ${maxAttempts}). ${KEPT}`,
      );
      return;
    }
    const everywhere = streak !== undefined && this.#failsEverywhere(job, streak);
    if (everywhere === 'own') {
      const batches = `${streak?.batches ?? 0} batches in a row failed at every worker that could compute it`;
      this.#control.fail(job, 'computation_failed', `${batches}; ${tellPiece(job, piece)}. ${KEPT}`);
      return;
    }
    if (everywhere === 'strangers' || total(piece) >= maxAttempts) void this.#try(job, piece);
  }

  /** Whether every engine there is failed, or so many that it is no chance; and whether own workers alone suffice. */
  #failsEverywhere(job: Job, streak: Streak): 'own' | 'strangers' | false {
    if (streak.ownBatches >= MANY_BATCHES && streak.ownNodes.size >= MANY_NODES) return 'own';
    const many = streak.batches >= MANY_BATCHES && streak.nodes.size >= MANY_NODES;
    let engines = 0;
    for (const node of this.#core.nodes.all) {
      if (node.offline || !isFeasible(job.demand, node.facts)) continue;
      if (!streak.nodes.has(node.id)) return many ? 'strangers' : false;
      engines += 1;
    }
    const enough = Math.max(FEW_BATCHES, TIMES_EACH * engines);
    // Strangers fail beside them, perhaps on purpose: it is the own ones that must have failed often enough.
    const own = TIMES_EACH * streak.ownNodes.size;
    if (streak.ownNodes.size > 0 && streak.ownBatches >= Math.max(FEW_BATCHES, own)) return 'own';
    return many || streak.batches >= enough ? 'strangers' : false;
  }

  /** The coordinator computes a smallest tile itself. At most one at a time for a job, and not often. */
  async #try(job: Job, piece: Piece): Promise<void> {
    const { recompute, log } = this.#core.dependencies;
    const { trial } = job;
    if (trial.running || this.#core.now() < trial.notBefore) return;
    trial.running = true;
    const tile = firstTile(piece, job.tileLimits.min);
    let failure: unknown;
    try {
      await recompute.compute(job.record.type, job.record.parameters, tile);
    } catch (error) {
      failure = error;
    } finally {
      trial.running = false;
    }
    const now = this.#core.now();
    if (!job.takesResults) return;
    if (failure !== undefined) {
      if (isBusy(failure)) {
        trial.notBefore = now + FIRST_PAUSE_MS;
        return;
      }
      const why = failure instanceof Error ? failure.message : 'unknown';
      const itself = `the coordinator itself cannot compute [${tile.start}, ${tile.end}) either: ${why}`;
      this.#control.fail(job, 'computation_failed', `${tellPiece(job, piece)}; ${itself}. ${KEPT}`);
      return;
    }
    trial.notBefore = now + Math.min(FIRST_PAUSE_MS * 2 ** trial.passed, LONGEST_PAUSE_MS);
    trial.passed += 1;
    this.#keepAway(job, new Set([...piece.strangerIds, ...(job.attempts.streak?.nodes ?? [])]));
    const half = rangeLength(piece) / 2n;
    job.attempts.forgive(piece, half > job.tileLimits.min ? half : job.tileLimits.min);
    job.attempts.endStreak();
    log.warn(
      { job_id: job.id },
      `${tellPiece(job, piece)}; the coordinator can compute it, so the job goes on`,
    );
  }

  /**
   * Strangers that failed at what can be computed. For long where somebody else is there; else only for the usual
   * while, since without them nobody would compute: one lost device of the only volunteer held a job up for an hour.
   */
  #keepAway(job: Job, failed: ReadonlySet<string>): void {
    const now = this.#core.now();
    let others = false;
    for (const node of this.#core.nodes.all) {
      if (!node.takesWork || failed.has(node.id) || node.barredUntil > now) continue;
      others ||= isFeasible(job.demand, node.facts) && !node.avoids(job.id, now);
    }
    for (const id of failed) {
      const node = this.#core.nodes.get(id);
      if (node?.facts.own === false) node.avoid(job.id, now, others ? STRANGERS_AVOID_MS : 0);
    }
  }
}

const KEPT = 'What was computed so far stays as its partial result';

function tellPiece(job: Job, piece: Piece): string {
  const { nodeId, message } = piece.last;
  const times = total(piece) === 1 ? 'once' : `${total(piece)} times`;
  return `the ${job.workload.unit} [${piece.start}, ${piece.end}) failed ${times}, the last time at ${nodeId}: ${message}`;
}

function firstTile({ start, end }: Range, length: bigint): Range {
  return { start, end: start + length < end ? start + length : end };
}

/** It says nothing about the job. */
function isBusy(error: unknown): boolean {
  return error instanceof ClusterError && (error.code === 'limit_reached' || error.code === 'not_ready');
}
