/** ShellCheck, for the scripts that users run: the system's, or as root on Debian its package. */
import { detectDebian, installPackages } from './apt.ts';
import { runCommand } from './command.ts';

export interface ShellCheck {
  /** What it has to say of these files; empty if nothing. */
  check(files: readonly string[], cwd: string): Promise<string>;
}

/** @returns the reason, in words, where it can't be had */
export async function findShellCheck(): Promise<ShellCheck | string> {
  if (!(await isThere())) {
    if (detectDebian()?.root !== true)
      return 'shellcheck is not installed, and installing it takes root on Debian';
    const { ok, problem } = await installPackages(['shellcheck']);
    if (!ok || !(await isThere())) return `shellcheck could not be installed: ${problem}`;
  }
  return {
    async check(files, cwd) {
      // Sourced files are followed from where the script lies.
      const args = ['--external-sources', '--source-path=SCRIPTDIR', '--format=gcc', ...files];
      const { ok, stdout, problem } = await runCommand('shellcheck', args, { cwd, timeoutMs: 120_000 });
      return ok ? '' : stdout || problem;
    },
  };
}

async function isThere(): Promise<boolean> {
  return (await runCommand('shellcheck', ['--version'], { timeoutMs: 20_000 })).ok;
}
