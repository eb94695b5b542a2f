/** What a command is, and what it is run with. */
import { ApiClient } from './api-client.ts';
import { keyFor } from './key.ts';
import { API_KEY, API_KEY_FILE, COORDINATOR_PORT, COORDINATOR_URL, DATA_DIR } from './options.ts';
import { HELP, JSON_OUTPUT } from './options.ts';
import { helpLine, UsageError, type Option, type Settings } from './option.ts';
import type { ProgressOutput } from './progress-bar.ts';

/** Exit codes; other programs act on them. 130 is the shell's own for a command ended by Ctrl-C. */
/** replaced: another coordinator has taken over what this one owned; whoever watches it starts it again (EX_TEMPFAIL). */
export const EXIT = { done: 0, failed: 1, usage: 2, unreachable: 3, replaced: 75, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface Output extends ProgressOutput {
  write(text: string): unknown;
}

export interface Context {
  readonly settings: Settings;
  readonly positionals: readonly string[];
  /** Results, and nothing else. */
  readonly stdout: Output;
  /** Notes, progress and errors. */
  readonly stderr: Output;
  /** How the user calls this program, for hints: `threads` or `npm run -s threads --`. */
  readonly self: string;
}

export interface Command {
  /** After `threads`: `status [JOB]`. */
  readonly usage: string;
  /** One sentence or two. */
  readonly about: string;
  /** `--help` and `--json` are added. */
  readonly options: readonly Option<unknown>[];
  /** How many positionals it takes. */
  readonly takes: readonly [least: number, most: number];
  readonly examples?: readonly string[];
  run(context: Context): Promise<ExitCode>;
}

export { CommandError } from './command-error.ts';

export const allOptions = (command: Command) => [...command.options, JSON_OUTPUT, HELP];

export function commandHelp(command: Command, self: string): string {
  const lines = [`Usage: ${self} ${command.usage}`, '', command.about, '', 'Options:'];
  lines.push(...allOptions(command).map(helpLine));
  if (command.examples !== undefined) {
    lines.push('', 'Examples:', ...command.examples.map((example) => `  ${self} ${example}`));
  }
  return lines.join('\n');
}

/** @throws UsageError */
export function checkPositionals(command: Command, { length }: readonly string[], self: string): void {
  const [least, most] = command.takes;
  if (length >= least && length <= most) return;
  const what = length < least ? 'something is missing' : 'there is one word too many';
  throw new UsageError(`${what}: ${self} ${command.usage}`);
}

/** The coordinator that the settings name, or the one that `threads up` starts on this machine. */
export function coordinatorUrl(settings: Settings): string {
  return settings.get(COORDINATOR_URL) ?? `http://127.0.0.1:${settings.get(COORDINATOR_PORT)}`;
}

/** With the key of whoever runs this command. */
export function apiClient({ settings }: Context): ApiClient {
  const url = coordinatorUrl(settings);
  return new ApiClient(url, keyFor(settings, url, 'admin'));
}

/** Of commands that talk to a coordinator. */
export const CLIENT_OPTIONS: readonly Option<unknown>[] = [COORDINATOR_URL, API_KEY, API_KEY_FILE, DATA_DIR];

export const print = ({ stdout }: Context, text: string) => stdout.write(`${text}\n`);
export const note = ({ stderr }: Context, text: string) => stderr.write(`${text}\n`);
/** The API's JSON as it came. */
export const printJson = (context: Context, json: string) => print(context, json.trimEnd());
export const wantsJson = ({ settings }: Context) => settings.get(JSON_OUTPUT);

/** The one job that is named. */
export function jobOf({ positionals }: Context): string {
  const [job] = positionals;
  if (job === undefined) throw new UsageError('which job? Its id is what submit printed');
  return job;
}
