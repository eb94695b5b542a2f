/** What the outside sees of a job: status, results, coverage. Reads only. */
import { MAX_COVERAGE_RANGES } from '../../protocol/http.ts';
import type { JobCoverage, JobResults, JobStatus, RangeJson } from '../../protocol/http.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Range } from '../../protocol/range.ts';
import type { Workload } from '../../protocol/workload.ts';
import type { StoredJob, StoredTally } from '../store/store.ts';
import { doneFractions, Figures } from './figures.ts';
import type { Job } from './job.ts';
import { readParameters } from './job.ts';

/** What only the live cluster knows about a job. */
export interface Outlook {
  readonly queuePosition: number | null;
  readonly waitingFor: string | null;
}

/** Shown for a job that is nearly done: 1 means completed. */
const NEARLY = 0.999999;

export function statusOfJob(job: Job, outlook: Outlook, nowMs: number): JobStatus {
  const rate = job.state === 'running' ? job.ratePerSecond(nowMs) : undefined;
  const left = Number(job.total - job.done);
  const eta = rate !== undefined && rate > 0 ? left / rate : null;
  return {
    ...described(job, job.workload.unit),
    progress: {
      total: job.total.toString(),
      done: job.done.toString(),
      fraction: fraction(job.done, job.total, job.state === 'completed'),
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

export function resultsOfStored(
  stored: StoredJob,
  { tally }: StoredTally,
  workload: Workload | undefined,
): JobResults {
  const covered = coveredOfStored(stored);
  const shared = {
    job_id: stored.record.id,
    status: stored.progress.state,
    partial: stored.progress.state !== 'completed',
    covered: shown(covered),
    covered_truncated: covered.length > MAX_COVERAGE_RANGES,
  };
  if (tally === null || workload === undefined) return { ...shared, result: null };
  const p = readParameters(workload, stored.record.parameters);
  const json: unknown = JSON.parse(tally);
  return { ...shared, result: workload.result(p, workload.decodeStored(p, json)) };
}

export function coverageOfJob(job: Job): JobCoverage {
  const covered = job.covered();
  const leases = [...job.leases].sort((a, b) => (a.range.start < b.range.start ? -1 : 1));
  const waiting = job.segments.flatMap((segment) => segment.unleased.toArray());
  if (job.cursor < job.record.range.end) waiting.push({ start: job.cursor, end: job.record.range.end });
  const figures = job.currentFigures();
  return {
    job_id: job.id,
    status: job.state,
    total: rangeJson(job.record.range),
    done: shown(covered),
    leased: leases.slice(0, MAX_COVERAGE_RANGES).map((lease) => ({
      ...rangeJson(lease.range),
      node_id: lease.nodeId,
      since: time(lease.grantedAt),
    })),
    waiting: shown(waiting),
    truncated: [covered, leases, waiting].some(({ length }) => length > MAX_COVERAGE_RANGES),
    blocks: blocks(figures, covered, job.record.type),
  };
}

export function coverageOfStored(stored: StoredJob, tally: StoredTally): JobCoverage {
  const { id, range, type } = stored.record;
  const covered = coveredOfStored(stored);
  const waiting = stored.progress.state === 'completed' ? [] : gapsOf(range, covered);
  return {
    job_id: id,
    status: stored.progress.state,
    total: rangeJson(range),
    done: shown(covered),
    leased: [],
    waiting: shown(waiting),
    truncated: covered.length > MAX_COVERAGE_RANGES || waiting.length > MAX_COVERAGE_RANGES,
    blocks: blocks(new Figures(range, tally.figures), covered, type),
  };
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

function coveredOfStored(stored: StoredJob): readonly Range[] {
  return stored.covered ?? (stored.progress.state === 'completed' ? [stored.record.range] : []);
}

function gapsOf(range: Range, covered: readonly Range[]): Range[] {
  const gaps: Range[] = [];
  let start = range.start;
  for (const hit of covered) {
    if (hit.start > start) gaps.push({ start, end: hit.start });
    start = hit.end;
  }
  if (start < range.end) gaps.push({ start, end: range.end });
  return gaps;
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
