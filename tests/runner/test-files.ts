/** Runs files of node:test, one process each, and counts every test in them. */
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChild, type ChildResult } from './child.ts';
import type { Outcome } from './outcome.ts';
import { testLine, type TestLine } from './reporter.ts';

const REPORTER = join(import.meta.dirname, 'reporter.ts');

/** Every test file of the project, as paths below its root, in a fixed order. */
export function findTestFiles(root: string): readonly string[] {
  const exclude = ['**/node_modules/**', 'build/**', '.cache/**', 'data/**'];
  return globSync('**/*.test.ts', { cwd: root, exclude }).toSorted();
}

export interface FileRun {
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
}

/** The tests of one file; a file that crashes, hangs or has no test counts as one failed test more. */
export async function runTestFile(file: string, { root, env, timeoutMs }: FileRun): Promise<Outcome[]> {
  const folder = mkdtempSync(join(tmpdir(), 'threads-test-'));
  const report = join(folder, 'report.jsonl');
  try {
    const result = await runChild(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        `--test-reporter=${REPORTER}`,
        `--test-reporter-destination=${report}`,
        join(root, file),
      ],
      // Whatever the tests put into the system's temporary folder goes when the file is done.
      { cwd: root, env: { ...env, TMPDIR: folder }, timeoutMs },
    );
    const lines = readLines(report);
    const outcomes: Outcome[] = lines.map((line) => ({ ...line, file }));
    const trouble = fileTrouble(result, lines, timeoutMs);
    if (trouble !== undefined) {
      const detail = `${trouble}\n${result.output}`;
      outcomes.push({ name: 'the file as a whole', file, state: 'failed', ms: result.ms, detail });
    }
    return outcomes;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function readLines(report: string): TestLine[] {
  let text: string;
  try {
    text = readFileSync(report, 'utf8');
  } catch {
    return [];
  }
  // The last line of a killed process may be cut off.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => testLine.parse(JSON.parse(line)));
}

function fileTrouble(
  { status, code, signal }: ChildResult,
  lines: readonly TestLine[],
  timeoutMs: number,
): string | undefined {
  const last = lines.at(-1)?.name ?? 'none';
  if (status === 'could not start') return 'could not be started';
  if (status === 'timed out') {
    return `stuck: ended after ${timeoutMs / 1000} s; the last test that finished: ${last}`;
  }
  if (lines.length === 0) return `no test ran (exit ${code ?? signal ?? 'unknown'})`;
  const told = lines.some((line) => line.state === 'failed');
  if (code !== 0 && !told)
    return `ended with ${code ?? signal ?? 'unknown'}; the last test that finished: ${last}`;
  return undefined;
}
