import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MAX_KERNEL_BYTES, kernelIndex } from '../protocol/kernels.ts';
import { KERNEL_FOLDER, buildKernels } from '../scripts/build-kernels.ts';
import { workloads } from '../shaders/registry.ts';
import { StartError } from './config.ts';
import { readKernels } from './kernels.ts';

const SHADERS = fileURLToPath(new URL('../shaders', import.meta.url));

before(() => buildKernels());

test('every kernel of every workload is there under the hash of its bytes', () => {
  const library = readKernels(workloads.values(), SHADERS, KERNEL_FOLDER);
  kernelIndex.parse(library.index);
  const hashes = new Set(library.index.kernels.map(({ sha256 }) => sha256));
  for (const workload of workloads.values()) {
    for (const kernels of workload.allKernels) {
      const { gpu, cpu } = library.hashesOf(kernels);
      for (const hash of [gpu, cpu]) {
        assert.ok(hashes.has(hash));
        const bytes = library.find(hash)?.bytes ?? Buffer.alloc(0);
        assert.equal(createHash('sha256').update(bytes).digest('hex'), hash);
      }
      const wgsl = library.find(gpu)?.bytes.toString() ?? '';
      assert.doesNotMatch(wgsl, /@include/, 'includes are resolved');
      for (const entry of kernels.gpu.entryPoints) assert.ok(wgsl.includes(`fn ${entry}`), entry);
      assert.deepEqual([...(library.find(cpu)?.bytes.subarray(0, 4) ?? [])], [0, 0x61, 0x73, 0x6d]);
    }
  }
  assert.equal(library.find('0'.repeat(64)), undefined);
});

test('kernels that are not built, or are not kernels, are a start error that says what to do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'threads-kernels-'));
  const problem = (error: unknown) => error instanceof StartError && error.problem === 'kernels_missing';
  assert.throws(
    () => readKernels(workloads.values(), SHADERS, folder),
    (error) => problem(error) && /npm run build/.test(String(error)),
  );
  await cp(KERNEL_FOLDER, folder, { recursive: true });
  readKernels(workloads.values(), SHADERS, folder);
  const [first] = [...workloads.values()].flatMap(({ allKernels }) =>
    allKernels.map(({ cpu }) => cpu.module),
  );
  await writeFile(join(folder, first ?? ''), new Uint8Array(MAX_KERNEL_BYTES + 1));
  assert.throws(() => readKernels(workloads.values(), SHADERS, folder), problem);
  await rm(folder, { recursive: true });
});
