/** A coordinator and this machine's workers as child processes: what `up`, `quickstart` and measurements start. */
import { coordinatorPorts, type ClusterPlan } from './cluster-plan.ts';
import type { GpuProbe } from './gpu-probe.ts';
import { Supervisor, type Service, type SupervisorOptions } from './supervisor.ts';

export interface LocalCluster {
  /** The coordinator's origin. */
  readonly url: string;
  readonly metricsUrl: string | null;
  readonly coordinator: Service;
  readonly workers: readonly Service[];
  /** Resolves with the reason if the coordinator is given up. */
  readonly failed: Promise<string>;
  stop(): Promise<void>;
  kill(): void;
}

/**
 * @param started is told the supervisor at once, so that it can be stopped while this waits
 * @throws Error with the reason if the coordinator does not start
 */
export async function startLocalCluster(
  plan: ClusterPlan,
  gpus: GpuProbe,
  options: SupervisorOptions,
  started: (supervisor: Supervisor) => void,
): Promise<LocalCluster> {
  const supervisor = new Supervisor(options);
  started(supervisor);
  let ports: NodeJS.ProcessEnv = {};
  const coordinator = supervisor.start({
    name: 'the coordinator',
    args: ['coordinator'],
    env: () => ({ ...plan.coordinatorEnv, ...ports }),
    mustStart: true,
  });
  const { url, metrics_url } = await coordinator.ready;
  ports = coordinatorPorts(url, metrics_url);
  const workers = startWorkers(supervisor, plan, gpus, url, options);
  return {
    url,
    metricsUrl: metrics_url,
    coordinator,
    workers,
    failed: coordinator.givenUp,
    stop: () => supervisor.stop(),
    kill: () => supervisor.kill(),
  };
}

/** Workers alone, for a coordinator elsewhere. */
export function startLocalWorkers(
  plan: ClusterPlan,
  gpus: GpuProbe,
  url: string,
  options: SupervisorOptions,
): { readonly services: readonly Service[]; stop(): Promise<void>; kill(): void } {
  const supervisor = new Supervisor(options);
  const services = startWorkers(supervisor, plan, gpus, url, options);
  return { services, stop: () => supervisor.stop(), kill: () => supervisor.kill() };
}

/** One for the CPU, unless it is to have no threads, and one for each adapter. */
function startWorkers(
  supervisor: Supervisor,
  plan: ClusterPlan,
  gpus: GpuProbe,
  url: string,
  { say }: SupervisorOptions,
): Service[] {
  const specs: { name: string; args: string[]; env: NodeJS.ProcessEnv }[] = [];
  if (plan.threads > 0) specs.push({ name: 'the CPU worker', args: ['worker', '--kind', 'cpu'], env: {} });
  for (const { index, name } of gpus.adapters) {
    if (plan.gpuDevices !== undefined && !plan.gpuDevices.includes(index)) continue;
    const env = { GPU_DEVICES: String(index) };
    specs.push({ name: `the GPU worker on ${name}`, args: ['worker', '--kind', 'gpu'], env });
  }
  const workers = specs.map(({ name, args, env }, place) =>
    supervisor.start({
      name,
      args,
      env: () => ({
        ...plan.workerEnv,
        ...env,
        COORDINATOR_URL: url,
        // A fixed port serves the first worker, the next ports the others.
        WORKER_PORT: String(plan.workerPort === 0 ? 0 : plan.workerPort + place),
      }),
      mustStart: false,
    }),
  );
  for (const worker of workers)
    void worker.givenUp.then((reason) => say(`${reason}; the others go on without it`));
  return workers;
}
