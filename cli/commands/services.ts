/** coordinator and worker: services. */
import { createLog } from '../../coordinator/log.ts';
import manifest from '../../package.json' with { type: 'json' };
import { planFrom } from '../cluster-plan.ts';
import {
  CommandError,
  coordinatorUrl,
  EXIT,
  note,
  type Command,
  type Context,
  type ExitCode,
} from '../command.ts';
import { keyFor } from '../key.ts';
import { probeGpus } from '../gpu-probe.ts';
import { startLocalWorkers } from '../local-cluster.ts';
import { UsageError } from '../option.ts';
import * as options from '../options.ts';
import { tellReady } from '../ready-message.ts';
import { stopSignal } from '../stop-signal.ts';
import { storeUrl } from '../store-url.ts';

/** Ends at once: the user has asked twice. */
function force(): never {
  process.exit(EXIT.failed);
}

export const coordinator: Command = {
  usage: 'coordinator',
  about: 'Starts a coordinator: pages, API and work for workers. Ctrl-C stops it.',
  options: options.SERVICE_OPTIONS,
  takes: [0, 0],
  async run({ settings }) {
    // Loaded only here, so that the other commands don't wait for Express and Socket.IO.
    const { startCoordinator } = await import('../../coordinator/start.ts');
    const { StartError } = await import('../../coordinator/config.ts');
    const config = {
      host: settings.get(options.HOST),
      port: settings.get(options.COORDINATOR_PORT),
      metricsPort: settings.get(options.METRICS_PORT),
      dataDir: settings.get(options.DATA_DIR),
      storeUrl: storeUrl(settings),
      clusterSize: settings.get(options.CLUSTER_SIZE),
      clusterSizeFile: settings.get(options.CLUSTER_SIZE_FILE),
      allowedOrigins: settings.get(options.ALLOWED_ORIGINS),
      policy: {
        read: settings.get(options.READ_ACCESS),
        volunteer: settings.get(options.VOLUNTEER_ACCESS),
        submit: settings.get(options.SUBMIT_ACCESS),
      },
      rates: {
        requests: settings.get(options.RATE_REQUESTS),
        submits: settings.get(options.RATE_SUBMITS),
        connects: settings.get(options.RATE_CONNECTS),
        messages: settings.get(options.RATE_MESSAGES),
      },
      connectionsPerAddress: settings.get(options.CONNECTIONS_PER_ADDRESS),
      trustedProxies: settings.get(options.TRUST_PROXY),
      localPeers: settings.get(options.LOCAL_PEERS),
      workerKeyFile: settings.get(options.WORKER_KEY_FILE),
      publicUrl: settings.get(options.PUBLIC_URL),
      jobRules: {
        maxWaitingJobs: settings.get(options.MAX_WAITING_JOBS),
        maxWaitingJobsAdmin: settings.get(options.MAX_WAITING_JOBS_ADMIN),
        timeoutMultiplier: settings.get(options.JOB_TIMEOUT_MULTIPLIER),
        retentionDays: settings.get(options.RETENTION_DAYS) ?? null,
      },
      logLevel: settings.get(options.LOG_LEVEL),
    };
    const { stopped, release } = stopSignal(force);
    try {
      const running = await startCoordinator(config);
      tellReady(running.url, running.metricsUrl);
      const fenced = await Promise.race([stopped.then(() => false), running.fenced.then(() => true)]);
      await running.close();
      const code = fenced ? EXIT.replaced : EXIT.done;
      endSoon(code);
      return code;
    } catch (error) {
      if (error instanceof StartError) throw new CommandError(error.message);
      throw error;
    } finally {
      release();
    }
  },
};

/**
 * Nothing is open any more, and so the process ends; the longest wait for another coordinator's answer is 10 s. Whatever goes on
 * nevertheless would keep it from being started again.
 */
const LONGEST_END_MS = 15_000;

function endSoon(code: number): void {
  const end = () => {
    const open = process.getActiveResourcesInfo().join(', ');
    process.stderr.write(`threads: ended with something open (${open}): please report it\n`);
    process.exit(code);
  };
  // It keeps nothing alive by itself.
  setTimeout(end, LONGEST_END_MS).unref();
}

export const worker: Command = {
  usage: 'worker --url URL --kind cpu|gpu|auto',
  about: 'Computes for a coordinator. Ctrl-C hands back what is done and stops.',
  options: [
    options.COORDINATOR_URL,
    options.API_KEY,
    options.API_KEY_FILE,
    options.KIND,
    ...options.WORKER_OPTIONS,
    options.HOST,
    options.DATA_DIR,
    options.WORKER_KEY_FILE,
    options.LOG_LEVEL,
  ],
  takes: [0, 0],
  run(context) {
    const kind = context.settings.get(options.KIND);
    switch (kind) {
      case 'cpu':
      case 'gpu':
        return oneWorker(context, kind);
      case 'auto':
        return allWorkers(context);
    }
  },
};

async function oneWorker({ settings, stderr }: Context, kind: 'cpu' | 'gpu'): Promise<ExitCode> {
  const threads = settings.get(options.WORKER_THREADS);
  if (kind === 'cpu' && threads === 0) throw new UsageError('a CPU worker needs WORKER_THREADS of 1 or more');
  const { startNodeWorker } = await import('../../client/node/worker-main.ts');
  const { NodeWorkerError } = await import('../../client/node/node-worker-error.ts');
  const { stopped, release } = stopSignal(force);
  try {
    const url = coordinatorUrl(settings);
    const running = await startNodeWorker({
      url,
      key: keyFor(settings, url, 'worker'),
      kind,
      nodeId: settings.get(options.NODE_ID),
      tags: settings.get(options.NODE_TAGS),
      priority: settings.get(options.NODE_PRIORITY),
      gpuMemoryMb: settings.get(options.NODE_GPU_MEMORY_MB),
      gpuEnabled: settings.get(options.GPU_ENABLED),
      gpuDevices: settings.get(options.GPU_DEVICES),
      threads: Math.max(1, threads),
      gpuBatchSize: settings.get(options.GPU_BATCH_SIZE),
      host: settings.get(options.HOST),
      port: settings.get(options.WORKER_PORT),
      dataDir: settings.get(options.DATA_DIR),
      log: createLog(settings.get(options.LOG_LEVEL), { part: `${kind} worker` }),
      software: `threads-cluster ${manifest.version}`,
    });
    tellReady(running.healthUrl);
    void stopped.then(() => running.stop());
    const ends = await running.finished;
    const failures = ends.filter((end) => end.kind !== 'stopped');
    for (const { message } of failures) stderr.write(`The worker ended: ${message}\n`);
    return failures.length === 0 ? EXIT.done : EXIT.failed;
  } catch (error) {
    if (error instanceof NodeWorkerError) throw new CommandError(error.message);
    throw error;
  } finally {
    release();
  }
}

/** All that this machine has: a CPU worker here, and beside it a process for each GPU. */
async function allWorkers(context: Context): Promise<ExitCode> {
  const { settings } = context;
  const choice = settings.get(options.GPU_ENABLED);
  const gpus = await probeGpus(choice);
  if (choice === 'true' && gpus.adapters.length === 0)
    throw new CommandError(gpus.problem ?? 'there is no GPU');
  if (gpus.adapters.length === 0) {
    if (choice === 'auto') note(context, `GPU: none is used: ${gpus.problem ?? 'none was found'}`);
    return oneWorker(context, 'cpu');
  }
  const { stopped, release } = stopSignal(() => {
    workers.kill();
    force();
  });
  const plan = planFrom(settings);
  const workers = startLocalWorkers(plan, gpus, coordinatorUrl(settings), {
    say: (line) => note(context, line),
    stderr: 'inherit',
  });
  try {
    const lost = Promise.all(workers.services.map(({ givenUp }) => givenUp)).then((reasons) =>
      reasons.join('; '),
    );
    const reason = await Promise.race([stopped.then(() => undefined), lost]);
    await workers.stop();
    if (reason === undefined) return EXIT.done;
    throw new CommandError(reason);
  } finally {
    release();
  }
}
