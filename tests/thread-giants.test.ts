/** Trees that a GPU lane only just finishes, and those that it leaves to the CPU: GPU = CPU on every adapter. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { LANE_BUDGET } from '../shaders/thread-sim/kernel-words.ts';
import { threadWorkload as workload } from '../shaders/thread-sim/workload.ts';
import { openEngines } from './engines-under-test.ts';

const engines = await openEngines();
after(() => engines.close());
const { cpu, gpus } = engines.of(workload);

const WIDE = { work_min: 2 ** 20, work_max: 2 ** 20 };
/** Each thread forks two: 2^(depth + 1) - 1 threads. */
const full = (depth: number) => ({ max_depth: depth, max_children: 2, spawn_threshold: 256, ...WIDE });
const CASES = [
  { name: 'just within the budget, work past 32 bits', body: { thread_count: 5, ...full(15) }, oversize: 0 },
  {
    name: 'oversize by one',
    body: { thread_count: 5, ...full(15), max_threads: LANE_BUDGET - 2 },
    oversize: 5,
  },
  { name: 'oversize past the budget', body: { thread_count: 3, ...full(16) }, oversize: 3 },
  {
    name: 'every tree left to the CPU',
    body: { thread_count: 3, ...full(16), max_threads: 2 ** 17 },
    oversize: 0,
  },
  {
    name: 'some trees left to the CPU, some of them oversize there',
    body: {
      thread_count: 30,
      max_depth: 32,
      max_children: 4,
      spawn_threshold: 90,
      max_threads: 2 ** 18,
      seed: 5,
    },
  },
];

if (engines.noGpu !== undefined) {
  test('giant trees: GPU = CPU', { skip: `no GPU adapter: ${engines.noGpu}` }, () => {});
}
for (const gpu of gpus) {
  for (const { name, body, oversize } of CASES) {
    test(`giant trees: ${name}: ${gpu.name}`, async () => {
      const p = workload.parameters.parse(body);
      const range = workload.range(p);
      const exact = await cpu(p, range);
      if (oversize !== undefined) assert.equal(exact.oversize, BigInt(oversize));
      else assert.ok(exact.oversize > 0n && (exact.maxThreads?.value ?? 0n) > BigInt(LANE_BUDGET));
      for (const tile of [range.end, 1n]) {
        assert.deepEqual(await gpu.compute(p, range, tile), exact, `tiles of ${tile}`);
      }
    });
  }
}
