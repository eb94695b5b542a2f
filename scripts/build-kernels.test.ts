import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CpuProgram } from '../shaders/lib/cpu-kernel.ts';
import { buildKernels } from './build-kernels.ts';

const folder = await mkdtemp(join(tmpdir(), 'kernels-'));
after(() => rm(folder, { recursive: true }));
const kernel = { source: 'collatz/assembly/statistics.ts', module: 'one.wasm' };
const path = join(folder, kernel.module);

test('a kernel is built once, and again when it is gone or its inputs differ', async () => {
  assert.deepEqual(await buildKernels(folder, [kernel]), ['one.wasm']);
  const built = await readFile(path);
  assert.deepEqual(await buildKernels(folder, [kernel]), []);
  await rm(path);
  assert.deepEqual(await buildKernels(folder, [kernel]), ['one.wasm']);
  await writeFile(`${path}.inputs`, 'other inputs');
  assert.deepEqual(await buildKernels(folder, [kernel]), ['one.wasm']);
  assert.deepEqual(await readFile(path), built, 'the same sources give the same bytes');
  assert.deepEqual((await readdir(folder)).sort(), ['one.wasm', 'one.wasm.inputs']);
});

test('what was built runs', async () => {
  const program = await CpuProgram.load(new Uint8Array(await readFile(path)), new Uint32Array(1));
  assert.ok(program.run({ start: 1n, end: 100n }).length > 4096);
});

test('a kernel that does not compile is named, and leaves nothing behind', async () => {
  const broken = { source: 'collatz/assembly/no-such-kernel.ts', module: 'broken.wasm' };
  await assert.rejects(buildKernels(folder, [broken]), /no-such-kernel\.ts does not compile/);
  assert.ok(!existsSync(join(folder, broken.module)));
});
