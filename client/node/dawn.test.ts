/** Runs a small compute shader on every adapter that Dawn offers here, software adapters included. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { openDawn, type DawnAdapter } from './dawn.ts';

const COUNT = 4096;
const SHADER = `
@group(0) @binding(0) var<storage, read_write> values: array<u32>;
@group(0) @binding(1) var<storage, read_write> total: array<atomic<u32>, 2>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let value = id.x * 2654435761u + 12345u;
  values[id.x] = value;
  atomicAdd(&total[0], value);
  atomicMax(&total[1], value);
}`;

const dawn = await openDawn({ software: true });

describe('Dawn adapters', () => {
  if (dawn.problem !== undefined) {
    it(
      'multiply-add and atomics on every adapter',
      { skip: `no adapter: ${dawn.problem.message}` },
      () => {},
    );
  }
  for (const adapter of dawn.adapters) {
    it(`multiply-add and atomics on ${adapter.id}`, () => computes(adapter));
    it(`a destroyed device of ${adapter.id} reports that it is lost`, () => isLost(adapter));
  }

  it('lists no adapter twice', () => {
    const ids = dawn.adapters.map((adapter) => adapter.id);
    assert.deepEqual(ids, [...new Set(ids)]);
  });

  it('names what is missing where Vulkan offers no driver, and ends cleanly', async () => {
    const module = new URL('./dawn.ts', import.meta.url).href;
    const script = `const { openDawn } = await import(${JSON.stringify(module)});
      const { adapters, problem } = await openDawn({ software: true });
      console.log(adapters.length, problem?.kind);`;
    const env = {
      ...process.env,
      VK_DRIVER_FILES: '/nonexistent.json',
      VK_ICD_FILENAMES: '/nonexistent.json',
    };
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env,
    });
    const expected = process.platform === 'linux' ? /^0 (no_adapter|vulkan_missing|package_\w+)\n$/ : /^\d+ /;
    assert.match(stdout, expected);
  });
});

async function requestDevice({ gpu }: DawnAdapter): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter();
  assert.ok(adapter, 'requestAdapter gives the listed adapter again');
  return adapter.requestDevice();
}

async function isLost(adapter: DawnAdapter): Promise<void> {
  const device = await requestDevice(adapter);
  device.destroy();
  assert.equal((await device.lost).reason, 'destroyed');
}

async function computes(adapter: DawnAdapter): Promise<void> {
  const device = await requestDevice(adapter);
  const module = device.createShaderModule({ code: SHADER });
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module, entryPoint: 'main' },
  });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
  const values = device.createBuffer({ size: COUNT * 4, usage });
  const total = device.createBuffer({ size: 8, usage });
  const readback = device.createBuffer({
    size: COUNT * 4 + 8,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const entries = [values, total].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const bindGroup = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });

  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(COUNT / 64);
  pass.end();
  encoder.copyBufferToBuffer(values, 0, readback, 0, COUNT * 4);
  encoder.copyBufferToBuffer(total, 0, readback, COUNT * 4, 8);
  device.queue.submit([encoder.finish()]);
  await readback.mapAsync(GPUMapMode.READ);
  const result = new Uint32Array(readback.getMappedRange().slice(0));
  device.destroy();

  const expected = Uint32Array.from({ length: COUNT }, (_, i) => Math.imul(i, 2654435761) + 12345);
  assert.deepEqual(result.subarray(0, COUNT), expected);
  const sum = expected.reduce((a, b) => (a + b) >>> 0, 0);
  assert.deepEqual([...result.subarray(COUNT)], [sum, expected.reduce((a, b) => Math.max(a, b), 0)]);
}
