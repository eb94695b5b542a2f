/** Each variant of the GPU kernel has room for what its trees may need: what is chosen decides speed, never results. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { assembleWgsl } from '../lib/assemble.ts';
import { expectedThreads } from './expected-threads.ts';
import { gpuVariant } from './gpu-variant.ts';
import { LANE_BUDGET } from './kernel-words.ts';
import { threadParameters } from './parameters.ts';
import { threadWorkload as workload } from './workload.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const bodies = fc.record({
  max_depth: fc.integer({ min: 0, max: 32 }),
  max_children: fc.integer({ min: 0, max: 4 }),
  spawn_threshold: fc.integer({ min: 0, max: 256 }),
  work_max: fc.constantFrom(10, 1000, 1984, 1985, 5957, 5958, 2 ** 15, 2 ** 15 + 1, 2 ** 20),
  max_threads: fc.constantFrom(1, 300, LANE_BUDGET, LANE_BUDGET + 1, 2 ** 24),
});

test(`the stack, the counts by depth and the words of a tree fit (seed ${seed})`, () => {
  fc.assert(
    fc.property(bodies, (body) => {
      const p = threadParameters.parse(body);
      const { SLOTS = 0, DEEP, WORDS = 0, STEPS, WIDE, SINGLES } = gpuVariant(p);
      assert.equal(SINGLES === 1, expectedThreads({ ...p, maxThreads: 2 ** 24 }) === 1);
      if (SINGLES === 1) return;
      // Without DEEP nothing is kept below the window. A thread with one child at most leaves nobody waiting.
      if (DEEP === 0) assert.ok(SLOTS >= (p.maxChildren > 1 ? p.maxDepth : 1));
      // 4 stay in the window when the rest is taken off it.
      else assert.ok(SLOTS > 4);
      assert.ok(4 * WORDS > p.maxDepth);
      assert.ok(STEPS === 1 || STEPS === 2);
      if (WIDE === 0) {
        const threads = Math.min(p.maxThreads, LANE_BUDGET);
        assert.ok(threads * p.workMax < 2 ** 31 && threads <= 2 ** 16);
        assert.ok((p.maxDepth + 1) * p.workMax < 2 ** 16);
      }
    }),
    { seed, numRuns: 2000 },
  );
});

test('few variants, since each takes a driver seconds, and the kernel declares each of their names', () => {
  const all = new Set<string>();
  const names = new Set(['WALKERS']);
  const wgsl = assembleWgsl('thread-sim/kernel.wgsl', (path) =>
    readFileSync(join(import.meta.dirname, '..', path), 'utf8'),
  );
  for (const body of fc.sample(bodies, { seed, numRuns: 2000 })) {
    const p = threadParameters.parse(body);
    const variant = workload.kernels(p).gpu.specialise?.(workload.range(p)) ?? {};
    all.add(JSON.stringify(variant));
    for (const name of Object.keys(variant)) names.add(name);
  }
  for (const name of names) assert.match(wgsl, new RegExp(`^override ${name}: `, 'm'));
  assert.ok(all.size <= 29, `${all.size} variants`);
});
