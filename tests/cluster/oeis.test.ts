/** The records of OEIS, found by a cluster of real processes and asked for as a script would. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { RealCluster } from './cluster.ts';
import type { Ending } from './processes.ts';

const TIMEOUT_MS = 4 * 60_000;

const delayRecord = z.object({ n: z.string(), delay: z.number() });
const peakRecord = z.object({ n: z.string(), peak: z.string() });
const known = z
  .object({ delay_records: z.array(delayRecord), peak_records: z.array(peakRecord) })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, '../data/collatz-records.json'), 'utf8')));

const below = <T extends { readonly n: string }>(records: readonly T[], from: bigint, to: bigint): T[] =>
  records.filter(({ n }) => BigInt(n) >= from && BigInt(n) < to);

let cluster: RealCluster;
const ends: (() => Promise<void> | void)[] = [];
const ending: Ending = { after: (end) => void ends.unshift(end) };

before(async () => {
  cluster = await RealCluster.start(ending);
  await cluster.connectedWorker('worker-a', { threads: 2 });
});
after(async () => {
  for (const end of ends) await end();
});

async function compute(parameters: Record<string, unknown>): Promise<Record<string, unknown>> {
  const { job_id } = await cluster.api.submit({ type: 'collatz', parameters });
  const status = await cluster.api.end(job_id, TIMEOUT_MS);
  assert.equal(status.status, 'completed');
  const { result, partial } = await cluster.api.results(job_id);
  assert.equal(partial, false);
  assert.ok(result !== null);
  return result;
}

test('statistics over [1, 10^8): every delay and path record is that of OEIS', async (t) => {
  const begun = performance.now();
  const result = await compute({ start: '1', end: '100000000' });
  t.diagnostic(`${((performance.now() - begun) / 1000).toFixed(1)} s`);
  assert.equal(result['count'], '99999999');
  assert.deepEqual(result['delay_records'], below(known.delay_records, 1n, 10n ** 8n));
  assert.deepEqual(result['peak_records'], below(known.peak_records, 1n, 10n ** 8n));
});

test('verify over [1, 10^9): every path record from 3 on is that of OEIS, and all numbers are settled', async (t) => {
  const begun = performance.now();
  const result = await compute({ start: 1, end: 10 ** 9, mode: 'verify' });
  t.diagnostic(`${((performance.now() - begun) / 1000).toFixed(1)} s`);
  assert.equal(result['count'], String(10 ** 9 - 1));
  assert.equal(result['verified'], String(10 ** 9 - 1));
  assert.deepEqual(result['failures'], []);
  assert.deepEqual(result['peak_records'], below(known.peak_records, 3n, 10n ** 9n));
});

test('the older spelling start_number + number_count is the same job', async () => {
  const result = await compute({ start_number: '1', number_count: 999_999 });
  assert.deepEqual(result['delay_records'], below(known.delay_records, 1n, 10n ** 6n));
});

test('the default thread job gives the answers that its definition states', async () => {
  const { job_id } = await cluster.api.submit({ type: 'thread', parameters: {} });
  await cluster.api.end(job_id, TIMEOUT_MS);
  const { result } = await cluster.api.results(job_id);
  assert.equal(result?.['threads'], '42336');
  assert.equal(result['work'], '21423666');
  assert.equal(result['span'], '2811259');
  assert.deepEqual(result['max_threads'], { root: 816, threads: 204 });
  assert.deepEqual(result['max_work'], { root: 768, work: 108082 });
  assert.deepEqual(result['max_span'], { root: 642, span: 5332 });
});
