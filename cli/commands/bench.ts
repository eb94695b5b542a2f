/** bench: how fast this machine computes, and how fast its disk makes results durable. */
import { benchCpu, benchGpus } from '../bench/kernels.ts';
import { benchStore } from '../bench/store.ts';
import { CommandError, EXIT, note, type Command } from '../command.ts';
import { startMeasured } from '../load/measured-cluster.ts';
import { measureRoundTrips } from '../load/round-trips.ts';
import * as options from '../options.ts';
import type { Report } from '../report.ts';
import { stopSignal } from '../stop-signal.ts';
import { printReports } from './load.ts';

const CONNECTIONS = 64;

export const bench: Command = {
  usage: 'bench',
  about:
    'Measures the kernels of each workload against the plain reference, every GPU, the store, and the way of a result.',
  options: [options.BENCH_SECONDS, options.GPU_ENABLED, options.MARKDOWN],
  takes: [0, 0],
  async run(context) {
    const { settings } = context;
    const seconds = settings.get(options.BENCH_SECONDS);
    const choice = settings.get(options.GPU_ENABLED);
    const interrupt = new AbortController();
    const { signal } = interrupt;
    const { stopped, release } = stopSignal(() => process.exit(EXIT.failed));
    void stopped.then(() => interrupt.abort());
    const reports: Report[] = [];
    try {
      note(context, 'CPU kernels …');
      reports.push(await benchCpu(seconds, signal));
      note(context, 'Store …');
      reports.push(await benchStore(seconds, signal));
      note(context, 'Round trips …');
      const cluster = await startMeasured(settings.environment, 0, signal);
      try {
        reports.push(await measureRoundTrips(cluster, CONNECTIONS, Math.max(3, seconds), 'verify', signal));
      } finally {
        await cluster.stop();
      }
      if (choice !== 'false') {
        note(context, 'GPUs …');
        const gpus = await benchGpus(choice === 'true', seconds, signal);
        if (gpus.length === 0) note(context, 'There is no GPU to measure.');
        reports.push(...gpus);
      }
    } catch (error) {
      if (signal.aborted) return EXIT.interrupted;
      throw new CommandError(error instanceof Error ? error.message : String(error));
    } finally {
      release();
    }
    printReports(context, reports);
    return EXIT.done;
  },
};
