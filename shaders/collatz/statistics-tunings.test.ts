/** What an engine may choose by measuring must not be seen in a single word of the answer. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { GpuDevice } from '../../client/engines/gpu-device.ts';
import { GpuProgram } from '../../client/engines/gpu-program.ts';
import { openDawn } from '../../client/node/dawn.ts';
import { assembleWgsl } from '../lib/assemble.ts';
import { statisticsGpuKernel as kernel } from './statistics-plan.ts';
import { statisticsConstants } from './statistics-tables.ts';

const { adapters, problem } = await openDawn({ software: true });
const read = (path: string) => readFileSync(join(import.meta.dirname, '..', path), 'utf8');

for (const { id, gpu: opened } of adapters) {
  test(`statistics give the same words under every tuning: ${id}`, async () => {
    const adapter = await opened.requestAdapter();
    assert.ok(adapter !== null);
    const gpu = await GpuDevice.open(adapter, () => performance.now());
    const program = await GpuProgram.build(gpu, {
      kernel,
      wgsl: assembleWgsl(kernel.source, read),
      parameterWords: new Uint32Array(1),
      constants: statisticsConstants(),
      probe: { range: { start: 1n << 32n, end: (1n << 32n) + 300n }, prove: () => Promise.resolve() },
    });
    // From 2^68 on few peaks stand out, so that lanes have several walks to settle.
    const pieces = [1n << 44n, 1n << 68n].map((start) => [
      { start: start - 70_000n, end: start + (1n << 20n) + 70_000n },
      { start: start + 5n, end: start + 60_005n },
    ]);
    for (const together of pieces) {
      const [first, ...others] = await Promise.all(
        (kernel.tunings ?? []).map((tuning) => program.dispatch(together, 0, tuning)),
      );
      assert.ok(first !== undefined && others.length > 0);
      for (const { words } of others) assert.deepEqual(words, first.words);
    }
    program.destroy();
    gpu.close();
  });
}

if (adapters.length === 0) {
  test(
    'statistics give the same words under every tuning',
    { skip: `no GPU adapter: ${problem?.message}` },
    () => {},
  );
}
