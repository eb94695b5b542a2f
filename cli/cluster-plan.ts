/** What the processes of a local cluster are started with: environments made from this command's own options. */
import { COORDINATOR_PORT, GPU_DEVICES, METRICS_PORT, WORKER_PORT, WORKER_THREADS } from './options.ts';
import { SERVICE_OPTIONS, WORKER_OPTIONS, NODE_TYPE, COORDINATOR_URL } from './options.ts';
import type { Environment, Settings } from './option.ts';

export interface ClusterPlan {
  readonly coordinatorEnv: NodeJS.ProcessEnv;
  readonly workerEnv: NodeJS.ProcessEnv;
  /** CPU threads; 0: no CPU worker. */
  readonly threads: number;
  readonly gpuDevices: readonly number[] | undefined;
  readonly workerPort: number;
}

const OWN = [...SERVICE_OPTIONS, ...WORKER_OPTIONS, NODE_TYPE, COORDINATOR_URL].flatMap(
  ({ env }) => env ?? [],
);

/** The surroundings without any setting of this project. */
export function bareEnvironment(variables: Environment): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !OWN.includes(name)));
}

/** As `up` runs it: its options for all of its services. */
export function planFrom(settings: Settings): ClusterPlan {
  const env = bareEnvironment(settings.environment);
  for (const option of [...SERVICE_OPTIONS, ...WORKER_OPTIONS]) {
    const text = settings.text(option);
    if (option.env !== undefined && text !== undefined) env[option.env] = text;
  }
  return {
    coordinatorEnv: env,
    workerEnv: env,
    threads: settings.get(WORKER_THREADS),
    gpuDevices: settings.get(GPU_DEVICES),
    workerPort: settings.get(WORKER_PORT),
  };
}

/** Free ports on this machine and a data folder of its own, whatever the surroundings say. */
export function privatePlan(options: {
  readonly variables: Environment;
  readonly dataDir: string;
  readonly threads: number;
  readonly gpuDevices?: readonly number[] | undefined;
  /** Further variables for all processes. */
  readonly env?: NodeJS.ProcessEnv;
}): ClusterPlan {
  const env = {
    ...bareEnvironment(options.variables),
    HOST: '127.0.0.1',
    COORDINATOR_PORT: '0',
    METRICS_PORT: '0',
    DATA_DIR: options.dataDir,
    LOG_LEVEL: 'warn',
    WORKER_THREADS: String(Math.max(1, options.threads)),
    ...options.env,
  };
  return {
    coordinatorEnv: env,
    workerEnv: env,
    threads: options.threads,
    gpuDevices: options.gpuDevices,
    workerPort: 0,
  };
}

/** A restarted coordinator listens where it did before, so that its workers and pages find it. */
export function coordinatorPorts(url: string, metricsUrl: string | null): NodeJS.ProcessEnv {
  const port = (text: string) => new URL(text).port || '80';
  return {
    [COORDINATOR_PORT.env ?? '']: port(url),
    ...(metricsUrl === null ? {} : { [METRICS_PORT.env ?? '']: port(metricsUrl) }),
  };
}
