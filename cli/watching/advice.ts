/** What an operator could do about what the report found, in plain words. Each line says what is, and what to do. */
import { bytes, percent } from '../quantities.ts';
import type { ClusterUsage } from './usage.ts';

/** Below it a worker idles most of the time; above it, it has no time left. */
const IDLE = 0.2;
const BUSY = 0.9;
/** A disk of today syncs within a few milliseconds; the alert StoreSlow comes at 500. */
const SLOW_COMMIT_S = 0.1;
const SLOW_HTTP_S = 1;
const FAILED = 0.01;
const EXPIRED = 0.05;
const MEMORY = 0.85;
const DISK_FREE = 0.2;
/** Fewer tell nothing of a share. */
const LEAST_COUNT = 20;

/** None: nothing stands out. */
export function advice(usage: ClusterUsage): readonly string[] {
  return [
    ...ofWork(usage),
    ...ofWorkers(usage),
    ...ofFailures(usage),
    ...ofLatency(usage),
    ...ofMemory(usage),
    ...ofDisk(usage),
  ];
}

function ofWork({ results, jobs_running, jobs_waiting, connected }: ClusterUsage): string[] {
  if (results.accepted > 0) return [];
  const nobody = connected.operator + connected.volunteer < 0.5;
  if (jobs_running + jobs_waiting >= 0.5) {
    return [
      nobody
        ? 'Jobs wait and no worker was connected: start workers, or look at `logs cpu-worker` for why they do not come.'
        : 'Jobs run and no result was accepted: `threads status JOB` says what a job waits for.',
    ];
  }
  return ['Nothing was computed, and no job waited: there is nothing to judge the cluster by.'];
}

function ofWorkers({ workers, workers_expected, connected, jobs_waiting, results }: ClusterUsage): string[] {
  const lines: string[] = [];
  const missing = workers_expected === null ? 0 : workers_expected - connected.operator;
  if (missing >= 0.5) {
    lines.push(
      `${rounded(connected.operator)} of ${workers_expected ?? 0} expected workers were connected on average: look at \`status\` for those that are missing, or lower CLUSTER_SIZE.`,
    );
  }
  // Where nothing was computed, that all were idle is no news.
  if (workers.length === 0 || results.accepted === 0) return lines;
  const idle = workers.filter(({ busy_fraction }) => busy_fraction <= IDLE);
  if (idle.length > 0) {
    const least = percent(1 - Math.max(...idle.map(({ busy_fraction }) => busy_fraction)));
    const how =
      workers.length === 1
        ? `The worker is idle ${least} of the time`
        : `${idle.length} of ${workers.length} workers ${idle.length === 1 ? 'is' : 'are'} idle ${least} of the time or more`;
    lines.push(`${how}: more jobs, or fewer workers.`);
  }
  const allBusy = workers.every(({ busy_fraction }) => busy_fraction >= BUSY);
  if (allBusy && jobs_waiting >= 0.5) {
    lines.push(
      `All ${workers.length} workers are busy and ${rounded(jobs_waiting)} jobs waited on average: more workers would finish them sooner.`,
    );
  }
  return lines;
}

/** What to do about the commonest error. */
const CAUSES: Readonly<Record<string, string>> = {
  lease_expired: 'workers answer too late; look for machines that sleep or a network that breaks',
  result_contradicts: 'a device computes wrongly; `threads nodes` shows whose errors grow',
  store_unavailable: 'the store could not be written; look at the disk and the coordinator’s log',
  lease_forged: 'a stranger makes up leases, or the store was replaced by another',
  invalid_request: 'a worker of another version; update it',
};

function ofFailures({ results, leases, http_failed_fraction: http, latency }: ClusterUsage): string[] {
  const lines: string[] = [];
  const { failed, failed_fraction, failed_by } = results;
  if (failed_fraction !== null && failed_fraction > FAILED && failed + results.accepted >= LEAST_COUNT) {
    const worst = failed_by[0]?.outcome ?? '';
    lines.push(
      `${percent(failed_fraction)} of the results were refused, mostly as ${worst}: ${CAUSES[worst] ?? 'the coordinator’s log says which worker sent them'}.`,
    );
  }
  const { expired_fraction, ended } = leases;
  if (expired_fraction !== null && expired_fraction > EXPIRED && ended >= LEAST_COUNT) {
    lines.push(
      `${percent(expired_fraction)} of the leases expired, and their work was computed twice: workers vanish with work in hand; let them stop by SIGTERM, and look at their network.`,
    );
  }
  if (http !== null && http > FAILED && latency.http.count >= LEAST_COUNT) {
    lines.push(
      `${percent(http)} of the HTTP requests failed by the coordinator’s fault: its log says why each did.`,
    );
  }
  return lines;
}

function ofLatency({ latency: { commits, http } }: ClusterUsage): string[] {
  const lines: string[] = [];
  if (commits.p99 !== null && commits.p99 >= SLOW_COMMIT_S && commits.count >= LEAST_COUNT) {
    lines.push(
      `Commit p99 is ${milliseconds(commits.p99)}: the disk is slow; keep DATA_DIR on a local SSD that little else writes to.`,
    );
  } else if (http.p99 !== null && http.p99 >= SLOW_HTTP_S && http.count >= LEAST_COUNT) {
    // Where commits are slow, that is why requests are.
    lines.push(
      `HTTP p99 is ${milliseconds(http.p99)} and commits are quick: callers have slow networks, or the coordinator lacks processor time.`,
    );
  }
  return lines;
}

function ofMemory({ memory }: ClusterUsage): string[] {
  return memory.flatMap(({ process, highest_bytes, limit_bytes }) => {
    if (limit_bytes === null || highest_bytes < MEMORY * limit_bytes) return [];
    const what = process === 'coordinator' ? 'its limit' : 'its limit, or lower WORKER_THREADS';
    return [
      `${process} came to ${bytes(highest_bytes)} of the ${bytes(limit_bytes)} that it may have, and is ended beyond: raise ${what}.`,
    ];
  });
}

function ofDisk({ disk }: ClusterUsage): string[] {
  if (disk === null || disk.free_bytes >= DISK_FREE * disk.total_bytes) return [];
  return [
    `${percent(disk.free_bytes / disk.total_bytes)} of the disk is free (${bytes(disk.free_bytes)}): set RETENTION_DAYS to forget old jobs, or make room.`,
  ];
}

const milliseconds = (seconds: number) => `${Math.round(seconds * 1000)} ms`;
/** One digit behind the point, where there is one to tell. */
const rounded = (value: number) => String(Math.round(value * 10) / 10);
