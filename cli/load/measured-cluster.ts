/** What is measured: a coordinator of its own in a child process, or some that run already and are named. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAX_WAITING_JOBS } from '../../protocol/http.ts';
import { ApiClient } from '../api-client.ts';
import { privatePlan } from '../cluster-plan.ts';
import type { GpuProbe } from '../gpu-probe.ts';
import { startLocalCluster } from '../local-cluster.ts';
import { UsageError, type Environment } from '../option.ts';
import { makeStore, type FreshStore, type StoreChoice } from './fresh-store.ts';
import { readCoordinators, type CoordinatorReading } from './coordinator-reading.ts';
import type { Supervisor } from '../supervisor.ts';

export interface MeasuredCluster {
  readonly url: string;
  /** Of all its coordinators: the first is the one above. */
  readonly urls: readonly string[];
  readonly api: ApiClient;
  /** Undefined where their metrics can't be asked. */
  read(): Promise<CoordinatorReading | undefined>;
  /** MB; undefined likewise. */
  residentMb(): Promise<number | undefined>;
  /**
   * Ends the process of its own coordinator, which is then started again at the same address; undefined where it is
   * not its own.
   */
  readonly endCoordinator: ((signal: 'SIGTERM' | 'SIGKILL') => void) | undefined;
  /** Processes of the workers that were started with it. */
  readonly workerPids: readonly number[];
  stop(): Promise<void>;
}

const NO_GPU: GpuProbe = { adapters: [], problem: null, unreachable: [] };
const EMPTY: StoreChoice = { database: undefined, finishedJobs: 0 };

/**
 * @param threads of a CPU worker beside it; 0: none
 * @param beside `gpus`: adapters, each with a worker of its own
 */
export async function startMeasured(
  variables: Environment,
  threads: number,
  signal: AbortSignal,
  { gpus = NO_GPU, store: choice = EMPTY }: { gpus?: GpuProbe; store?: StoreChoice } = {},
): Promise<MeasuredCluster> {
  const dataDir = mkdtempSync(join(tmpdir(), 'threads-load-'));
  let log = '';
  let supervisor: Supervisor | undefined;
  let store: FreshStore | undefined;
  const clean = async () => {
    await supervisor?.stop();
    supervisor?.kill();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
    await store?.remove();
  };
  try {
    store = await makeStore(choice, dataDir, signal);
    const plan = privatePlan({
      variables,
      dataDir,
      threads,
      env: {
        LOG_LEVEL: 'error',
        GPU_ENABLED: gpus.adapters.length > 0 ? 'true' : 'false',
        MAX_WAITING_JOBS_ADMIN: String(MAX_WAITING_JOBS),
        ...(store.url === undefined ? {} : { STORE_URL: store.url }),
      },
    });
    const add = (text: string) => {
      log = (log + text).slice(-10_000);
    };
    const say = (line: string) => add(`${line}\n`);
    const cluster = await startLocalCluster(plan, gpus, { say, stderr: add }, (made) => (supervisor = made));
    signal.throwIfAborted();
    const { metricsUrl } = cluster;
    const read = () => readCoordinators(metricsUrl === null ? [] : [metricsUrl]);
    return {
      url: cluster.url,
      urls: [cluster.url],
      api: new ApiClient(cluster.url),
      read,
      residentMb: () => residentMb(read),
      endCoordinator: (how) => {
        const { pid } = cluster.coordinator;
        if (pid !== undefined) process.kill(pid, how);
      },
      get workerPids() {
        return cluster.workers.flatMap(({ pid }) => pid ?? []);
      },
      stop: clean,
    };
  } catch (error) {
    await clean();
    if (error instanceof UsageError) throw error;
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${log}`.trimEnd(), {
      cause: error,
    });
  }
}

/** Some that run already, and go on. @param metricsUrls none: what they cost is not told */
export function namedCluster(
  urls: readonly [string, ...string[]],
  metricsUrls: readonly string[],
  key: string | undefined,
): MeasuredCluster {
  const [url] = urls;
  const read = () => readCoordinators(metricsUrls);
  return {
    url,
    urls,
    api: new ApiClient(url, key),
    read,
    residentMb: () => residentMb(read),
    endCoordinator: undefined,
    workerPids: [],
    stop: () => Promise.resolve(),
  };
}

async function residentMb(read: () => Promise<CoordinatorReading | undefined>): Promise<number | undefined> {
  const reading = await read();
  return reading === undefined ? undefined : reading.residentBytes / 1e6;
}
