/** A job that is not over, or over with results that may still be corrected: its whole state in memory. */
import { ClusterError } from '../../protocol/errors.ts';
import type { JobState } from '../../protocol/http.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Range } from '../../protocol/range.ts';
import type { Kernels, Workload } from '../../protocol/workload.ts';
import type { Queued } from '../scheduler/fair-queue.ts';
import type { Demand } from '../scheduler/placement.ts';
import type { ActiveJob, JobProgress, JobRecord } from '../store/store.ts';
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
  cursor: bigint;
  /** Durably counted. */
  done = 0n;
  /** Part of `done` that is in the tally. */
  folded = 0n;
  /** Undefined: nothing is folded. */
  tally: unknown;
  /** Open segments, ascending. */
  readonly segments: Segment[] = [];
  readonly leases = new Set<Lease>();
  /** Raised with every change of the result. */
  version = 0;
  /** While recovered holes are left to workers that may come back. */
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

  segmentAt(start: bigint): Segment | undefined {
    let low = 0;
    let high = this.segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const segment = this.segments[middle];
      if (segment !== undefined && segment.range.start < start) low = middle + 1;
      else high = middle;
    }
    const found = this.segments[low];
    return found?.range.start === start ? found : undefined;
  }

  addSegment(segment: Segment): void {
    this.segments.push(segment);
    if (segment.range.end > this.cursor) this.cursor = segment.range.end;
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

/** A job as the store has it: journal replayed, holes open. */
export function restoreJob(active: ActiveJob, workload: Workload, nowMs: number): Job {
  const { record, progress: stored, cursor, done } = active.job;
  // The time in which no coordinator ran is no running time of the job (time-limits.ts).
  const progress = { ...stored, runningSince: stored.runningSince === null ? null : nowMs };
  const job = new Job(record, progress, workload, readParameters(workload, record.parameters));
  job.cursor = cursor;
  job.folded = done;
  job.done = done;
  const { tally, figures } = active.tally;
  if (tally !== null) {
    const json: unknown = JSON.parse(tally);
    job.tally = workload.decodeStored(job.p, json);
  }
  if (figures !== null) job.figures = new Figures(record.range, figures);
  const results = active.results.toSorted((a, b) => compare(a.range.start, b.range.start));
  const segments = active.segments.toSorted((a, b) => compare(a.range.start, b.range.start));
  let next = 0;
  for (const stored of segments) {
    const segment = new Segment(stored.range, stored.covered, true);
    for (
      let row = results[next];
      row !== undefined && row.range.start < stored.range.end;
      row = results[next]
    ) {
      next += 1;
      const json: unknown = JSON.parse(row.aggregate);
      const aggregate = workload.decodeStored(job.p, json);
      const { seq, range, digest, nodeId } = row;
      const bytes = row.aggregate.length;
      segment.begin(range);
      segment.settle({ seq, range, aggregate, digest, nodeId, bytes, pins: 0, folding: false });
      job.done += rangeLength(range);
      job.unfolded.results += 1;
      job.unfolded.bytes += bytes;
      job.unfoldedSince = nowMs;
    }
    job.addSegment(segment);
  }
  job.cursor = cursor;
  return job;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
