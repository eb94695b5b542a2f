/**
 * A job that is not over, or over with results that may still be corrected: its whole state in memory. Where several
 * coordinators share the store, tally, segments and results are those of this one.
 */
import { ClusterError } from '../../protocol/errors.ts';
import type { JobState } from '../../protocol/http.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Range } from '../../protocol/range.ts';
import type { Kernels, Workload } from '../../protocol/workload.ts';
import type { Queued } from '../scheduler/fair-queue.ts';
import type { Demand } from '../scheduler/placement.ts';
import type { JobProgress, JobRecord, OwnParts, StoredJob, StoredShare } from '../store/store.ts';
import { Attempts } from './attempts.ts';
import { Figures } from './figures.ts';
import type { Lease } from './lease.ts';
import { RangeSet } from './ranges.ts';
import { SlidingRate } from './rate.ts';
import { Segment } from './segment.ts';
import type { BatchResult } from './segment.ts';
import { takesResults } from './transitions.ts';

export interface KernelHashes {
  readonly gpu: string;
  readonly cpu: string;
}

interface JobRates {
  readonly at: number;
  readonly sum: number;
  readonly holders: ReadonlySet<string>;
}

/** The coordinator's own tries at what failed elsewhere (trials.ts). */
interface Trial {
  running: boolean;
  passed: number;
  notBefore: number;
}

// Thousands of jobs wait; what only a running one needs is made when it runs.
const NO_RATES: JobRates = { at: 0, sum: 0, holders: new Set() };

/** Window of a job's rate. */
const RATE_WINDOW_MS = 30_000;

export class Job implements Queued {
  readonly record: JobRecord;
  readonly workload: Workload;
  /** Validated parameters, as the workload's own functions want them. */
  readonly p: unknown;
  readonly demand: Demand;
  readonly total: bigint;
  readonly tileLimits: { readonly min: bigint; readonly max: bigint };
  readonly batchHint: bigint | undefined;
  progress: JobProgress;
  /** Of its row, as this coordinator has seen it last. */
  revision = 0;
  cursor: bigint;
  /** Durably counted. */
  done = 0n;
  /** Part of `done` that is in the tally. */
  folded = 0n;
  /** Undefined: nothing is folded. */
  tally: unknown;
  /** Shares that were taken over: in the tally here, but apart in the store until the next fold. */
  absorbing: number[] = [];
  /** Open segments, ascending. */
  readonly segments: Segment[] = [];
  readonly leases = new Set<Lease>();
  /** When no lease was worth computing a second time, for workers of this rate (units per second) or below. */
  withoutStraggler = { at: -Infinity, rate: 0 };
  /** Raised with every change of the result. */
  version = 0;
  /** While recovered holes are left to workers that may come back, and recovered results are kept apart for them. */
  holdsRecovered = false;
  /** The job is being ended: no more results. */
  closing = false;
  /** It is about to fail. */
  failing = false;
  claiming: Promise<void> | undefined;
  /** Requests that wait for the claim. */
  claimants = 0;
  /** Sum of its workers' rates, as of a moment. */
  rates: JobRates = NO_RATES;
  /** Number and JSON bytes of the results that are not in the tally; `kept` as the last fold left them. */
  unfolded = { results: 0, bytes: 0, kept: { results: 0, bytes: 0 } };
  foldInFlight = false;
  /** Since when there is something that could be folded; undefined: nothing. */
  unfoldedSince: number | undefined;
  readonly trial: Trial = { running: false, passed: 0, notBefore: 0 };
  #attempts: Attempts | undefined;
  #rate: SlidingRate | undefined;
  #figures: Figures | undefined;
  #queue: Promise<unknown> | undefined;
  #hashes: KernelHashes | undefined;
  #folded: { readonly version: number; readonly tally: unknown } | undefined;

  /** @param p what `workload.parameters` made of `record.parameters` */
  constructor(record: JobRecord, progress: JobProgress, workload: Workload, p: unknown) {
    this.record = record;
    this.progress = progress;
    this.workload = workload;
    this.p = p;
    this.demand = {
      type: record.type,
      workloadVersion: record.workloadVersion,
      gpuPreferred: record.gpuPreferred,
      placement: record.placement,
    };
    this.total = rangeLength(record.range);
    this.cursor = record.range.start;
    this.batchHint = workload.batchHint(p);
    const limits = workload.tileLimits(p);
    const longest = BigInt(workload.kernels(p).gpu.maxPieceLength);
    this.tileLimits = { min: limits.min, max: limits.max < longest ? limits.max : longest };
  }

  get id(): string {
    return this.record.id;
  }

  get seq(): number {
    return this.record.seq;
  }

  get user(): string | null {
    return this.record.userId;
  }

  get priority(): JobRecord['priority'] {
    return this.record.priority;
  }

  get state(): JobState {
    return this.progress.state;
  }

  get takesResults(): boolean {
    return takesResults(this.state) && !this.closing;
  }

  get ready(): boolean {
    if (this.closing || (this.state !== 'pending' && this.state !== 'running')) return false;
    return this.cursor < this.record.range.end || this.segments.some((segment) => this.offers(segment));
  }

  /** Whether nothing is left for this coordinator: it is covered, but for what others own. */
  get isCoveredHere(): boolean {
    return this.cursor >= this.record.range.end && this.segments.every((segment) => segment.isCovered);
  }

  /** Whether a hole of this segment may be leased now. */
  offers(segment: Segment): boolean {
    return !segment.unleased.isEmpty && !(segment.recovered && this.holdsRecovered);
  }

  /** Numbers that nobody has. */
  get unleased(): bigint {
    let sum = this.record.range.end - this.cursor;
    for (const segment of this.segments) sum += segment.unleased.total;
    return sum;
  }

  get attempts(): Attempts {
    return (this.#attempts ??= new Attempts());
  }

  get hasAttempts(): boolean {
    return this.#attempts !== undefined;
  }

  get figures(): Figures {
    return (this.#figures ??= new Figures(this.record.range));
  }

  get hasFigures(): boolean {
    return this.#figures !== undefined;
  }

  set figures(figures: Figures) {
    this.#figures = figures;
  }

  /** The segment that the whole range lies in: the one it was leased from, or a piece of that. */
  segmentOf(range: Range): Segment | undefined {
    const found = this.segments[this.#segmentsUpTo(range.start) - 1];
    return found !== undefined && range.end <= found.range.end ? found : undefined;
  }

  addSegment(segment: Segment): void {
    const { start, end } = segment.range;
    this.segments.splice(this.#segmentsUpTo(start), 0, segment);
    if (end > this.cursor) this.cursor = end;
  }

  /** How many segments start at `start` or before. */
  #segmentsUpTo(start: bigint): number {
    let low = 0;
    let high = this.segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const segment = this.segments[middle];
      if (segment !== undefined && segment.range.start <= start) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  removeSegment(segment: Segment): void {
    const index = this.segments.indexOf(segment);
    if (index >= 0) this.segments.splice(index, 1);
  }

  /** All results that are not in the tally. */
  *results(): Generator<BatchResult> {
    for (const segment of this.segments) yield* segment.results.values();
  }

  /** The fold of everything that is done; remembered until something changes. */
  currentTally(): unknown {
    if (this.#folded?.version !== this.version) {
      const { workload, p } = this;
      let tally: unknown = this.tally ?? workload.empty(p);
      for (const { aggregate } of this.results()) tally = workload.fold(p, tally, aggregate);
      this.#folded = { version: this.version, tally };
    }
    return this.#folded.tally;
  }

  currentFigures(): Figures {
    const figures = this.hasFigures ? this.figures.copy() : new Figures(this.record.range);
    for (const { range, aggregate } of this.results()) {
      figures.add(range, this.workload.figure(this.p, aggregate));
    }
    return figures;
  }

  /** Covered ranges, ascending. */
  covered(): Range[] {
    const covered = new RangeSet();
    let position = this.record.range.start;
    for (const segment of this.segments) {
      covered.add({ start: position, end: segment.range.start });
      for (const range of segment.covered) covered.add(range);
      position = segment.range.end;
    }
    covered.add({ start: position, end: this.cursor });
    return [...covered];
  }

  kernelHashes(hashesOf: (kernels: Kernels) => KernelHashes): KernelHashes {
    return (this.#hashes ??= hashesOf(this.workload.kernels(this.p)));
  }

  noteUnits(nowMs: number, units: bigint, sinceMs: number): void {
    this.#rate ??= new SlidingRate(RATE_WINDOW_MS);
    this.#rate.add(nowMs, Number(units), sinceMs);
  }

  ratePerSecond(nowMs: number): number | undefined {
    return this.#rate?.perSecond(nowMs);
  }

  /** Runs changes of the job's state and claims one after another. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = (this.#queue ?? Promise.resolve()).then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

/** Reads the parameters back that the store kept. @throws ClusterError internal */
export function readParameters(workload: Workload, parameters: unknown): unknown {
  const parsed = workload.parameters.safeParse(parameters);
  if (parsed.success) return parsed.data;
  throw new ClusterError('internal', `stored parameters of a ${workload.type} job cannot be read back`, {
    cause: parsed.error,
  });
}

/** A job as the store has it, with what this coordinator owns of it: journal replayed, holes open. */
export function restoreJob(stored: StoredJob, parts: OwnParts, workload: Workload, nowMs: number): Job {
  const { record, progress, cursor, revision } = stored;
  const job = new Job(record, progress, workload, readParameters(workload, record.parameters));
  job.cursor = cursor;
  job.revision = revision;
  addShare(job, parts.share);
  addParts(job, parts, nowMs);
  job.cursor = cursor;
  return job;
}

/**
 * Adds what the store has and the job has not: what was taken over from another coordinator, or given by one.
 * Nothing of the job may be on its way into the store.
 * @returns the segments that were added
 */
export function addParts(job: Job, parts: OwnParts, nowMs: number): readonly Segment[] {
  for (const [origin, share] of parts.adopted) {
    if (job.absorbing.includes(origin)) continue;
    job.absorbing.push(origin);
    addShare(job, share);
    job.unfoldedSince ??= nowMs;
  }
  const known = new Set(job.segments.map(({ range }) => range.start));
  const added = parts.segments
    .filter(({ range }) => !known.has(range.start))
    .map(({ range, covered }) => new Segment(range, covered, true));
  for (const segment of added) job.addSegment(segment);
  for (const { range, aggregate: text, digest, nodeId } of parts.results) {
    const segment = job.segmentOf(range);
    if (segment === undefined || !added.includes(segment)) continue;
    const json: unknown = JSON.parse(text);
    const aggregate = job.workload.decodeStored(job.p, json);
    segment.begin(range);
    segment.settle({ range, aggregate, digest, nodeId, bytes: text.length, pins: 0, folding: false });
    job.done += rangeLength(range);
    job.unfolded.results += 1;
    job.unfolded.bytes += text.length;
    job.unfoldedSince ??= nowMs;
  }
  if (added.length > 0 || parts.adopted.size > 0) job.version += 1;
  return added;
}

function addShare(job: Job, { done, tally, figures }: StoredShare): void {
  const { workload, p } = job;
  job.folded += done;
  job.done += done;
  if (tally !== null) {
    const json: unknown = JSON.parse(tally);
    const decoded = workload.decodeStored(p, json);
    job.tally = job.tally === undefined ? decoded : workload.fold(p, job.tally, decoded);
  }
  if (figures !== null) {
    const added = new Figures(job.record.range, figures);
    if (job.hasFigures) job.figures.merge(added);
    else job.figures = added;
  }
}
