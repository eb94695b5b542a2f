/** A disk that fills up while a job runs, and has room again. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
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

interface FullDisk {
  readonly cluster: RealCluster;
  readonly jobId: string;
  /** The file that leaves no room. */
  readonly filler: string;
}

/** A cluster whose disk is full since part of its job was done; undefined, and the test skipped, where none can be had. */
async function onFullDisk(t: TestContext, end: string): Promise<FullDisk | undefined> {
  const endings: (() => Promise<void> | void)[] = [];
  // Last in, first out: processes end before the file system goes.
  t.after(async () => {
    for (const ending of endings) await ending();
  });
  const ending: Ending = { after: (task) => void endings.unshift(task) };
  const disk = smallFileSystem(ending);
  if ('reason' in disk) {
    t.skip(disk.reason);
    return undefined;
  }
  const cluster = await RealCluster.start(ending, { dataDir: join(disk.folder, 'data') });
  const { api } = cluster;
  await cluster.connectedWorker('worker-a');
  const parameters = { start: 1, end, batch_size: 500_000 };
  const { job_id: jobId } = await api.submit({ type: 'collatz', parameters });
  await api.until(async () => BigInt((await api.status(jobId)).progress.done) > 0n, 'something is done');
  const filler = join(disk.folder, 'filler');
  fill(filler);
  await api.until(async () => (await api.cluster()).store === 'unavailable', 'the store is unavailable');
  return { cluster, jobId, filler };
}

/** The job ends whole: every one of `count` numbers counted once. */
async function endsWhole({ cluster: { api }, jobId }: FullDisk, count: string): Promise<void> {
  const status = await api.end(jobId, 120_000);
  assert.equal(status.status, 'completed');
  assert.equal((await api.results(jobId)).result?.['count'], count);
}

test('a full disk: nothing acknowledged is lost, the error says what to do, and work goes on with room', async (t) => {
  const full = await onFullDisk(t, '40000001');
  if (full === undefined) return;
  const { cluster, jobId, filler } = full;
  const { api } = cluster;
  const stuck = await api.status(jobId);
  await assert.rejects(
    api.submit({ type: 'thread', parameters: {} }),
    /store_unavailable: .*(space|disk|room)/i,
  );
  const still = await api.status(jobId);
  assert.ok(BigInt(still.progress.done) >= BigInt(stuck.progress.done));
  assert.ok(cluster.coordinator.running, cluster.coordinator.output);

  // What was told survives even a crash with the disk full, once there is room.
  await cluster.coordinator.end('SIGKILL');
  rmSync(filler);
  await cluster.restartCoordinator('SIGKILL');
  const after = await api.status(jobId);
  assert.ok(BigInt(after.progress.done) >= BigInt(still.progress.done), 'acknowledged work was lost');
  await endsWhole(full, '40000000');
});

test('room on a full disk is enough: the coordinator goes on without a restart', async (t) => {
  const full = await onFullDisk(t, '20000001');
  if (full === undefined) return;
  rmSync(full.filler);
  await endsWhole(full, '20000000');
  assert.equal((await full.cluster.api.cluster()).store, 'ok');
});
