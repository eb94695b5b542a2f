/**
 * A backup of a coordinator at work, restored elsewhere after that one was lost: the job goes on from there, with the
 * workers and the keys that there were, to the result of a job that nobody disturbed.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { keyList } from '../../protocol/access.ts';
import { runCommand } from '../setup/command.ts';
import { freePort, startCoordinator, startWorker, Threads } from './processes.ts';
import type { Ending, Exit } from './processes.ts';
import { temporaryFolder } from './temporary.ts';

const NUMBERS = 60_000_000;
const END_TIMEOUT_MS = 5 * 60_000;
const MAIN = join(import.meta.dirname, '../../cli/main.ts');

interface Ran extends Exit {
  readonly output: string;
}

async function threads(ending: Ending, args: readonly string[], env: Record<string, string>): Promise<Ran> {
  const child = new Threads(ending, args, env);
  return { ...(await child.exited), output: child.output };
}

test('a backup of a running coordinator, restored after the loss of everything else: the job ends exactly', async (t) => {
  const folder = temporaryFolder(t);
  const [dataDir, elsewhere] = [join(folder, 'data'), join(folder, 'elsewhere')];
  const file = join(folder, 'backup.tar');
  const port = await freePort();
  const env = { HOST: '0.0.0.0' };
  const first = await startCoordinator(t, { dataDir, port, env });
  const key = readFileSync(join(dataDir, 'admin.key'), 'utf8').trim();
  const admin = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
  const start = (nodeId: string, folderOfKey: string) =>
    startWorker(t, { url: first.url, nodeId, env: { DATA_DIR: folderOfKey } });
  const [worker, another] = [start('worker-a', dataDir), start('worker-b', dataDir)];
  const body = { type: 'collatz', parameters: { start: 1, end: NUMBERS + 1, batch_size: NUMBERS / 200 } };
  const calm = await first.api.submit(body, admin);
  await first.api.end(calm.job_id, END_TIMEOUT_MS);
  const expected = await first.api.results(calm.job_id);

  // One goes on alone: the job must not be over before the backup is made.
  await another.end('SIGTERM');
  const job = await first.api.submit(body, admin);
  const doneOf = async () => Number((await first.api.status(job.job_id)).progress.done);
  await first.api.until(async () => (await doneOf()) >= NUMBERS / 4, 'a quarter is done', END_TIMEOUT_MS);
  const made = await threads(t, ['backup', file], { DATA_DIR: dataDir });
  assert.equal(made.code, 0, made.output);
  assert.match(made.output, /2 jobs, 1 of them unfinished/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const then = await doneOf();
  // What is acknowledged after the backup is lost, and computed again.
  await first.api.until(
    async () => (await doneOf()) >= then + NUMBERS / 8,
    'an eighth more is done',
    END_TIMEOUT_MS,
  );
  const lost = await doneOf();

  const onRunning = await threads(t, ['restore', file], { DATA_DIR: dataDir });
  assert.equal(onRunning.code, 1);
  assert.match(onRunning.output, /coordinator is running.*stop it/);

  await first.process.end('SIGKILL');
  rmSync(dataDir, { recursive: true });
  const restored = await threads(t, ['restore', file, '--data-dir', elsewhere], {});
  assert.equal(restored.code, 0, restored.output);
  assert.match(restored.output, /2 jobs, 1 of them unfinished.*forgotten/);

  const second = await startCoordinator(t, { dataDir: elsewhere, port, env });
  const again = await second.api.status(job.job_id);
  t.diagnostic(`${lost} done when it was lost, ${again.progress.done} in the backup`);
  assert.ok(Number(again.progress.done) < lost);
  start('worker-b', elsewhere);
  assert.deepEqual((await second.api.results(calm.job_id)).result, expected.result, 'what was over is there');
  const keys = await fetch(`${second.url}/api/keys`, { headers: admin });
  assert.equal(keyList.parse(await keys.json()).keys.length, 2, 'the operator’s keys are good');
  const end = await second.api.end(job.job_id, END_TIMEOUT_MS);
  assert.deepEqual([end.status, end.progress.done], ['completed', String(NUMBERS)]);
  const found = await second.api.results(job.job_id);
  assert.deepEqual(found.result, expected.result);
  assert.deepEqual(found.covered, [{ start: '1', end: String(NUMBERS + 1) }]);
  // The first one comes back after a wait that grew while the coordinator was away.
  for (const name of ['worker-a', 'worker-b']) await second.api.worker(name);
  const nodes = await second.api.nodes();
  assert.deepEqual(nodes.map(({ node_id, own }) => [node_id, own]).toSorted(), [
    ['worker-a', true],
    ['worker-b', true],
  ]);
  assert.ok(worker.running, worker.output);
});

test('through pipes, as from one container into another; and what can’t be done says what to do', async (t) => {
  const folder = temporaryFolder(t);
  const [dataDir, empty, file] = [join(folder, 'data'), join(folder, 'empty'), join(folder, 'x.tar')];
  const coordinator = await startCoordinator(t, { dataDir, port: await freePort() });
  await coordinator.api.submit(
    { type: 'collatz', parameters: { start: 1, end: 1000 } },
    { 'Content-Type': 'application/json' },
  );
  const shell = (line: string) =>
    runCommand('bash', ['-c', `set -o pipefail; ${line}`], {
      env: { THREADS: MAIN, NODE: process.execPath, DATA: dataDir, EMPTY: empty, FILE: file },
    });
  const piped = await shell(
    '"$NODE" "$THREADS" backup - --data-dir "$DATA" | tee "$FILE" | "$NODE" "$THREADS" restore - --data-dir "$EMPTY"',
  );
  assert.ok(piped.ok, piped.problem);
  assert.ok(existsSync(join(empty, 'cluster.db')));
  // Whoever stops reading has no backup: the pipe says so.
  const stopped = await shell('"$NODE" "$THREADS" backup - --data-dir "$DATA" | head -c 10 > /dev/null');
  assert.ok(!stopped.ok);

  const refusals: readonly [readonly string[], RegExp][] = [
    [['restore', file, '--data-dir', empty], /x\.tar was not restored: .*not empty: move/],
    [
      ['restore', join(folder, 'none'), '--data-dir', join(folder, 'new')],
      /there is no file .*threads backup/,
    ],
    [
      ['restore', join(folder, 'cut'), '--data-dir', join(folder, 'new')],
      /ends too early: its copy was cut off/,
    ],
    [['restore', MAIN, '--data-dir', join(folder, 'new')], /no archive of `threads backup`|cut off/],
    [['backup', join(folder, 'y.tar'), '--data-dir', join(folder, 'new')], /no store in .*DATA_DIR/],
    [
      ['backup', join(folder, 'no', 'y.tar'), '--data-dir', dataDir],
      /no backup could be written to .*ENOENT/,
    ],
    [['backup', folder, '--data-dir', dataDir], /no backup could be written to/],
  ];
  writeFileSync(join(folder, 'cut'), readFileSync(file).subarray(0, 5000));
  for (const [args, says] of refusals) {
    const { code, output } = await threads(t, args, {});
    assert.equal(code, 1, output);
    assert.match(output, says);
    assert.doesNotMatch(output, /\n\s+at /);
    assert.ok(!existsSync(join(folder, 'new')), args.join(' '));
  }
  mkdirSync(join(folder, 'new'));
  assert.equal((await threads(t, ['backup'], {})).code, 2);
});
