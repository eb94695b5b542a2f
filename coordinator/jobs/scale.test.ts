import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ClusterError } from '../../protocol/errors.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import {
  ADMIN,
  answer,
  connect,
  RATE,
  settled,
  squaresOf,
  startCluster,
  submitSquares,
  takeLease,
  temporaryFolder,
  work,
} from './test-cluster.ts';

const FULL = process.env['TEST_FULL'] === '1';
const REQUEST = { target_ms: 10_000, rate_per_second: RATE };

/** A file system of its own, or undefined without the right to mount one. */
function smallDisk(t: { after(fn: () => void): void }, size: string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'threads-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  t.after(() => {
    if (status === 0) spawnSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  return status === 0 ? folder : undefined;
}

function bytesIn(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

test('a job of 2^60 numbers is one row, and below 1 MB while thousands of batches are counted', async (t) => {
  const folder = temporaryFolder(t);
  const { cluster, runtime } = await startCluster(folder);
  const empty = bytesIn(folder);
  const startedAt = performance.now();
  const { job_id: id } = await submitSquares(cluster, 0n, 1n << 60n);
  const submitMs = performance.now() - startedAt;
  const workers = Array.from({ length: 50 }, (_, i) => connect(cluster, `w${i}`));
  let largest = 0;
  for (let round = 0; round < (FULL ? 400 : 60); round++) {
    const leases = await Promise.all(workers.map((worker) => takeLease(worker)));
    // One in ten answers half, so that the covered part is never in one piece.
    await Promise.all(
      leases.map((lease, i) => {
        const half = (BigInt(lease.start) + BigInt(lease.end) + 1n) / 2n;
        const submission = answer(lease, i % 10 === 0 ? half.toString() : lease.end);
        return workers[i]?.session.submit(submission) ?? Promise.reject(new Error('no such worker'));
      }),
    );
    await runtime.advance(1000);
    largest = Math.max(largest, bytesIn(folder));
  }
  const batches = workers.reduce((sum, { session }) => sum + cluster.node(session.nodeId).batches_done, 0);
  t.diagnostic(
    `submitted in ${submitMs.toFixed(1)} ms; the whole folder at most ${largest} bytes (${empty} when empty) over ${batches} batches`,
  );
  assert.ok(largest < 1_000_000, `${largest} bytes`);
  const { covered, result } = await cluster.results(id);
  const done = covered.reduce((sum, { start, end }) => sum + BigInt(end) - BigInt(start), 0n);
  assert.equal((await cluster.status(id)).progress.done, done.toString());
  assert.equal(result?.['count'], done.toString());
  await cluster.close();
});

test('ten thousand waiting jobs do not slow the lease path', async (t) => {
  const median = async (jobs: number): Promise<number> => {
    const { cluster, runtime } = await startCluster(temporaryFolder(t));
    await Promise.all(Array.from({ length: jobs }, () => submitSquares(cluster, 0n, 1n << 40n)));
    const worker = connect(cluster, 'one');
    await work(worker, 20);
    const times: number[] = [];
    for (let i = 0; i < 200; i++) {
      const startedAt = performance.now();
      const lease = await takeLease(worker);
      times.push(performance.now() - startedAt);
      await worker.session.submit(answer(lease));
      if (i % 50 === 0) await runtime.advance(1000);
    }
    await cluster.close();
    return times.toSorted((a, b) => a - b)[100] ?? 0;
  };
  const few = await median(10);
  const many = await median(10_000);
  t.diagnostic(`median lease: 10 jobs ${few.toFixed(3)} ms, 10,000 jobs ${many.toFixed(3)} ms`);
  assert.ok(many < few * 20 + 5, `${many} ms against ${few} ms`);
});

test('a disk that is full: nothing is acknowledged, nothing is lost, work goes on when there is room', async (t) => {
  const folder = smallDisk(t, '1200k');
  if (folder === undefined) return t.skip('no permission to mount a small file system');
  const data = join(folder, 'data');
  const { cluster, runtime } = await startCluster(data);
  const { job_id: id } = await submitSquares(cluster, 0n, 1_000_000n);
  const worker = connect(cluster, 'one');
  await work(worker, 3);
  const lease = await takeLease(worker);
  const done = (await cluster.status(id)).progress.done;
  const filler = join(folder, 'filler');
  try {
    writeFileSync(filler, new Uint8Array(4_000_000));
  } catch {
    // As much as there was room for.
  }
  const refused = async (attempt: Promise<unknown>): Promise<void> => {
    await assert.rejects(attempt, (error: unknown) => {
      return (
        error instanceof ClusterError && error.code === 'store_unavailable' && /full/.test(error.message)
      );
    });
  };
  // The log may have some room left in pages that it already has.
  for (let i = 0; cluster.notReady() === null; i++) {
    assert.ok(i < 2000, 'the disk is not full');
    await submitSquares(cluster, 0n, 100n, { priority: 'low', name: 'x'.repeat(200) }).catch(() => undefined);
  }
  await refused(worker.session.submit(answer(lease)));
  await refused(submitSquares(cluster, 0n, 100n));
  await refused(cluster.cancel(id, ADMIN));
  assert.equal((await cluster.status(id)).progress.done, done);
  assert.equal((await cluster.status(id)).status, 'running');
  assert.equal(cluster.overview().store, 'unavailable');
  assert.match(cluster.notReady() ?? '', /store/);
  rmSync(filler);
  await runtime.advance(1500);
  assert.equal(cluster.notReady(), null, 'it finds out by itself');
  assert.equal((await worker.session.submit(answer(lease))).status, 'accepted');
  while ((await work(worker)) > 0) await settled();
  assert.equal((await cluster.status(id)).status, 'completed');
  assert.deepEqual((await cluster.results(id)).result, squaresOf({ start: '0', end: '1000000' }));
  await cluster.close();
});

test('a folder on a full disk is refused at the start with what to do', async (t) => {
  const folder = smallDisk(t, '40k');
  if (folder === undefined) return t.skip('no permission to mount a small file system');
  await assert.rejects(openSqliteStore(join(folder, 'data')), /full: free some space/);
});

/** Resident memory of this process, in MB. */
function residentMb(): number {
  return process.memoryUsage.rss() / 1e6;
}

test('a thousand workers that ask at once, among ten thousand jobs, all get work', async (t) => {
  const { cluster } = await startCluster(temporaryFolder(t));
  const before = residentMb();
  const workers = Array.from({ length: 1000 }, (_, i) => connect(cluster, `w${i}`));
  const withWorkers = residentMb();
  await Promise.all(Array.from({ length: 10_000 }, () => submitSquares(cluster, 0n, 1n << 40n)));
  const withJobs = residentMb();
  const replies = await Promise.all(workers.map(({ session }) => session.lease(REQUEST)));
  assert.equal(new Set(replies.map(({ lease }) => `${lease?.job_id} ${lease?.start}`)).size, 1000);
  assert.ok(replies.every(({ lease }) => lease !== null));
  t.diagnostic(
    `resident: ${before.toFixed(0)} MB, +${(withWorkers - before).toFixed(0)} with 1000 workers, ` +
      `+${(withJobs - withWorkers).toFixed(0)} with 10,000 jobs`,
  );
  await cluster.close();
});
