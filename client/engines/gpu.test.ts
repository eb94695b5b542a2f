/** The GPU engine with the real kernels on every adapter that Dawn finds here, software adapters included. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { encoded, expected, makeBatch } from '../../tests/batches.ts';
import { nodeCpuPool } from '../node/cpu-threads.ts';
import type { DawnAdapter } from '../node/dawn.ts';
import { openDawn } from '../node/dawn.ts';
import type { NodeRuntime } from '../node/node-runtime.ts';
import { nodeRuntime } from '../node/node-runtime.ts';
import type { Batch } from './engine.ts';
import { Duty } from './duty.ts';
import { GpuDevice } from './gpu-device.ts';
import { GpuFault } from './gpu-fault.ts';
import { GpuProgram } from './gpu-program.ts';
import { GpuEngine } from './gpu.ts';

const dawn = await openDawn({ software: true });
const parameters = { thread_count: 3000, seed: '11' };

if (dawn.problem !== undefined) {
  test('the GPU engine', { skip: `no adapter: ${dawn.problem.message}` }, () => undefined);
}

for (const adapter of dawn.adapters) {
  suite(`the GPU engine on ${adapter.id}`, () => {
    let runtime: NodeRuntime;
    const warnings: string[] = [];
    before(() => {
      runtime = nodeRuntime();
    });
    after(() => runtime.close());
    const open = (request = () => adapter.gpu.requestAdapter(), maxUnits?: number) =>
      openEngine(request, runtime, warnings, maxUnits);

    test('two batches at once, tiles longer and shorter than a dispatch: exact', async () => {
      const engine = open();
      const first = makeBatch('thread', parameters, { id: 'a', tileLength: 37n });
      const second = makeBatch('thread', { ...parameters, seed: '12' }, { id: 'b', tileLength: 3000n });
      const runs = [engine.start(first), engine.start(second)];
      for (const run of runs) {
        assert.deepEqual(await run.ended, { how: 'finished' });
        assert.equal(encoded(run.batch, run.prefix().aggregate), await expected(run.batch));
        assert.ok(run.prefix().compute_ms > 0);
      }
      assert.ok(engine.busy_ms() > 0);
      await engine.close();
    });

    test('the limit of units per dispatch holds, and the result is the same', async () => {
      const engine = open(undefined, 64);
      const batch = makeBatch('thread', { ...parameters, thread_count: 500 }, { tileLength: 300n });
      const run = engine.start(batch);
      assert.deepEqual(await run.ended, { how: 'finished' });
      assert.equal(encoded(batch, run.prefix().aggregate), await expected(batch));
      await engine.close();
    });

    test('stopped, it hands back an exact prefix', async () => {
      const engine = open();
      const batch = makeBatch('thread', { ...parameters, thread_count: 2 ** 22 }, { tileLength: 64n });
      const run = engine.start(batch);
      while (run.prefix().end === 0n) await tick();
      run.stop();
      assert.deepEqual(await run.ended, { how: 'stopped' });
      const { end, aggregate } = run.prefix();
      assert.ok(end > 0n && end < batch.range.end);
      assert.equal(encoded(batch, aggregate), await expected(batch, { start: 0n, end }));
      await engine.close();
    });

    test('a device that is lost in the middle is opened again, and the batch goes on', async () => {
      const opened: GPUDevice[] = [];
      const engine = open(() => keepDevices(adapter, opened));
      const batch = makeBatch('thread', { ...parameters, thread_count: 20_000 }, { tileLength: 64n });
      const run = engine.start(batch);
      while (run.prefix().end === 0n) await tick();
      opened[0]?.destroy();
      assert.deepEqual(await run.ended, { how: 'finished' });
      assert.equal(opened.length, 2);
      assert.equal(encoded(batch, run.prefix().aggregate), await expected(batch));
      assert.match(warnings.join('\n'), /opening the GPU again with half the dispatch/);
      await engine.close();
    });

    test('a device that can’t be had any more is given up on, with the reason', async () => {
      const engine = openEngine(() => Promise.resolve(null), hasty(runtime), warnings);
      const run = engine.start(makeBatch('thread', parameters, { tileLength: 64n }));
      assert.equal((await run.ended).how, 'device_lost');
      assert.match(await engine.given_up, /5 times in 10 minutes.*the adapter is gone/);
      const late = engine.start(makeBatch('thread', parameters, { tileLength: 64n }));
      assert.equal((await late.ended).how, 'device_lost');
      await engine.close();
    });

    test('a kernel that computes wrongly never gets a result through', async () => {
      const engine = openEngine(() => adapter.gpu.requestAdapter(), hasty(runtime), warnings);
      const batch = tampered(makeBatch('thread', parameters, { tileLength: 64n }), (text) =>
        text.replace(/0x1BD11BDAu?/i, '0x1BD11BDBu'),
      );
      const run = engine.start(batch);
      const end = await run.ended;
      assert.equal(end.how, 'failed');
      assert.match(end.how === 'failed' ? end.message : '', /probe/);
      assert.equal(run.prefix().end, 0n);
      await engine.close();
    });

    test('a kernel that does not compile fails its batch with the line, and no device is opened again', async () => {
      const engine = open();
      const bad = tampered(
        makeBatch('thread', parameters, { id: 'bad', tileLength: 64n }),
        () => 'fn main( {',
      );
      const end = await engine.start(bad).ended;
      assert.equal(end.how, 'failed');
      assert.match(end.how === 'failed' ? end.message : '', /kernel\.wgsl: 1:\d+ /);
      const good = makeBatch('thread', { ...parameters, thread_count: 100 }, { tileLength: 64n });
      assert.deepEqual(await engine.start(good).ended, { how: 'finished' });
      await engine.close();
    });

    test('the known answer is compared in every dispatch', async () => {
      const gpu = await openDevice(adapter);
      const batch = makeBatch('thread', parameters, { tileLength: 64n });
      const { workload, parameters: p, kernels } = batch;
      let proofs = 0;
      const program = await GpuProgram.build(gpu, {
        kernel: workload.kernels(p).gpu,
        wgsl: new TextDecoder().decode(kernels.gpu?.bytes),
        parameterWords: workload.parameterWords(p),
        constants: workload.gpuConstants(p),
        probe: {
          range: workload.probe(p),
          prove: (words) => {
            proofs++;
            // What is accepted here is what later dispatches are held to.
            words[0] = (words[0] ?? 0) ^ 1;
            return Promise.resolve();
          },
        },
      });
      const piece = { start: 0n, end: 64n };
      await program.dispatch([piece]);
      await assert.rejects(program.dispatch([piece]), (error) => {
        return error instanceof GpuFault && error.kind === 'wrong_answer';
      });
      assert.equal(proofs, 1);
      program.destroy();
      gpu.close();
    });

    test('a dispatch refuses pieces that the kernel does not take', async () => {
      const gpu = await openDevice(adapter);
      const { workload, parameters: p, kernels } = makeBatch('thread', parameters, { tileLength: 64n });
      const program = await GpuProgram.build(gpu, {
        kernel: workload.kernels(p).gpu,
        wgsl: new TextDecoder().decode(kernels.gpu?.bytes),
        parameterWords: workload.parameterWords(p),
        constants: workload.gpuConstants(p),
        probe: { range: workload.probe(p), prove: () => Promise.resolve() },
      });
      await assert.rejects(program.dispatch([]), RangeError);
      await assert.rejects(program.dispatch([{ start: 5n, end: 5n }]), GpuFault);
      gpu.close();
      await assert.rejects(program.dispatch([{ start: 0n, end: 1n }]), (error) => {
        return error instanceof GpuFault && error.kind === 'lost';
      });
    });
  });
}

function openEngine(
  adapter: () => Promise<GPUAdapter | null>,
  runtime: NodeRuntime,
  warnings: string[],
  maxUnits?: number,
): GpuEngine {
  const note = (_fields: unknown, message: string) => void warnings.push(message);
  return new GpuEngine({
    kind: 'node-gpu',
    device: {
      description: 'test',
      vendor: null,
      backend: null,
      software: true,
      gpu_memory_mb: null,
      threads: 1,
    },
    adapter,
    cpu: nodeCpuPool(1),
    runtime,
    log: { debug: note, info: note, warn: note, error: note },
    maxUnits,
    sleeps: true,
    duty: new Duty(runtime),
  });
}

/** Waiting times are over at once. */
function hasty(runtime: NodeRuntime): NodeRuntime {
  return { ...runtime, setTimer: (_ms, fire) => runtime.setTimer(0, fire) };
}

async function openDevice({ gpu }: DawnAdapter): Promise<GpuDevice> {
  const adapter = await gpu.requestAdapter();
  assert.ok(adapter);
  return GpuDevice.open(adapter, () => performance.now());
}

/** The adapter, whose devices are kept, so that a test can take one away. */
async function keepDevices({ gpu }: DawnAdapter, opened: GPUDevice[]): Promise<GPUAdapter | null> {
  const adapter = await gpu.requestAdapter();
  if (adapter === null) return null;
  const request = adapter.requestDevice.bind(adapter);
  adapter.requestDevice = async (descriptor) => {
    const device = await request(descriptor);
    opened.push(device);
    return device;
  };
  return adapter;
}

function tampered(batch: Batch, change: (text: string) => string): Batch {
  const { gpu, cpu } = batch.kernels;
  assert.ok(gpu);
  const text = new TextDecoder().decode(gpu.bytes);
  const changed = change(text);
  assert.notEqual(changed, text);
  return {
    ...batch,
    kernels: { cpu, gpu: { sha256: 'f'.repeat(64), bytes: new TextEncoder().encode(changed) } },
  };
}

/** Lets promises and Dawn's callbacks run. */
function tick(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
