/** doctor: what this machine has and lacks, and what to do about it. */
import { EXIT, print, wantsJson, type Command } from '../command.ts';
import { examine, type Finding } from '../examination.ts';
import * as options from '../options.ts';

export const doctor: Command = {
  usage: 'doctor',
  about:
    'Says what this machine has and lacks for a coordinator and workers, and what to do. Exit code 1: something is wrong.',
  options: [
    ...[
      options.HOST,
      options.COORDINATOR_PORT,
      options.METRICS_PORT,
      options.DATA_DIR,
      options.COORDINATOR_URL,
    ],
    ...[options.GPU_ENABLED, options.GPU_DEVICES, options.WORKER_THREADS],
  ],
  takes: [0, 0],
  async run(context) {
    const findings = await examine(context.settings);
    const problems = findings.filter(({ state }) => state === 'problem');
    if (wantsJson(context)) {
      print(context, JSON.stringify({ ok: problems.length === 0, findings }, null, 2));
    } else {
      const width = Math.max(...findings.map(({ name }) => name.length));
      for (const finding of findings) print(context, line(finding, width));
      const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
      print(context, problems.length === 0 ? '\nNothing is in the way.' : `\n${count}, marked with !!.`);
    }
    return problems.length === 0 ? EXIT.done : EXIT.failed;
  },
};

const MARKS = { ok: 'ok', note: '--', problem: '!!' } as const;

function line({ name, state, detail, advice }: Finding, width: number): string {
  const first = `${MARKS[state]}  ${name.padEnd(width)}  ${detail}`;
  return advice === null ? first : `${first}\n${' '.repeat(width + 6)}${advice}`;
}
