import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterError } from '../../protocol/errors.ts';
import type { Range } from '../../protocol/range.ts';
import type { Workload } from '../../protocol/workload.ts';
import { buildKernels, KERNEL_FOLDER } from '../../scripts/build-kernels.ts';
import { workloads } from '../../shaders/registry.ts';
import { createLog } from '../log.ts';
import { readClaims } from './claims.ts';
import { RecomputeThread } from './recompute.ts';

await buildKernels();

function start(t: { after(fn: () => Promise<void>): void }, folder = KERNEL_FOLDER): RecomputeThread {
  const thread = new RecomputeThread(workloads, folder, createLog('silent'));
  t.after(() => thread.close());
  return thread;
}

function workload(type: string): Workload {
  const found = workloads.get(type);
  if (found === undefined) throw new Error(`no workload ${type}`);
  return found;
}

const refused = (code: string) => (error: unknown) => error instanceof ClusterError && error.code === code;

test('every sample of every workload is recomputed to the reference', async (t) => {
  const thread = start(t);
  for (const each of workloads.values()) {
    for (const sample of each.samples) {
      const p = each.parameters.parse(sample.parameters);
      for (const range of sample.ranges.slice(0, 2)) {
        const expected = each.encode(p, each.reference(p, range));
        const computed = await thread.compute(each.type, each.encodeParameters(p), range);
        assert.deepEqual(computed, JSON.parse(JSON.stringify(expected)), `${each.type} ${sample.name}`);
      }
    }
  }
});

test('a range of several pieces is the fold of its parts, and short requests do not wait for it', async (t) => {
  const thread = start(t);
  const collatz = workload('collatz');
  const parameters = { start: '1', end: (1n << 60n).toString(), mode: 'statistics' };
  const p = collatz.parameters.parse(parameters);
  const encoded = collatz.encodeParameters(p);
  const order: string[] = [];
  const compute = async (name: string, range: Range): Promise<unknown> => {
    const aggregate = await thread.compute('collatz', encoded, range);
    order.push(name);
    return collatz.decodeStored(p, aggregate);
  };
  const first = { start: 1n, end: 6_000_000n };
  const second = { start: 6_000_000n, end: 12_000_000n };
  const all = [
    compute('long', { start: 1n, end: 12_000_000n }),
    compute('short', { start: 1n, end: 1000n }),
    compute('first', first),
    compute('second', second),
  ];
  const [long, , ofFirst, ofSecond] = await Promise.all(all);
  assert.deepEqual(long, collatz.fold(p, ofFirst, ofSecond));
  assert.equal(order.at(-1), 'long');
  assert.equal(order[0], 'short');
});

test('claims are checked in the thread as here', async (t) => {
  const thread = start(t);
  const thread_ = workload('thread');
  const p = thread_.parameters.parse({ thread_count: 50 });
  const encoded = thread_.encodeParameters(p);
  const range = { start: 0n, end: 50n };
  const right: unknown = JSON.parse(JSON.stringify(thread_.encode(p, thread_.reference(p, range))));
  assert.deepEqual(await thread.check('thread', encoded, range, right), []);
  assert.ok(right !== null && typeof right === 'object');
  const expensive: Workload = { ...thread_, checkSteps: () => 1e9 };
  await readClaims(expensive, p, encoded, range, right, thread);
  await assert.rejects(thread.check('thread', encoded, range, { wrong: true }), refused('internal'));
  await assert.rejects(
    readClaims(expensive, p, encoded, range, { wrong: true }, thread),
    refused('result_contradicts'),
  );
});

test('too many requests are refused, closing refuses the rest', async (t) => {
  const thread = start(t);
  const range = { start: 1n, end: 1n << 50n };
  const parameters = { start: '1', end: range.end.toString() };
  const asked = Array.from({ length: 64 }, () => thread.compute('collatz', parameters, range));
  const ended = Promise.allSettled(asked);
  await assert.rejects(thread.compute('collatz', parameters, range), refused('limit_reached'));
  await thread.close();
  assert.ok((await ended).every(({ status }) => status === 'rejected'));
  await assert.rejects(thread.compute('collatz', parameters, range), refused('not_ready'));
});

test('without kernels the answer is an error, not a crash', async (t) => {
  const thread = start(t, '/nonexistent');
  const parameters = { start: '1', end: '1000' };
  const range = { start: 1n, end: 1000n };
  await assert.rejects(thread.compute('collatz', parameters, range), refused('internal'));
  await assert.rejects(thread.compute('cubes', parameters, range), refused('internal'));
});
