/** Every workload of the registry against shaders/conformance.ts: on the CPU engine, and on every GPU adapter. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { computeGpu } from '../client/engines/gpu-compute.ts';
import { GpuDevice } from '../client/engines/gpu-device.ts';
import { type Dawn, openDawn } from '../client/node/dawn.ts';
import type { Range } from '../protocol/range.ts';
import type { Workload } from '../protocol/workload.ts';
import { KERNEL_FOLDER, buildKernels } from '../scripts/build-kernels.ts';
import { type Engines, type GpuUnderTest, type TestApi, conformance } from '../shaders/conformance.ts';
import { assembleWgsl } from '../shaders/lib/assemble.ts';
import { CpuProgram } from '../shaders/lib/cpu-kernel.ts';
import { workloads } from '../shaders/registry.ts';

const SHADERS = join(import.meta.dirname, '..', 'shaders');
const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const numRuns = process.env['TEST_FULL'] === '1' ? 300 : 5;

const api: TestApi = {
  test: (name, body) => void test(name, body),
  property: (name, body) =>
    void test(`${name} (seed ${seed})`, () =>
      fc.assert(
        fc.asyncProperty(fc.gen(), async (draw) => {
          await body((max) => draw(fc.bigInt, { min: 0n, max }));
        }),
        { seed, numRuns },
      )),
};

/** Programs by kernel and parameters: each compiles and prepares once. */
class CpuEngine {
  readonly #programs = new Map<string, Promise<CpuProgram>>();

  program<P, T, A>(workload: Workload<P, T, A>, p: P): Promise<CpuProgram> {
    const words = workload.parameterWords(p);
    const { module } = workload.kernels(p).cpu;
    const key = `${module} ${words.join()}`;
    const known = this.#programs.get(key);
    if (known !== undefined) return known;
    const made = CpuProgram.load(readFileSync(join(KERNEL_FOLDER, module)), words);
    this.#programs.set(key, made);
    return made;
  }
}

await buildKernels();
const cpu = new CpuEngine();
const dawn = await openDawn({ software: true });
const devices = await openDevices(dawn);

for (const workload of workloads.values()) {
  describe(workload.type, () => {
    if (dawn.problem !== undefined) {
      test(`${workload.type}: GPU = CPU`, { skip: `no GPU adapter: ${dawn.problem.message}` }, () => {});
    }
    conformance(api, workload, enginesOf(workload));
  });
}

after(() => {
  for (const { gpu } of devices) gpu.close();
});

function enginesOf<P, T, A>(workload: Workload<P, T, A>): Engines<P, A> {
  const cpuWords = async (p: P, range: Range) => (await cpu.program(workload, p)).run(range);
  return {
    cpuWords,
    cpu: async (p, range) => workload.decodeCpu(p, range, await cpuWords(p, range)),
    gpus: devices.map(({ name, gpu }): GpuUnderTest<P, A> => ({
      name,
      compute: async (p, range, tileLength) => {
        const wgsl = assembleWgsl(workload.kernels(p).gpu.source, (path) =>
          readFileSync(join(SHADERS, path), 'utf8'),
        );
        const parts = { gpu, wgsl, cpu: await cpu.program(workload, p) };
        return computeGpu(workload, p, parts, range, tileLength);
      },
    })),
  };
}

async function openDevices({ adapters }: Dawn): Promise<{ name: string; gpu: GpuDevice }[]> {
  const opened: { name: string; gpu: GpuDevice }[] = [];
  for (const { id, gpu } of adapters) {
    const adapter = await gpu.requestAdapter();
    if (adapter === null) throw new Error(`${id} was listed and can't be opened`);
    opened.push({ name: id, gpu: await GpuDevice.open(adapter, () => performance.now()) });
  }
  return opened;
}
