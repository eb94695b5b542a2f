import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { keepDurations, longestFirst, readDurations } from './durations.ts';
import { runApart, runLanes } from './lanes.ts';
import { closingLine, count, exitCode } from './outcome.ts';
import { select } from './selection.ts';
import { findTestFiles, runTestFile } from './test-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'runner-'));
after(() => rmSync(folder, { recursive: true }));

/** What the runner makes of a test file with this text. */
async function run(text: string, timeoutMs = 60_000) {
  writeFileSync(join(folder, 'case.test.mjs'), `import { test, suite } from 'node:test';\n${text}`);
  const outcomes = await runTestFile('case.test.mjs', { root: folder, env: process.env, timeoutMs });
  return { outcomes, totals: count(outcomes), text: outcomes.map((outcome) => outcome.detail).join('\n') };
}

/** A dead process that nobody has waited for yet is not running. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch (error) {
    // Without /proc (macOS), what takes a signal counts as running.
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' && !existsSync('/proc');
  }
}

test('what changes the network runs beside no page, and every task runs once, in order as far as that goes', async () => {
  const tasks = [
    'tests/deploy/images.test.ts',
    'tests/browser/a',
    'tests/browser/b',
    'cli/a',
    'tests/access/gateway.test.ts',
  ];
  const running = new Set<string>();
  const begun: string[] = [];
  await runLanes(tasks, 2, runApart, async (task) => {
    for (const other of running) assert.ok(!runApart(task, other), `${task} beside ${other}`);
    running.add(task);
    begun.push(task);
    for (let turn = 0; turn < 3; turn++) await Promise.resolve();
    running.delete(task);
  });
  assert.deepEqual(begun.toSorted(), tasks.toSorted());
  assert.deepEqual(begun.slice(0, 2), ['tests/deploy/images.test.ts', 'cli/a']);
});

test('every file that makes networks is known as one', () => {
  const root = join(import.meta.dirname, '../..');
  const making = findTestFiles(root)
    .filter((file) => !file.startsWith('tests/runner/'))
    .filter((file) => /startDockerEngine\(|'netns'/.test(readFileSync(join(root, file), 'utf8')));
  assert.ok(making.length > 0);
  for (const file of making) assert.ok(runApart(file, 'tests/browser/a'), file);
});

test('every test is counted once, suites are not, and skips keep their reason', async () => {
  const { outcomes, totals } = await run(`
    suite('s', () => { test('a', () => {}); test('b', { skip: 'no GPU' }, () => {}); });
    test('outer', async (t) => { await t.test('inner', () => {}); });
  `);
  assert.deepEqual(totals, { passed: 3, failed: 0, skipped: 1 });
  assert.equal(outcomes.find((outcome) => outcome.state === 'skipped')?.detail, 'no GPU');
  assert.ok(outcomes.some((outcome) => outcome.name === 'outer > inner'));
});

test('a failing test fails alone, with its message', async () => {
  const { totals, text } = await run(`
    suite('s', () => { test('good', () => {}); test('bad', () => { throw new Error('seven is not eight'); }); });
  `);
  assert.deepEqual(totals, { passed: 1, failed: 1, skipped: 0 });
  assert.match(text, /seven is not eight/);
});

test('a file that crashes, has no test or cannot be read as a module is a failure', async () => {
  for (const text of [
    "test('a', () => {}); setTimeout(() => process.exit(7), 300); await new Promise(() => {});",
    '',
    'syntax error',
  ]) {
    const { totals } = await run(text);
    assert.equal(totals.failed, 1, text);
  }
});

test('a test that is marked todo does not pass', async () => {
  assert.equal((await run("test('a', { todo: true }, () => {});")).totals.failed, 1);
});

test('a stuck file is ended with what it started, and named', async () => {
  const { totals, text } = await run(
    `import { spawn } from 'node:child_process';
     test('quick', () => {});
     test('stuck', async () => {
       const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
       console.log('pid ' + child.pid);
       await new Promise(() => setInterval(() => {}, 1000));
     });`,
    4000,
  );
  assert.ok(totals.failed >= 1);
  assert.match(text, /stuck: ended after 4 s/);
  const pid = Number(/pid (\d+)/.exec(text)?.[1]);
  const until = performance.now() + 5000;
  while (isRunning(pid) && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(isRunning(pid), false);
});

test('the closing line and the exit code', () => {
  assert.equal(closingLine({ passed: 3, failed: 0, skipped: 0 }), '3 passed, 0 failed');
  assert.equal(closingLine({ passed: 3, failed: 1, skipped: 2 }), '3 passed, 1 failed, 2 skipped');
  assert.equal(exitCode({ passed: 3, failed: 0, skipped: 9 }), 0);
  assert.equal(exitCode({ passed: 3, failed: 1, skipped: 0 }), 1);
  assert.equal(exitCode({ passed: 0, failed: 0, skipped: 3 }), 1);
});

test('the longest files start first, known or guessed', () => {
  const tasks = ['cli/a.test.ts', 'tests/cluster/b.test.ts', 'cli/c.test.ts', 'eslint'].map((name) => ({
    name,
  }));
  const order = (known: [string, number][]) =>
    longestFirst(tasks, new Map(known))
      .map(({ name }) => name[0])
      .join('');
  assert.equal(order([]), 'etcc');
  assert.equal(
    order([
      ['cli/c.test.ts', 99_000],
      ['eslint', 10],
    ]),
    'ctce',
  );
  writeFileSync(join(folder, 'file'), '');
  keepDurations(folder, new Map([['a', 1]]));
  keepDurations(folder, new Map([['b', 2]]));
  assert.deepEqual(
    [...readDurations(folder)],
    [
      ['a', 1],
      ['b', 2],
    ],
  );
  keepDurations(join(folder, 'file'), new Map([['a', 1]]));
});

test('arguments choose what runs', () => {
  const files = ['cli/number.test.ts', 'tests/browser/page.test.ts', 'tests/structure.test.ts'];
  assert.deepEqual(select([], files).files, files);
  assert.equal(select([], files).statics, true);
  assert.deepEqual(select(['--only', 'unit'], files).files, ['cli/number.test.ts']);
  assert.deepEqual(select(['--only', 'browser,structure'], files).files, files.slice(1));
  assert.deepEqual(select(['--only', 'static'], files).files, []);
  assert.deepEqual(select(['number'], files), {
    statics: false,
    files: ['cli/number.test.ts'],
    full: false,
    list: false,
  });
  assert.throws(() => select(['--only', 'nothing'], files), /no such kind/);
  assert.throws(() => select(['nothing'], files), /no test file/);
});
