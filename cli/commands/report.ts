/** report: what the cluster did over some time, and what to do about it. */
import { EXIT, print, printJson, wantsJson, type Command } from '../command.ts';
import * as options from '../options.ts';
import { UsageError, type Settings } from '../option.ts';
import { advice } from '../watching/advice.ts';
import { Prometheus } from '../watching/prometheus.ts';
import { usageText } from '../watching/usage-text.ts';
import { clusterUsage } from '../watching/usage.ts';

const DEFAULT_HOURS = 1;
const HOUR_MS = 3_600_000;

export const report: Command = {
  usage: 'report',
  about:
    'Throughput, how busy the workers were, failures, memory, latency, alerts and advice, from what Prometheus has seen.',
  options: [options.HOURS, options.SINCE, options.PROMETHEUS_URL],
  takes: [0, 0],
  examples: ['report --hours 2', 'report --since 2026-05-01T18:30 --json'],
  async run(context) {
    const { settings } = context;
    const now = new Date();
    const since = begin(settings, now);
    const prometheus = new Prometheus(settings.get(options.PROMETHEUS_URL));
    const usage = await clusterUsage(prometheus, since, now);
    const lines = advice(usage);
    if (wantsJson(context)) printJson(context, JSON.stringify({ ...usage, advice: lines }));
    else print(context, usageText(usage, lines));
    return EXIT.done;
  },
};

/** @throws UsageError */
function begin(settings: Settings, now: Date): Date {
  const hours = settings.get(options.HOURS);
  const since = settings.get(options.SINCE);
  if (hours !== undefined && since !== undefined) {
    throw new UsageError('--hours and --since both say from when: give one of them');
  }
  if (since !== undefined && since >= now) {
    throw new UsageError(
      `--since is ${since.toISOString()}, which is yet to come: give a time that has been`,
    );
  }
  return since ?? new Date(now.getTime() - (hours ?? DEFAULT_HOURS) * HOUR_MS);
}
