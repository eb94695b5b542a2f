/** up: a cluster on this machine. */
import { CommandError, EXIT, note, type Command } from '../command.ts';
import { planFrom } from '../cluster-plan.ts';
import { probeGpus, type GpuProbe } from '../gpu-probe.ts';
import { startLocalCluster } from '../local-cluster.ts';
import * as options from '../options.ts';
import { stopSignal } from '../stop-signal.ts';
import type { Supervisor } from '../supervisor.ts';

export const up: Command = {
  usage: 'up',
  about:
    'Starts a coordinator, one CPU worker and, as --gpu says, one GPU worker per adapter. Ctrl-C stops all of them.',
  options: [...options.SERVICE_OPTIONS, ...options.WORKER_OPTIONS],
  takes: [0, 0],
  async run(context) {
    const { settings } = context;
    // Every value is read before anything is started, so that a bad one is told at once.
    for (const option of [...options.SERVICE_OPTIONS, ...options.WORKER_OPTIONS]) settings.get(option);
    let supervisor: Supervisor | undefined;
    const { stopped, release } = stopSignal(() => {
      supervisor?.kill();
      process.exit(EXIT.failed);
    });
    try {
      const choice = settings.get(options.GPU_ENABLED);
      const gpus = await probeGpus(choice);
      if (choice === 'true' && gpus.adapters.length === 0)
        throw new CommandError(gpus.problem ?? 'there is no GPU');
      const plan = planFrom(settings);
      const say = (line: string) => note(context, line);
      const starting = startLocalCluster(
        plan,
        gpus,
        { say, stderr: 'inherit' },
        (made) => (supervisor = made),
      );
      const cluster = await Promise.race([
        starting.catch((error: unknown) => {
          throw new CommandError(error instanceof Error ? error.message : String(error));
        }),
        stopped.then(() => undefined),
      ]);
      starting.catch(() => undefined);
      if (cluster !== undefined) {
        say(
          `Coordinator: ${cluster.url}${cluster.metricsUrl === null ? '' : `, metrics ${cluster.metricsUrl}`}`,
        );
        say(`CPU: ${plan.threads === 0 ? 'none is used: WORKER_THREADS=0' : `${plan.threads} threads`}`);
        say(gpuLine(gpus));
      }
      const reason = await Promise.race([
        stopped.then(() => undefined),
        cluster?.failed ?? Promise.resolve(undefined),
      ]);
      await supervisor?.stop();
      if (reason !== undefined) throw new CommandError(reason);
      return EXIT.done;
    } finally {
      release();
      supervisor?.kill();
    }
  },
};

/** One line: what was found, or why nothing was. */
export function gpuLine({ adapters, problem, unreachable }: GpuProbe): string {
  if (adapters.length === 0) return `GPU: none is used: ${problem ?? 'none was found'}`;
  const names = adapters.map(
    ({ index, name, software }) => `${index}: ${name}${software ? ' (software)' : ''}`,
  );
  const left = unreachable.length === 0 ? '' : `; left out: ${unreachable.join(', ')}`;
  return `GPU: ${names.join(', ')}${left}`;
}
