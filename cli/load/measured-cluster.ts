/** A coordinator to measure: one of its own in a child process, or one on this machine that is named. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAX_WAITING_JOBS } from '../../protocol/http.ts';
import { ApiClient } from '../api-client.ts';
import { privatePlan } from '../cluster-plan.ts';
import type { GpuProbe } from '../gpu-probe.ts';
import { startLocalCluster } from '../local-cluster.ts';
import type { Environment } from '../option.ts';
import { readMetric } from './prometheus.ts';
import type { Supervisor } from '../supervisor.ts';

export interface MeasuredCluster {
  readonly url: string;
  readonly api: ApiClient;
  /** MB; undefined where the coordinator's metrics can't be asked. */
  residentMb(): Promise<number | undefined>;
  /** Seconds of CPU time that it has used; undefined likewise. */
  cpuSeconds(): Promise<number | undefined>;
  /** Processes of the workers that were started with it. */
  readonly workerPids: readonly number[];
  stop(): Promise<void>;
}

const NO_GPU: GpuProbe = { adapters: [], problem: null, unreachable: [] };

/**
 * @param threads of a CPU worker beside it; 0: none
 * @param gpus adapters, each with a worker of its own
 */
export async function startMeasured(
  variables: Environment,
  threads: number,
  signal: AbortSignal,
  gpus: GpuProbe = NO_GPU,
): Promise<MeasuredCluster> {
  const dataDir = mkdtempSync(join(tmpdir(), 'threads-load-'));
  let log = '';
  let supervisor: Supervisor | undefined;
  const clean = async () => {
    await supervisor?.stop();
    supervisor?.kill();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const plan = privatePlan({
      variables,
      dataDir,
      threads,
      env: {
        LOG_LEVEL: 'error',
        GPU_ENABLED: gpus.adapters.length > 0 ? 'true' : 'false',
        MAX_WAITING_JOBS_ADMIN: String(MAX_WAITING_JOBS),
      },
    });
    const add = (text: string) => {
      log = (log + text).slice(-10_000);
    };
    const say = (line: string) => add(`${line}\n`);
    const cluster = await startLocalCluster(plan, gpus, { say, stderr: add }, (made) => (supervisor = made));
    signal.throwIfAborted();
    const { metricsUrl } = cluster;
    return {
      url: cluster.url,
      api: new ApiClient(cluster.url),
      residentMb: async () => (metricsUrl === null ? undefined : readResident(metricsUrl)),
      cpuSeconds: async () =>
        metricsUrl === null ? undefined : readMetric(metricsUrl, 'process_cpu_seconds_total'),
      get workerPids() {
        return cluster.workers.flatMap(({ pid }) => pid ?? []);
      },
      stop: clean,
    };
  } catch (error) {
    await clean();
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${log}`.trimEnd(), {
      cause: error,
    });
  }
}

/** One that runs already. */
export function namedCluster(url: string): MeasuredCluster {
  return {
    url,
    api: new ApiClient(url),
    residentMb: () => Promise.resolve(undefined),
    cpuSeconds: () => Promise.resolve(undefined),
    workerPids: [],
    stop: () => Promise.resolve(),
  };
}

async function readResident(metricsUrl: string): Promise<number | undefined> {
  const bytes = await readMetric(metricsUrl, 'process_resident_memory_bytes');
  return bytes === undefined ? undefined : bytes / 1e6;
}
