/** A unit of systemd as far as these tests need it: what it starts, with what environment. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ending } from '../cluster/processes.ts';

export interface Unit {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * @param root the folder that it was installed below: every absolute path of the unit is meant from there
 * @param instance what stands behind the @ of its name
 */
export function readUnit(root: string, name: string, instance = ''): Unit {
  const below = (text: string) => text.replaceAll(/(?<=^|[\s=])\/(?=(opt|etc|var)\/)/g, `${root}/`);
  const lines = readFileSync(join(root, 'etc/systemd/system', name), 'utf8').split('\n');
  const valuesOf = (key: string) =>
    lines
      .filter((line) => line.startsWith(`${key}=`))
      .map((line) => below(line.slice(key.length + 1).replaceAll('%i', instance)));
  const [start = ''] = valuesOf('ExecStart');
  const settings = valuesOf('EnvironmentFile').flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  const env = Object.fromEntries(
    [...valuesOf('Environment'), ...settings]
      .filter((line) => /^\w+=/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), below(line.slice(line.indexOf('=') + 1))]),
  );
  return { command: start.split(' '), env };
}

export interface Service {
  /** What it has said so far. */
  said(): string;
  stop(): Promise<number | null>;
}

/** With the environment of the unit and nothing else. */
export function startUnit(ending: Ending, { command, env }: Unit): Service {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { cwd: '/', env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const pipe of [child.stdout, child.stderr])
    pipe.on('data', (text: Buffer) => (said += text.toString()));
  const ended = once(child, 'close');
  ending.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    said: () => said,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      return child.exitCode;
    },
  };
}
