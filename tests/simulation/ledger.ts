/**
 * The oracles: what may never happen, checked while it happens against what became durable, and what must be
 * true in the end. It sees every commit of the store and every answer of the coordinator; it knows the truth.
 */
import type { Observer } from '../../coordinator/cluster.ts';
import { RangeSet } from '../../coordinator/jobs/ranges.ts';
import type { LeaseClaims, TokenSigner } from '../../coordinator/jobs/token.ts';
import type { Log } from '../../coordinator/log.ts';
import type { Change } from '../../coordinator/store/store.ts';
import type { JobResults, JobStatus } from '../../protocol/http.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { wireError } from '../../protocol/messages.ts';
import type { RequestName, Submission } from '../../protocol/messages.ts';
import type { Range } from '../../protocol/range.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Template, Truth } from './jobs.ts';
import type { Trace } from './trace.ts';

interface Row {
  readonly range: Range;
  /** Canonical text of the aggregate. */
  text: string;
  nodeId: string;
}

/** What a job was submitted with, beside its parameters. */
export interface Terms {
  readonly user: string | null;
  readonly expectedSeconds: number | undefined;
  readonly maxAttempts: number | undefined;
}

export interface TrackedJob {
  readonly id: string;
  readonly template: Template;
  readonly terms: Terms;
  readonly covered: RangeSet;
  /** By start and end. */
  readonly rows: Map<string, Row>;
  /** Highest `done` that anybody was told. */
  told: bigint;
  /** Somebody was told that it is cancelled. */
  cancelled: boolean;
  /** Somebody was told that it failed, and why. */
  failed: string | undefined;
}

/** JOB_TIMEOUT_MULTIPLIER, as it is unless an operator says otherwise. */
const TIMES_LONGER = 10;

const keyOf = (range: Range): string => `${range.start}-${range.end}`;
const show = (range: Range): string => `[${range.start}, ${range.end})`;

/** What an honest worker may be told about its result, beside that it was taken. */
const HONEST_REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'lease_superseded',
  'lease_expired',
  'store_unavailable',
  'not_ready',
  'limit_reached',
]);

export class Ledger {
  readonly violations: string[] = [];
  readonly jobs = new Map<string, TrackedJob>();
  /** Of each kind of thing that happened, how often: what the schedules reach is itself checked. */
  readonly counts = new Map<string, number>();
  readonly #truth: Truth;
  readonly #trace: Trace;
  readonly #signer: TokenSigner;
  readonly #liars: ReadonlySet<string>;
  readonly #ownWorkers: number;
  /** Rows committed before their job's submitter was answered. */
  readonly #early = new Map<string, Change[]>();

  constructor(parts: {
    readonly truth: Truth;
    readonly trace: Trace;
    /** Of the cluster. */
    readonly signer: TokenSigner;
    /** Node ids. */
    readonly liars: ReadonlySet<string>;
    /** How many workers are the operator's own. */
    readonly ownWorkers: number;
  }) {
    this.#signer = parts.signer;
    this.#truth = parts.truth;
    this.#trace = parts.trace;
    this.#liars = parts.liars;
    this.#ownWorkers = parts.ownWorkers;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  violation(text: string): void {
    this.#trace.add(`VIOLATION ${text}`);
    this.violations.push(text);
  }

  track(id: string, template: Template, terms: Terms): void {
    const known = this.jobs.get(id);
    if (known !== undefined) {
      if (known.template !== template) this.violation(`${id} was given for two different submits`);
      return;
    }
    this.jobs.set(id, {
      id,
      template,
      terms,
      covered: new RangeSet(),
      rows: new Map(),
      told: 0n,
      cancelled: false,
      failed: undefined,
    });
    this.committed(this.#early.get(id) ?? []);
    this.#early.delete(id);
  }

  /** What a result is about; undefined for one of an unknown job. */
  rangeOf(submission: Submission): { template: Template; range: Range } | undefined {
    const claims = this.#signer.verify(submission.token);
    const job = this.jobs.get(claims.jobId);
    if (job === undefined) return undefined;
    return { template: job.template, range: { start: claims.range.start, end: BigInt(submission.end) } };
  }

  committed(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind !== 'result_accepted' && change.kind !== 'result_replaced') continue;
      const { jobId, range, aggregate, nodeId } = change.result;
      const job = this.jobs.get(jobId);
      if (job === undefined) {
        this.#early.set(jobId, [...(this.#early.get(jobId) ?? []), change]);
        continue;
      }
      const known = job.rows.get(keyOf(range));
      this.count(change.kind);
      if (change.kind === 'result_replaced') {
        if (known === undefined) {
          this.violation(`${show(range)} of ${jobId} was replaced but never accepted`);
        } else {
          known.text = aggregate;
          known.nodeId = nodeId;
        }
        continue;
      }
      if (job.covered.overlaps(range)) this.violation(`${show(range)} of ${jobId} was counted twice`);
      job.covered.add(range);
      job.rows.set(keyOf(range), { range, text: aggregate, nodeId });
    }
  }

  /** A result was answered; the worker may never hear of it. */
  submissionSettled(nodeId: string, submission: Submission, reply: unknown): void {
    const answer = readReply(reply);
    let claims: LeaseClaims;
    try {
      claims = this.#signer.verify(submission.token);
    } catch {
      this.count('forged token');
      if (answer.code !== 'lease_forged') {
        this.violation(`a forged token of ${nodeId} was answered ${answer.text}`);
      }
      return;
    }
    const job = this.jobs.get(claims.jobId);
    const range = { start: claims.range.start, end: BigInt(submission.end) };
    this.#trace.add(`${nodeId}: ${show(range)} of ${claims.jobId} → ${answer.text}`);
    this.count(`submit ${answer.text}`);
    if (job === undefined) return;
    const { workload, parameters } = job.template;
    const truth = this.#truth.text(job.template, range);
    const honest = JSON.stringify(submission.aggregate) === truth;
    if (!honest && !this.#liars.has(nodeId)) {
      this.violation(`${nodeId} is no liar but sent a wrong result for ${show(range)}`);
    }
    if (answer.code !== undefined) {
      if (honest && !HONEST_REFUSALS.has(answer.code)) {
        this.violation(`an exact result of ${nodeId} for ${show(range)} was refused: ${answer.text}`);
      }
      return;
    }
    if (!job.covered.contains(range)) {
      this.violation(`${show(range)} of ${job.id} was acknowledged before it was durable`);
      return;
    }
    const row = job.rows.get(keyOf(range));
    if (row === undefined) {
      this.violation(`${show(range)} of ${job.id} was acknowledged, but counted in other pieces`);
    } else if (honest && row.text !== truth) {
      this.violation(
        `a wrong result for ${show(range)} by ${row.nodeId} survived the exact one of ${nodeId}`,
      );
    } else if (!honest) {
      this.count('lie accepted');
      if (row.text === truth) this.violation(`a lie of ${nodeId} for ${show(range)} was taken for the truth`);
      if (contradicts(workload, parameters, range, submission.aggregate)) {
        this.violation(`${nodeId} contradicts itself about ${show(range)}, and was believed`);
      }
    }
  }

  /** Any other request was answered. */
  replied(nodeId: string, name: RequestName, reply: unknown): void {
    const { code, text } = readReply(reply);
    this.count(`${name} ${text}`);
    if (code === 'internal' || code === 'malformed' || code === 'invalid_request') {
      this.violation(`${name} of ${nodeId} was answered ${text}`);
    }
  }

  /** @param before what was durable when the question was asked */
  toldStatus(status: JobStatus, before: bigint): void {
    const job = this.jobs.get(status.job_id);
    if (job === undefined) return;
    const done = BigInt(status.progress.done);
    const total = rangeLength(job.template.range);
    if (done < job.told) this.violation(`done of ${job.id} fell from ${job.told} to ${done}`);
    if (done > total) this.violation(`done of ${job.id} is ${done} of ${total}`);
    if (done < before) this.violation(`done of ${job.id} is ${done}, but ${before} were durable`);
    if (done > job.covered.total) {
      this.violation(`done of ${job.id} is ${done}, but only ${job.covered.total} are durable`);
    }
    if (status.status === 'completed' ? done !== total : status.progress.fraction === 1) {
      this.violation(`${job.id} is ${status.status} with ${done} of ${total} done`);
    }
    if (job.cancelled && status.status !== 'cancelled') {
      this.violation(`${job.id} was cancelled and is now ${status.status}`);
    }
    if (status.user_id !== job.terms.user) this.violation(`${job.id} belongs to ${String(status.user_id)}`);
    if (status.status === 'failed') this.#failed(job, status);
    else if (job.failed !== undefined) this.violation(`${job.id} had failed and is now ${status.status}`);
    job.told = done;
    this.count(`status ${status.status}`);
  }

  /** A job may fail only for what it was submitted with, and never because of strangers alone. */
  #failed(job: TrackedJob, status: JobStatus): void {
    const { code, message } = status.error ?? { code: 'no reason', message: '' };
    if (job.failed === undefined) this.count(`failed: ${code}`);
    job.failed = code;
    const { expectedSeconds, maxAttempts } = job.terms;
    const lasted_s = (Date.parse(status.finished_at ?? '') - Date.parse(status.created_at)) / 1000;
    if (code === 'timed_out' && expectedSeconds !== undefined && lasted_s >= expectedSeconds * TIMES_LONGER)
      return;
    if (code === 'attempts_exhausted' && maxAttempts !== undefined && this.#ownWorkers > 0) return;
    this.violation(`${job.id} failed after ${lasted_s} s: ${code}, ${message}`);
  }

  /** Results are exact over what is covered, and nothing durable is missing. @param before as in toldStatus */
  toldResults(results: JobResults, before: readonly Range[]): void {
    const job = this.jobs.get(results.job_id);
    if (job === undefined) return;
    const covered = results.covered.map(({ start, end }) => ({ start: BigInt(start), end: BigInt(end) }));
    const told = new RangeSet(covered);
    for (const range of before) {
      if (!told.contains(range)) this.violation(`${show(range)} of ${job.id} was durable and is missing`);
    }
    for (const range of covered) {
      if (!job.covered.contains(range)) this.violation(`${show(range)} of ${job.id} is told but not durable`);
    }
    if (this.#hasLies(job)) return;
    const expected = this.#truth.partial(job.template, covered);
    const found = JSON.stringify(results.result);
    if (found !== expected && !(covered.length === 0 && results.result === null)) {
      this.violation(`the partial result of ${job.id} is ${found}, expected ${expected}`);
    }
  }

  /** The last word on a job. */
  final(status: JobStatus, results: JobResults): void {
    const job = this.jobs.get(status.job_id);
    if (job === undefined) return;
    this.toldStatus(status, job.covered.total);
    this.toldResults(results, job.covered.toArray());
    if (status.status !== 'completed') return;
    const { workload, parameters } = job.template;
    const found = JSON.stringify(results.result);
    if (!this.#hasLies(job)) {
      if (found !== this.#truth.result(job.template))
        this.violation(`the result of ${job.id} is wrong: ${found}`);
      return;
    }
    // What lies were never met by a second answer stand; all else is exact.
    this.count('job with a surviving lie');
    const expected = [...job.rows.values()]
      .map(({ range, text }) => workload.decode(parameters, range, JSON.parse(text)))
      .reduce((a, b) => workload.fold(parameters, a, b), workload.empty(parameters));
    if (found !== JSON.stringify(workload.result(parameters, expected))) {
      this.violation(`the result of ${job.id} is not the fold of what was accepted`);
    }
  }

  #hasLies(job: TrackedJob): boolean {
    if (this.#liars.size === 0) return false;
    return [...job.rows.values()].some(({ range, text }) => text !== this.#truth.text(job.template, range));
  }

  readonly observer: Observer = {
    jobChanged: () => undefined,
    leaseGranted: () => this.count('lease granted'),
    submissionSettled: () => undefined,
    leaseEnded: (_type, how) => this.count(`lease ${how}`),
    answersDiffered: (_type, wrong) => this.count(`answers differed, wrong: ${wrong}`),
    resultForwarded: () => undefined,
    tookOver: () => undefined,
    coordinatorsLost: () => undefined,
    committed: () => this.count('commit'),
  };

  readonly log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_fields, message) => this.#trace.add(`core warns: ${message}`),
    error: (fields, message) => this.#trouble('error', fields, message),
    fatal: (fields, message) => this.#trouble('fatal', fields, message),
  };

  #trouble(level: string, fields: Readonly<Record<string, unknown>>, message: string): void {
    const { err } = { err: undefined, ...fields };
    const detail: unknown = err;
    const text = detail instanceof Error ? detail.message : JSON.stringify(fields);
    // Temporary folders have random names, and a history must be the same each time.
    this.#trace.add(`core ${level}: ${message} ${text}`.replaceAll(/\/\S*\/simulation-\w+/g, 'DATA_DIR'));
    // A full disk and a refused result are told at this level; a broken core is too, with an error of its own.
    if (detail instanceof TypeError || detail instanceof RangeError || detail instanceof ReferenceError) {
      this.violation(`the core failed: ${message} ${detail.stack ?? text}`);
    }
  }
}

function contradicts(
  workload: Template['workload'],
  parameters: unknown,
  range: Range,
  aggregate: unknown,
): boolean {
  try {
    return workload.check(parameters, range, workload.decode(parameters, range, aggregate)).length > 0;
  } catch {
    return true;
  }
}

function readReply(reply: unknown): { code: ErrorCode | undefined; text: string } {
  if (typeof reply === 'object' && reply !== null) {
    if ('error' in reply) {
      const { code } = wireError.parse(reply.error);
      return { code, text: code };
    }
    if ('value' in reply && typeof reply.value === 'object' && reply.value !== null) {
      const status = 'status' in reply.value ? String(reply.value.status) : 'ok';
      return { code: undefined, text: status };
    }
  }
  return { code: 'malformed', text: 'an answer that cannot be read' };
}
