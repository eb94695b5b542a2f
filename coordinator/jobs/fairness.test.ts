/** Whole cores under a virtual clock: how long a job takes alone, and beside another user's flood. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster } from '../cluster.ts';
import {
  answer,
  connect,
  RATE,
  settled,
  startCluster,
  submitSquares,
  submitter,
  temporaryFolder,
} from './test-cluster.ts';
import type { TestWorker, VirtualRuntime } from './test-cluster.ts';

const BATCH_MS = 10_000;
const WORKERS = 4;
/** Rates of a known worker, so that batches are of full length from the beginning. */
const REQUEST = { target_ms: BATCH_MS, rate_per_second: RATE };
const ada = submitter('ada');
const bob = submitter('bob');

/** Leases, computes for as long as the numbers take at RATE, answers, asks again: until `stop`. */
function compute({ session, link }: TestWorker, runtime: VirtualRuntime, stop: () => boolean): void {
  let idle = true;
  const next = async (): Promise<void> => {
    if (stop() || !idle) return;
    idle = false;
    const { lease, retry_after_ms: retryMs } = await session.lease(REQUEST);
    if (lease === null) {
      idle = true;
      runtime.setTimer(retryMs, () => void next());
      return;
    }
    const submission = answer(lease);
    runtime.setTimer(submission.compute_ms, () => {
      void session.submit(submission).then(() => {
        idle = true;
        return next();
      });
    });
  };
  link.onWork = () => void next();
  void next();
}

/** Milliseconds from the submit of a job of `seconds` of work of all workers to its end. */
async function jobTime(cluster: Cluster, runtime: VirtualRuntime, seconds: number): Promise<number> {
  const from = runtime.now();
  const numbers = BigInt(seconds * RATE * WORKERS);
  const { job_id: id } = await submitSquares(cluster, 0n, numbers, {}, bob);
  for (;;) {
    const { status, finished_at: end } = await cluster.status(id);
    if (status === 'completed' && end !== null) return Date.parse(end) - from;
    await runtime.advance(250);
    assert.ok(runtime.now() - from < 3_600_000, 'the job never ends');
  }
}

async function measured(
  t: { after(fn: () => void): void },
  seconds: number,
  flood: number,
): Promise<{ readonly ms: number; readonly adaDone: bigint }> {
  const { cluster, runtime } = await startCluster(temporaryFolder(t), {
    config: { rules: { maxWaitingJobs: flood + 1 } },
  });
  let over = false;
  for (let i = 0; i < WORKERS; i++) compute(connect(cluster, `w${i}`), runtime, () => over);
  const submits = Array.from({ length: flood }, () =>
    submitSquares(cluster, 0n, BigInt(20 * RATE), { priority: 'high' }, ada),
  );
  await Promise.all(submits);
  // Long enough that every worker is in the midst of a batch of full length.
  await runtime.advance(flood === 0 ? 0 : 64_000);
  const before = unitsDone(cluster);
  const ms = await jobTime(cluster, runtime, seconds);
  over = true;
  const bobs = BigInt(seconds * RATE * WORKERS);
  const adaDone = unitsDone(cluster) - before - bobs;
  await settled();
  await cluster.close();
  return { ms, adaDone };
}

function unitsDone(cluster: Cluster): bigint {
  return cluster.nodes().reduce((sum, node) => sum + BigInt(node.units_done), 0n);
}

test('a flood of 10,000 jobs of one user delays another’s by no more than its share says', async (t) => {
  // One batch for each worker, and then twelve: what the share costs is told from what the wait costs.
  const short = await measured(t, BATCH_MS / 1000, 0);
  const shortBeside = await measured(t, BATCH_MS / 1000, 10_000);
  const long = await measured(t, 120, 0);
  const longBeside = await measured(t, 120, 10_000);
  const seconds = ({ ms }: { readonly ms: number }): string => (ms / 1000).toFixed(1);
  t.diagnostic(
    `one batch for each of ${WORKERS} workers: ${seconds(short)} s alone, ${seconds(shortBeside)} s beside the flood; ` +
      `twelve: ${seconds(long)} s alone, ${seconds(longBeside)} s beside it`,
  );
  // Half of the workers' time is the other user's, and each worker may be in the midst of one batch of it.
  assert.ok(longBeside.ms <= 2 * long.ms + BATCH_MS, `${longBeside.ms} ms beside, ${long.ms} ms alone`);
  assert.ok(shortBeside.ms <= 2 * short.ms + BATCH_MS, `${shortBeside.ms} ms beside, ${short.ms} ms alone`);
  // Nor is the flood shut out.
  const share = Number(longBeside.adaDone) / (120 * RATE * WORKERS);
  assert.ok(share > 0.8 && share < 1.3, `the flood got ${share} of what the job got meanwhile`);
});
