/** Prometheus and Alertmanager as real processes on free ports, ended with the test that started them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { freePort, type Ending } from '../../cluster/processes.ts';
import { temporaryFolder } from '../../cluster/temporary.ts';
import type { PrometheusTools } from '../../setup/prometheus.ts';

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 100;

/** What the tests change of the project's own file; the rest stays as it is. */
const configuration = z.looseObject({
  global: z.looseObject({}),
  rule_files: z.array(z.string()),
  alerting: z.looseObject({}),
  scrape_configs: z.array(z.looseObject({ job_name: z.string() })),
});
export type Configuration = z.infer<typeof configuration>;

export const readConfiguration = (yaml: string): Configuration => configuration.parse(parse(yaml));

export interface Scraped {
  /** By the job's name: `127.0.0.1:9090`. */
  readonly targets: Readonly<Record<string, string>>;
  readonly ruleFiles: readonly string[];
  readonly alertmanager: string;
  /** Its own address. */
  readonly own: string;
}

/** The project's configuration with addresses instead of names, looking once a second. */
export function locally(project: Configuration, { targets, ruleFiles, alertmanager, own }: Scraped): string {
  const jobs = project.scrape_configs.map(({ job_name }) => {
    const target = job_name === 'prometheus' ? own : targets[job_name];
    if (target === undefined) throw new Error(`no target for the job ${job_name}`);
    return { job_name, static_configs: [{ targets: [target] }] };
  });
  return stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ruleFiles,
    alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] },
    scrape_configs: jobs,
  });
}

/** Resolves with its address once it answers. */
export async function startPrometheus(
  ending: Ending,
  { prometheus }: PrometheusTools,
  write: (own: string) => string,
): Promise<string> {
  const folder = temporaryFolder(ending);
  const own = `127.0.0.1:${await freePort()}`;
  const file = join(folder, 'prometheus.yml');
  writeFileSync(file, write(own));
  await start(ending, prometheus, own, [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${own}`,
    // What fires before it has found Alertmanager is sent again after this, by default a minute.
    '--rules.alert.resend-delay=1s',
  ]);
  return own;
}

/** @param file its configuration */
export async function startAlertmanager(
  ending: Ending,
  { alertmanager }: PrometheusTools,
  file: string,
): Promise<string> {
  const own = `127.0.0.1:${await freePort()}`;
  await start(ending, alertmanager, own, [
    `--config.file=${file}`,
    `--storage.path=${temporaryFolder(ending)}`,
    `--web.listen-address=${own}`,
    // It has no companions to talk to.
    '--cluster.listen-address=',
  ]);
  return own;
}

async function start(ending: Ending, program: string, address: string, args: string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString('utf8')).slice(-20_000)));
  const exited = once(child, 'close');
  ending.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  await until(
    async () => {
      if (child.exitCode !== null) throw new Error(`${program} ended:\n${output}`);
      const reply = await fetch(`http://${address}/-/ready`).catch(() => undefined);
      await reply?.arrayBuffer();
      return reply?.ok === true;
    },
    () => `${program} is not ready:\n${output}`,
  );
}

/** Polls, since none of these programs tells when it is so far. @throws Error with `explain` after a minute */
export async function until(condition: () => Promise<boolean>, explain: () => string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(explain());
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
