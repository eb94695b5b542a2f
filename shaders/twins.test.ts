import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workloads } from './registry.ts';
import { twins } from './twins.ts';

test('every WebAssembly kernel has a twin, and no twin is left over', () => {
  const modules = [...workloads.values()].flatMap(({ allKernels }) =>
    allKernels.map(({ cpu }) => cpu.module),
  );
  assert.deepEqual([...twins.keys()].sort(), [...new Set(modules)].sort());
});

test('a twin’s words say what the reference says, on a range of each sample', () => {
  for (const workload of workloads.values()) {
    for (const { name, parameters, ranges } of workload.samples) {
      const p = workload.parameters.parse(parameters);
      const twin = twins.get(workload.kernels(p).cpu.module)?.(workload.parameterWords(p));
      const [range] = ranges;
      assert.ok(twin !== undefined && range !== undefined);
      const text = (aggregate: unknown) => JSON.stringify(workload.encode(p, aggregate));
      const found = workload.decodeCpu(p, range, twin(range));
      assert.equal(text(found), text(workload.reference(p, range)), `${workload.type}: ${name}`);
    }
  }
});
