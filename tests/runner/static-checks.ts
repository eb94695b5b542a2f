/** The checks of the text itself, each counted as one check. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { runChild } from './child.ts';
import type { Outcome } from './outcome.ts';

export interface Check {
  readonly name: string;
  readonly run: () => Promise<Outcome>;
}

/** Lint by types took 90 s on two quiet cores, and more than 300 s on busy ones. */
const TIMEOUT_MS = 12 * 60_000;

export function staticChecks(root: string): readonly Check[] {
  const projects = globSync('**/tsconfig.json', { cwd: root, exclude: ['**/node_modules/**', 'build/**'] })
    .filter((file) => file !== 'tsconfig.json')
    .toSorted();
  return [
    // The longest first: the others run beside it.
    tool(root, 'eslint', 'eslint/bin/eslint.js', ['.', '--max-warnings', '0']),
    ...projects.map((file) => tool(root, `tsc -p ${file}`, 'typescript/bin/tsc', ['-p', file])),
    tool(root, 'prettier', 'prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']),
  ];
}

/** A program of node_modules that says by its exit code whether the project passes. */
function tool(root: string, name: string, program: string, args: readonly string[]): Check {
  const run = async (): Promise<Outcome> => {
    const path = join(root, 'node_modules', program);
    const result = await runChild(process.execPath, [path, ...args], { cwd: root, timeoutMs: TIMEOUT_MS });
    const ok = result.status === 'exited' && result.code === 0;
    const detail = ok ? '' : `${result.status === 'exited' ? '' : `${result.status}\n`}${result.output}`;
    return { name, file: '(static)', state: ok ? 'passed' : 'failed', ms: result.ms, detail };
  };
  return { name, run };
}
