import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { clusterStatus } from '../protocol/http.ts';
import { runCoordinator } from '../tests/coordinator/running.ts';
import { expectedWorkers } from './expected-workers.ts';

function fileOf(t: { after(end: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'threads-size-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'cluster-size');
}

test('the number in the file counts from the moment that it is written', (t) => {
  const path = fileOf(t);
  const expected = expectedWorkers(3, path);
  assert.equal(expected(), 3, 'no file yet');
  for (const size of [8, 12, 0, 9, 9]) {
    writeFileSync(path, `${size}\n`);
    assert.equal(expected(), size);
  }
  rmSync(path);
  assert.equal(expected(), 3);
  assert.equal(expectedWorkers(null, path)(), null);
  assert.equal(expectedWorkers(5, undefined)(), 5);
});

test('anything else in its place counts for nothing', (t) => {
  const path = fileOf(t);
  const expected = expectedWorkers(3, path);
  for (const text of ['', 'many', '-1', '1.5', '0x10', '1e3', '4 5', '1000001', `${' '.repeat(100)}7`]) {
    writeFileSync(path, text);
    assert.equal(expected(), 3, JSON.stringify(text));
  }
  assert.equal(expectedWorkers(3, join(path, '..'))(), 3, 'a folder');
  if (process.platform === 'win32') return;
  rmSync(path);
  execFileSync('mkfifo', [path]);
  assert.equal(expected(), 3, 'a pipe that nobody writes into');
});

test('status and metrics tell it without a restart', async (t) => {
  const path = fileOf(t);
  const coordinator = await runCoordinator(t, { clusterSize: 2, clusterSizeFile: path });
  const told = async () => {
    const { workers } = clusterStatus.parse((await coordinator.ask('/api/status')).body);
    const metrics = await (await fetch(coordinator.metricsUrl)).text();
    return [workers.expected, /^cluster_workers_expected (\d+)$/m.exec(metrics)?.[1]];
  };
  assert.deepEqual(await told(), [2, '2']);
  writeFileSync(path, '8');
  assert.deepEqual(await told(), [8, '8']);
});
