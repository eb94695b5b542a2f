/** A disk that fills up while a job runs, and has room again. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RealCluster } from './cluster.ts';
import type { Ending } from './processes.ts';
import { temporaryFolder } from './temporary.ts';

/** A file system of a few megabytes; undefined, with the reason, where it can't be had. */
function smallFileSystem(ending: Ending): { folder: string } | { reason: string } {
  if (process.platform !== 'linux') return { reason: 'small file systems are made by tmpfs: Linux only' };
  if (process.getuid?.() !== 0) return { reason: 'mounting a small file system takes root' };
  const folder = temporaryFolder(ending);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    const why = error instanceof Error ? error.message.replaceAll('\n', ' ') : String(error);
    return { reason: `a small file system could not be mounted: ${why}` };
  }
  ending.after(() => void execFileSync('umount', ['-l', folder]));
  return { folder };
}

/** Writes until nothing fits any more. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (let size = 65536; size >= 1; size = Math.floor(size / 2)) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch {
        // No room for so many bytes: for half of them?
      }
    }
  } finally {
    closeSync(file);
  }
}

test('a full disk: nothing acknowledged is lost, the error says what to do, and work goes on with room', async (t) => {
  const endings: (() => Promise<void> | void)[] = [];
  // Last in, first out: processes end before the file system goes.
  t.after(async () => {
    for (const end of endings) await end();
  });
  const ending: Ending = { after: (end) => void endings.unshift(end) };
  const disk = smallFileSystem(ending);
  if ('reason' in disk) {
    t.skip(disk.reason);
    return;
  }
  const cluster = await RealCluster.start(ending, { dataDir: join(disk.folder, 'data') });
  const { api } = cluster;
  await cluster.connectedWorker('worker-a');
  const parameters = { start: 1, end: '40000001', batch_size: 500_000 };
  const { job_id } = await api.submit({ type: 'collatz', parameters });
  await api.until(async () => BigInt((await api.status(job_id)).progress.done) > 0n, 'something is done');

  const filler = join(disk.folder, 'filler');
  fill(filler);
  await api.until(async () => (await api.cluster()).store === 'unavailable', 'the store is unavailable');
  const stuck = await api.status(job_id);
  await assert.rejects(
    api.submit({ type: 'thread', parameters: {} }),
    /store_unavailable: .*(space|disk|room)/i,
  );
  const still = await api.status(job_id);
  assert.ok(BigInt(still.progress.done) >= BigInt(stuck.progress.done));
  assert.ok(cluster.coordinator.running, cluster.coordinator.output);

  // What was told survives even a crash with the disk full, once there is room.
  const ended = cluster.coordinator.end('SIGKILL');
  await ended;
  rmSync(filler);
  await cluster.restartCoordinator('SIGKILL');
  const after = await api.status(job_id);
  assert.ok(BigInt(after.progress.done) >= BigInt(still.progress.done), 'acknowledged work was lost');
  const status = await api.end(job_id, 120_000);
  assert.equal(status.status, 'completed');
  assert.equal((await api.results(job_id)).result?.['count'], '40000000');
});

test('room on a full disk is enough: the coordinator goes on without a restart', async (t) => {
  const endings: (() => Promise<void> | void)[] = [];
  t.after(async () => {
    for (const end of endings) await end();
  });
  const ending: Ending = { after: (end) => void endings.unshift(end) };
  const disk = smallFileSystem(ending);
  if ('reason' in disk) {
    t.skip(disk.reason);
    return;
  }
  const cluster = await RealCluster.start(ending, { dataDir: join(disk.folder, 'data') });
  const { api } = cluster;
  await cluster.connectedWorker('worker-a');
  const parameters = { start: 1, end: '20000001', batch_size: 500_000 };
  const { job_id } = await api.submit({ type: 'collatz', parameters });
  await api.until(async () => BigInt((await api.status(job_id)).progress.done) > 0n, 'something is done');
  const filler = join(disk.folder, 'filler');
  fill(filler);
  await api.until(async () => (await api.cluster()).store === 'unavailable', 'the store is unavailable');
  rmSync(filler);
  const status = await api.end(job_id, 120_000);
  assert.equal(status.status, 'completed');
  assert.equal((await api.results(job_id)).result?.['count'], '20000000');
  assert.equal((await api.cluster()).store, 'ok');
});
