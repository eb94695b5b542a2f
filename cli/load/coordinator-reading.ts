/** What coordinators tell of themselves by GET /metrics, and what happened between two readings. */
import type { Figure } from '../report.ts';
import { bucketsOf, readMetrics, sumOf } from './prometheus.ts';

export interface CoordinatorReading {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly commits: number;
  readonly commitSeconds: number;
  readonly committedResults: number;
  readonly committedBytes: number;
  /** Commits that took at most so many seconds. */
  readonly commitBuckets: ReadonlyMap<number, number>;
}

/** Added up over all of them; undefined if one can't be asked. */
export async function readCoordinators(
  metricsUrls: readonly string[],
): Promise<CoordinatorReading | undefined> {
  const texts = await Promise.all(metricsUrls.map(readMetrics));
  if (texts.length === 0 || texts.includes(undefined)) return undefined;
  const read = texts.filter((text) => text !== undefined);
  const sum = (name: string) => read.reduce((total, text) => total + (sumOf(text, name) ?? 0), 0);
  const commitBuckets = new Map<number, number>();
  for (const text of read) {
    for (const [bound, count] of bucketsOf(text, 'cluster_commit_seconds')) {
      commitBuckets.set(bound, (commitBuckets.get(bound) ?? 0) + count);
    }
  }
  return {
    cpuSeconds: sum('process_cpu_seconds_total'),
    residentBytes: sum('process_resident_memory_bytes'),
    commits: sum('cluster_commit_seconds_count'),
    commitSeconds: sum('cluster_commit_seconds_sum'),
    committedResults: sum('cluster_commit_results_sum'),
    committedBytes: sum('cluster_commit_bytes_sum'),
    commitBuckets,
  };
}

/** @param seconds between the readings @param roundTrips in that time; 0: none were asked for */
export function coordinatorFigures(
  before: CoordinatorReading | undefined,
  after: CoordinatorReading | undefined,
  seconds: number,
  roundTrips: number,
): Figure[] {
  if (before === undefined || after === undefined) return [];
  const cpu = after.cpuSeconds - before.cpuSeconds;
  const commits = after.commits - before.commits;
  const figures: Figure[] = [{ what: 'coordinator', value: (cpu / seconds) * 100, unit: '% of a core' }];
  if (roundTrips > 0) {
    figures.push({
      what: 'coordinator, per round trip',
      value: (cpu / roundTrips) * 1e6,
      unit: 'µs of CPU',
      note: 'with what idle workers, heartbeats and connections cost',
    });
  }
  if (commits > 0 && roundTrips > 0) {
    const results = after.committedResults - before.committedResults;
    figures.push(
      { what: 'commits', value: commits / seconds, unit: '/s' },
      { what: 'results in a commit, mean', value: results / commits, unit: '' },
      {
        what: 'bytes in a commit, mean',
        value: (after.committedBytes - before.committedBytes) / commits,
        unit: 'bytes',
      },
      {
        what: 'commit, mean',
        value: ((after.commitSeconds - before.commitSeconds) / commits) * 1000,
        unit: 'ms',
      },
      { what: 'commit, 99 % at most', value: commitBound(before, after, 0.99) * 1000, unit: 'ms' },
    );
  }
  return figures;
}

/** The least bound of a bucket below which `share` of the commits lie. */
function commitBound(before: CoordinatorReading, after: CoordinatorReading, share: number): number {
  const commits = after.commits - before.commits;
  for (const [bound, count] of [...after.commitBuckets].sort(([a], [b]) => a - b)) {
    if (count - (before.commitBuckets.get(bound) ?? 0) >= share * commits) return bound;
  }
  return Infinity;
}

export function resident(what: string, mb: number | undefined): Figure[] {
  return mb === undefined ? [] : [{ what, value: mb, unit: 'MB' }];
}
