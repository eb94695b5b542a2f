/** The twin against the plain reference, and the WebAssembly kernel against the twin: word for word. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Range } from '../../protocol/range.ts';
import { KERNEL_FOLDER, buildKernels } from '../../scripts/build-kernels.ts';
import { CpuProgram } from '../lib/cpu-kernel.ts';
import { threadParameters } from './parameters.ts';
import { threadTwin } from './twin.ts';
import { threadWorkload as workload } from './workload.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const full = process.env['TEST_FULL'] === '1';

await buildKernels();
const wasm = readFileSync(join(KERNEL_FOLDER, workload.kernels(threadParameters.parse({})).cpu.module));

async function assertSameWords(body: object, range: Range): Promise<void> {
  const p = threadParameters.parse({ thread_count: 2 ** 32, ...body });
  const words = workload.parameterWords(p);
  assert.deepEqual((await CpuProgram.load(wasm, words)).run(range), threadTwin(words)(range));
}

test('the twin = the reference wherever the samples lie', () => {
  for (const { name, parameters, ranges } of workload.samples) {
    const p = threadParameters.parse(parameters);
    const twin = threadTwin(workload.parameterWords(p));
    for (const range of ranges) {
      const found = workload.decodeCpu(p, range, twin(range));
      assert.deepEqual(found, workload.reference(p, range), `${name}, from ${range.start}`);
    }
  }
});

test(`the kernel = the twin, for any parameters and more trees than a wave has (seed ${seed})`, async () => {
  const bodies = fc.record({
    max_depth: fc.integer({ min: 0, max: 32 }),
    max_children: fc.integer({ min: 0, max: 4 }),
    spawn_threshold: fc.oneof(fc.integer({ min: 0, max: 256 }), fc.integer({ min: 56, max: 90 })),
    work_min: fc.constantFrom(1, 2, 10, 1000),
    work_max: fc.constantFrom(1000, 1001, 2 ** 19, 2 ** 20 - 1, 2 ** 20),
    max_threads: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 1000 })),
    seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  });
  const property = fc.asyncProperty(
    bodies,
    fc.nat({ max: 2 ** 32 - 5001 }),
    fc.integer({ min: 1, max: 5000 }),
    async (body, start, length) =>
      assertSameWords(body, { start: BigInt(start), end: BigInt(start + length) }),
  );
  await fc.assert(property, { seed, numRuns: full ? 2000 : 60 });
});

test('the kernel = the twin: giants between small trees, and where a tree passes max_threads late', async () => {
  const wide = { max_depth: 12, max_children: 4, spawn_threshold: 160, work_max: 2 ** 20 };
  const range = { start: 7n, end: 47n };
  await assertSameWords({ ...wide, max_threads: 2 ** 24 }, range);
  await assertSameWords({ ...wide, max_threads: 30_000 }, range);
});

test('the kernel = the twin: every number of ticks forks its children at the same ticks', async () => {
  // Spans of such trees are sums of the offsets of all four children; 40 seeds of 1024 roots at random ticks.
  for (let run = 0; run < 40; run++) {
    const body = { max_depth: 2, max_children: 4, spawn_threshold: 256, work_min: 1, work_max: 2 ** 20 };
    await assertSameWords({ ...body, seed: String(run) }, { start: 0n, end: 1024n });
  }
});

test('sums that the twin settles on the way are exact', () => {
  const work = 2 ** 20;
  const body = { max_depth: 7, max_children: 4, spawn_threshold: 256, work_min: work, work_max: work };
  const p = threadParameters.parse(body);
  const range = { start: 0n, end: 200n };
  const found = workload.decodeCpu(p, range, threadTwin(workload.parameterWords(p))(range));
  const threads = (4n ** 8n - 1n) / 3n;
  assert.deepEqual([found.threads, found.work], [200n * threads, 200n * threads * BigInt(work)]);
});
