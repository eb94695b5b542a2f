import { execFile } from 'node:child_process';

export interface CommandResult {
  readonly ok: boolean;
  readonly stdout: string;
  /** The last line that says something, for one-line error messages. */
  readonly problem: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Runs a command without a shell. Never rejects: a missing command, a timeout and a failure are all `ok: false`. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { cwd, env, timeoutMs = 300_000 } = options;
  return new Promise((resolve) => {
    execFile(
      file,
      args,
      {
        ...(cwd === undefined ? {} : { cwd }),
        env: { ...process.env, ...env },
        timeout: timeoutMs,
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
        const errors = lines.filter((line) => /^(E|Err|error|npm error)\b/i.test(line));
        const timedOut =
          error?.killed === true ? `${file} took longer than ${timeoutMs / 1000} s` : undefined;
        const problem = timedOut ?? errors.at(0) ?? lines.at(-1) ?? error?.message ?? '';
        resolve({ ok: error === null, stdout, problem });
      },
    );
  });
}
