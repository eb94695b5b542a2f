/**
 * The whole test run: installs what the tests need, then types, lint, format and every test file, two at a
 * time. The last line is `N passed, N failed`, with `, N skipped` if any were. `npm test -- --help`.
 */
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { endAllChildren } from './runner/child.ts';
import { keepDurations, longestFirst, readDurations } from './runner/durations.ts';
import { runApart, runLanes } from './runner/lanes.ts';
import { closingLine, count, exitCode, type Outcome } from './runner/outcome.ts';
import { select, USAGE, type Selection } from './runner/selection.ts';
import { staticChecks } from './runner/static-checks.ts';
import { findTestFiles, runTestFile } from './runner/test-files.ts';

const ROOT = join(import.meta.dirname, '..');
/** A file of tests takes seconds by default; the whole-cluster ones a few minutes, with images to be built ten. */
const FILE_TIMEOUT_MS = 15 * 60_000;
const FULL_FILE_TIMEOUT_MS = 60 * 60_000;
const SLOWEST = 8;
/** Of a failure's text, so that one can't bury the others. */
const DETAIL_LINES = 60;

interface Task {
  readonly name: string;
  readonly run: () => Promise<readonly Outcome[]>;
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(USAGE);
    return 0;
  }
  let selection: Selection;
  try {
    selection = select(args, findTestFiles(ROOT));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (selection.list) {
    console.log([...(selection.statics ? ['(static)'] : []), ...selection.files].join('\n'));
    return 0;
  }

  const seed = process.env['TEST_SEED'] ?? String(randomInt(2 ** 31));
  console.log(`seed ${seed} (TEST_SEED=${seed} repeats this run's random choices)`);
  const outcomes: Outcome[] = [];
  if (selection.files.length > 0) outcomes.push(await installNeeds());
  const tasks = longestFirst([...staticTasks(selection), ...fileTasks(selection, seed)], readDurations(ROOT));
  const durations = new Map<string, number>();
  await runTasks(tasks, (task, ms, results) => {
    durations.set(task.name, ms);
    outcomes.push(...results);
    printTask(task.name, ms, results);
  });
  keepDurations(ROOT, durations);
  printSummary(outcomes, durations, seed);
  const totals = count(outcomes);
  console.log(closingLine(totals));
  return exitCode(totals);
}

/** Loaded only here, so that `--only static` works on any machine. */
async function installNeeds(): Promise<Outcome> {
  const start = performance.now();
  const { installSystemPackages } = await import('./setup/system-packages.ts');
  const { items, lines } = await installSystemPackages(ROOT);
  for (const line of lines) console.log(line);
  const missing = items
    .filter((item) => item.state === 'missing')
    .map(({ name, detail }) => `${name}: ${detail}`);
  return {
    name: 'what the tests need is installed',
    file: '(setup)',
    state: missing.length === 0 ? 'passed' : 'skipped',
    ms: performance.now() - start,
    detail: missing.join('; '),
  };
}

function staticTasks({ statics }: Selection): Task[] {
  if (!statics) return [];
  return staticChecks(ROOT).map(({ name, run }) => ({ name, run: async () => [await run()] }));
}

function fileTasks({ files, full }: Selection, seed: string): Task[] {
  const env = {
    ...process.env,
    PATH: [join(ROOT, 'node_modules', '.bin'), process.env['PATH'] ?? ''].join(delimiter),
    TEST_SEED: seed,
    ...(full ? { TEST_FULL: '1' } : {}),
  };
  const timeoutMs = full ? FULL_FILE_TIMEOUT_MS : FILE_TIMEOUT_MS;
  return files.map((file) => ({ name: file, run: () => runTestFile(file, { root: ROOT, env, timeoutMs }) }));
}

/** Two at a time, on machines with more cores too: many tests run clusters and threads of their own. */
async function runTasks(
  tasks: readonly Task[],
  done: (task: Task, ms: number, results: readonly Outcome[]) => void,
): Promise<void> {
  const apart = (one: Task, other: Task) => runApart(one.name, other.name);
  await runLanes(tasks, Math.min(2, availableParallelism()), apart, async (task) => {
    const start = performance.now();
    const results = await task.run();
    done(task, performance.now() - start, results);
  });
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

function printTask(name: string, ms: number, results: readonly Outcome[]): void {
  const { passed, failed, skipped } = count(results);
  const skips = skipped === 0 ? '' : `, ${skipped} skipped`;
  console.log(`${failed === 0 ? 'ok  ' : 'FAIL'} ${name} (${passed} passed${skips}, ${seconds(ms)})`);
  for (const outcome of results) {
    if (outcome.state === 'failed') console.log(indent(`${outcome.name}\n${shortened(outcome.detail)}`));
  }
}

function printSummary(
  outcomes: readonly Outcome[],
  durations: ReadonlyMap<string, number>,
  seed: string,
): void {
  const slowest = [...durations].toSorted((a, b) => b[1] - a[1]).slice(0, SLOWEST);
  console.log(`\nslowest: ${slowest.map(([name, ms]) => `${name} ${seconds(ms)}`).join(', ')}`);
  for (const [reason, names] of skipReasons(outcomes)) {
    console.log(`skipped (${reason}): ${names.join('; ')}`);
  }
  const failures = outcomes.filter((outcome) => outcome.state === 'failed');
  if (failures.length > 0) {
    console.log(`\nfailed (seed ${seed}):`);
    for (const { file, name } of failures) console.log(`  ${file}: ${name}`);
  }
}

function skipReasons(outcomes: readonly Outcome[]): Map<string, string[]> {
  const reasons = new Map<string, string[]>();
  for (const { state, detail, file, name } of outcomes) {
    if (state !== 'skipped') continue;
    const names = reasons.get(detail) ?? [];
    names.push(`${file}: ${name}`);
    reasons.set(detail, names);
  }
  return reasons;
}

function shortened(text: string): string {
  const lines = text.trimEnd().split('\n');
  if (lines.length <= DETAIL_LINES) return lines.join('\n');
  const head = lines.slice(0, DETAIL_LINES / 2);
  const tail = lines.slice(-DETAIL_LINES / 2);
  return [...head, `… ${lines.length - DETAIL_LINES} lines …`, ...tail].join('\n');
}

const indent = (text: string) => text.replaceAll(/^/gm, '     ');

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    endAllChildren();
    console.log(`stopped by ${signal}`);
    process.exit(1);
  });
}

process.exitCode = await main(process.argv.slice(2));
