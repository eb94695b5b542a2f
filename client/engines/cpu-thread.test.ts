/** A CPU thread where there is no WebAssembly: the kernels' twins answer in its place. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { computed, encoded, makeBatch } from '../../tests/batches.ts';
import type { Range } from '../../protocol/range.ts';
import { CpuProgram } from '../../shaders/lib/cpu-kernel.ts';
import { workloads } from '../../shaders/registry.ts';
// Loaded before WebAssembly is gone: Node itself strips the types of a module by WebAssembly.
import { twins } from '../../shaders/twins.ts';
import { CpuPool } from './cpu-pool.ts';
import { inlineThread, ThreadBody } from './cpu-thread.ts';
import { cpuProgram, CpuEngine } from './cpu.ts';
import { Duty } from './duty.ts';
import type { Batch } from './engine.ts';
import { KernelProofs } from '../kernel-proofs.ts';
import { nodeRuntime } from '../node/node-runtime.ts';

const now = () => performance.now();
const own = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly');

/** A batch over the probe of each kernel. */
const batches: Batch[] = [...workloads.values()].flatMap((workload) =>
  workload.samples.map(({ parameters }) => {
    const range = workload.probe(workload.parameters.parse(parameters));
    return makeBatch(workload.type, parameters, { range, tileLength: range.end - range.start });
  }),
);
const byKernel = await Promise.all(
  batches.map(async (batch) => {
    const { wasm, parameterWords } = cpuProgram(batch);
    const program = await CpuProgram.load(wasm.bytes, parameterWords);
    return { words: program.run(batch.range), aggregate: encoded(batch, await computed(batch)) };
  }),
);
const titleOf = ({ workload, parameters }: Batch) =>
  `${workload.type} ${JSON.stringify(workload.encodeParameters(parameters))}`;

function requestOf(batch: Batch, { start, end }: Range = batch.range) {
  const { key, module, wasm, parameterWords } = cpuProgram(batch);
  return { kind: 'run', key, start, end, load: { module, wasm: wasm.bytes, parameterWords } } as const;
}

suite('without WebAssembly', () => {
  before(() => Reflect.deleteProperty(globalThis, 'WebAssembly'));
  after(() => Object.defineProperty(globalThis, 'WebAssembly', own ?? {}));

  test('a thread answers every kernel’s probe word for word', async () => {
    assert.equal(new Set(batches.map((batch) => cpuProgram(batch).module)).size, twins.size);
    const body = new ThreadBody(now);
    for (const [index, batch] of batches.entries()) {
      const reply = await body.handle(requestOf(batch));
      assert.ok(reply?.kind === 'answer', JSON.stringify(reply));
      assert.deepEqual(reply.words, byKernel[index]?.words, titleOf(batch));
    }
  });

  test('a kernel without a twin is a fault that names it, and the thread goes on with others', async () => {
    const body = new ThreadBody(now);
    const [batch] = batches;
    assert.ok(batch !== undefined);
    const request = requestOf(batch);
    const stranger = { ...request, key: 'stranger', load: { ...request.load, module: 'stranger.wasm' } };
    const fault = await body.handle(stranger);
    assert.equal(
      fault?.kind === 'fault' ? fault.message : fault?.kind,
      'this host runs no WebAssembly, and the kernel stranger.wasm has no twin without it',
    );
    assert.equal((await body.handle(request))?.kind, 'answer');
  });

  test('an engine passes its known answers and computes batches', async () => {
    const device = {
      description: 'test',
      vendor: null,
      backend: null,
      software: false,
      gpu_memory_mb: null,
      threads: 1,
    };
    const pool = new CpuPool(() => inlineThread(now), 1);
    const engine = new CpuEngine({ kind: 'cpu', device, pool, duty: new Duty(nodeRuntime()) });
    const proofs = new KernelProofs(engine);
    for (const [index, batch] of batches.entries()) {
      assert.deepEqual(await proofs.of(batch), { how: 'finished' }, titleOf(batch));
      const run = engine.start(batch);
      assert.deepEqual(await run.ended, { how: 'finished' });
      assert.equal(encoded(batch, run.prefix().aggregate), byKernel[index]?.aggregate, titleOf(batch));
    }
    await engine.close();
  });
});
