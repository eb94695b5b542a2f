import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findWorkload, workloads } from './registry.ts';

test('workloads are found by their type', () => {
  assert.deepEqual([...workloads.keys()], ['collatz', 'thread']);
  assert.equal(findWorkload('collatz')?.type, 'collatz');
  assert.equal(findWorkload('no_such'), undefined);
  assert.equal(findWorkload('constructor'), undefined);
});

test('no two kernels share a source or a module', () => {
  const kernels = [...workloads.values()].flatMap(({ allKernels }) => allKernels);
  for (const names of [
    kernels.map(({ cpu }) => cpu.module),
    kernels.map(({ cpu }) => cpu.source),
    kernels.map(({ gpu }) => gpu.source),
  ]) {
    assert.equal(new Set(names).size, names.length, names.join());
  }
});
