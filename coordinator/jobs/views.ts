/** What the outside sees of a job: status, results, coverage. Reads only. */
import { MAX_COVERAGE_RANGES } from '../../protocol/http.ts';
import type { JobCoverage, JobResults, JobStatus, RangeJson } from '../../protocol/http.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Range } from '../../protocol/range.ts';
import type { Workload } from '../../protocol/workload.ts';
import type { JobSnapshot, StoredJob } from '../store/store.ts';
import { doneFractions, Figures } from './figures.ts';
import type { Job } from './job.ts';
import { readParameters } from './job.ts';
import { RangeSet } from './ranges.ts';

/** What only the live cluster knows about a job. */
export interface Outlook {
  readonly queuePosition: number | null;
  readonly waitingFor: string | null;
}

/** Shown for a job that is nearly done: 1 means completed. */
const NEARLY = 0.999999;

/** @param all what is done, by all coordinators, and the others' rate; undefined: there are no others */
export function statusOfJob(
  job: Job,
  outlook: Outlook,
  nowMs: number,
  all: { readonly done: bigint; readonly otherRate: number } = { done: job.done, otherRate: 0 },
): JobStatus {
  const { done, otherRate } = all;
  const own = job.state === 'running' ? job.ratePerSecond(nowMs) : undefined;
  const rate = own === undefined && otherRate === 0 ? undefined : (own ?? 0) + otherRate;
  const left = Number(job.total - done);
  const eta = rate !== undefined && rate > 0 ? left / rate : null;
  return {
    ...described(job, job.workload.unit),
    progress: {
      total: job.total.toString(),
      done: done.toString(),
      fraction: fraction(done, job.total, job.state === 'completed'),
      rate_per_second: rate ?? null,
      eta_seconds: eta,
    },
    queue_position: outlook.queuePosition,
    waiting_for: outlook.waitingFor,
  };
}

/** A job that is in the store alone. */
export function statusOfStored(stored: StoredJob, unit: string): JobStatus {
  const total = rangeLength(stored.record.range);
  return {
    ...described(stored, unit),
    progress: {
      total: total.toString(),
      done: stored.done.toString(),
      fraction: fraction(stored.done, total, stored.progress.state === 'completed'),
      rate_per_second: null,
      eta_seconds: null,
    },
    queue_position: null,
    waiting_for: null,
  };
}

function described({ record, progress }: Pick<StoredJob, 'record' | 'progress'>, unit: string) {
  const { startedAt, updatedAt, finishedAt, error } = progress;
  return {
    job_id: record.id,
    type: record.type,
    name: record.name,
    status: progress.state,
    user_id: record.userId,
    priority: record.priority,
    gpu_preferred: record.gpuPreferred,
    placement: record.placement,
    expected_seconds: record.expectedSeconds,
    max_attempts: record.maxAttempts,
    parameters: record.parameters,
    unit,
    created_at: time(record.createdAt),
    started_at: startedAt === null ? null : time(startedAt),
    updated_at: time(updatedAt),
    finished_at: finishedAt === null ? null : time(finishedAt),
    error,
  };
}

export function resultsOfJob(job: Job): JobResults {
  const covered = job.covered();
  return {
    job_id: job.id,
    status: job.state,
    partial: job.state !== 'completed',
    covered: shown(covered),
    covered_truncated: covered.length > MAX_COVERAGE_RANGES,
    result: job.done === 0n ? null : job.workload.result(job.p, job.currentTally()),
  };
}

/** @param workload undefined: this coordinator doesn't know it, and has no result to show */
export function resultsOfSnapshot(snapshot: JobSnapshot, workload: Workload | undefined): JobResults {
  const { job } = snapshot;
  const covered = coveredOf(snapshot);
  const shared = {
    job_id: job.record.id,
    status: job.progress.state,
    partial: job.progress.state !== 'completed',
    covered: shown(covered),
    covered_truncated: covered.length > MAX_COVERAGE_RANGES,
  };
  if (covered.length === 0 || workload === undefined) return { ...shared, result: null };
  const p = readParameters(workload, job.record.parameters);
  const texts = [
    ...snapshot.shares.flatMap(({ tally }) => (tally === null ? [] : [tally])),
    ...snapshot.results.map(({ aggregate }) => aggregate),
  ];
  let tally = workload.empty(p);
  for (const text of texts) {
    const json: unknown = JSON.parse(text);
    tally = workload.fold(p, tally, workload.decodeStored(p, json));
  }
  return { ...shared, result: workload.result(p, tally) };
}

export function coverageOfJob(job: Job): JobCoverage {
  const covered = job.covered();
  const leases = leasesOfJob(job);
  const waiting = job.segments.flatMap((segment) => segment.unleased.toArray());
  if (job.cursor < job.record.range.end) waiting.push({ start: job.cursor, end: job.record.range.end });
  const figures = job.currentFigures();
  return {
    job_id: job.id,
    status: job.state,
    total: rangeJson(job.record.range),
    done: shown(covered),
    leased: leases.slice(0, MAX_COVERAGE_RANGES),
    waiting: shown(waiting),
    truncated: [covered, leases, waiting].some(({ length }) => length > MAX_COVERAGE_RANGES),
    blocks: blocks(figures, covered, job.record.type),
  };
}

/** Those of this coordinator, ascending. */
export function leasesOfJob(job: Job): JobCoverage['leased'] {
  return [...job.leases]
    .sort((a, b) => (a.range.start < b.range.start ? -1 : 1))
    .map(({ range, nodeId, grantedAt }) => ({
      ...rangeJson(range),
      node_id: nodeId,
      since: time(grantedAt),
    }));
}

/** @param leased what is known of leases, ascending; of a job that is over there are none */
export function coverageOfSnapshot(
  snapshot: JobSnapshot,
  workload: Workload | undefined,
  leased: JobCoverage['leased'],
): JobCoverage {
  const { record, progress } = snapshot.job;
  const covered = coveredOf(snapshot);
  const taken = new RangeSet(covered);
  for (const { start, end } of leased) taken.add({ start: BigInt(start), end: BigInt(end) });
  const waiting = taken.gaps(record.range);
  return {
    job_id: record.id,
    status: progress.state,
    total: rangeJson(record.range),
    done: shown(covered),
    leased: leased.slice(0, MAX_COVERAGE_RANGES),
    waiting: shown(waiting),
    truncated: [covered, leased, waiting].some(({ length }) => length > MAX_COVERAGE_RANGES),
    blocks: blocks(figuresOf(snapshot, workload), covered, record.type),
  };
}

function figuresOf({ job, shares, results }: JobSnapshot, workload: Workload | undefined): Figures {
  const { range, parameters } = job.record;
  const figures = new Figures(range);
  for (const share of shares) figures.merge(new Figures(range, share.figures));
  if (workload === undefined || results.length === 0) return figures;
  const p = readParameters(workload, parameters);
  for (const result of results) {
    const json: unknown = JSON.parse(result.aggregate);
    figures.add(result.range, workload.figure(p, workload.decodeStored(p, json)));
  }
  return figures;
}

/** What was claimed, but for what is open of the segments that are. */
function coveredOf({ job, segments, results }: JobSnapshot): readonly Range[] {
  const covered = new RangeSet([{ start: job.record.range.start, end: job.cursor }]);
  for (const segment of segments) {
    covered.subtract(segment.range);
    for (const range of segment.covered) covered.add(range);
  }
  for (const { range } of results) covered.add(range);
  return covered.toArray();
}

/** What the mean on a map is, in words. A workload that is not named here shows a plain mean. */
const FIGURE_NAMES: ReadonlyMap<string, string> = new Map([
  ['collatz', 'mean delay'],
  ['thread', 'mean threads per root'],
]);

function blocks(figures: Figures, covered: readonly Range[], type: string): JobCoverage['blocks'] {
  return {
    count: figures.count,
    figure: FIGURE_NAMES.get(type) ?? 'mean',
    mean: figures.means(),
    done_fraction: doneFractions(figures, covered),
  };
}

function fraction(done: bigint, total: bigint, completed: boolean): number {
  if (completed) return 1;
  return Math.min(Number((done * 1_000_000_000n) / total) / 1e9, NEARLY);
}

function shown(ranges: readonly Range[]): RangeJson[] {
  return ranges.slice(0, MAX_COVERAGE_RANGES).map(rangeJson);
}

export function rangeJson({ start, end }: Range): RangeJson {
  return { start: start.toString(), end: end.toString() };
}

export function time(ms: number): string {
  return new Date(ms).toISOString();
}
