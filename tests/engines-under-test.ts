/** The engines of this machine for tests that compare them: the CPU kernels, and every GPU adapter. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { computeGpu } from '../client/engines/gpu-compute.ts';
import { GpuDevice } from '../client/engines/gpu-device.ts';
import { openDawn } from '../client/node/dawn.ts';
import type { Range } from '../protocol/range.ts';
import type { Workload } from '../protocol/workload.ts';
import { KERNEL_FOLDER, buildKernels } from '../scripts/build-kernels.ts';
import type { Engines, GpuUnderTest } from '../shaders/conformance.ts';
import { assembleWgsl } from '../shaders/lib/assemble.ts';
import { CpuProgram } from '../shaders/lib/cpu-kernel.ts';

const SHADERS = join(import.meta.dirname, '..', 'shaders');

export interface EnginesUnderTest {
  of<P, T, A>(workload: Workload<P, T, A>): Engines<P, A>;
  /** Why there is no GPU among them; undefined if there is one. */
  readonly noGpu: string | undefined;
  close(): void;
}

/** Builds the kernels that are out of date and opens every adapter, software ones included. */
export async function openEngines(): Promise<EnginesUnderTest> {
  await buildKernels();
  const { adapters, problem } = await openDawn({ software: true });
  const devices: { name: string; gpu: GpuDevice }[] = [];
  for (const { id, gpu } of adapters) {
    const adapter = await gpu.requestAdapter();
    if (adapter === null) throw new Error(`${id} was listed and can't be opened`);
    devices.push({ name: id, gpu: await GpuDevice.open(adapter, () => performance.now()) });
  }
  const programs = new Map<string, Promise<CpuProgram>>();
  return {
    noGpu: problem?.message,
    of: (workload) => enginesOf(workload, devices, programs),
    close() {
      for (const { gpu } of devices) gpu.close();
    },
  };
}

function enginesOf<P, T, A>(
  workload: Workload<P, T, A>,
  devices: readonly { readonly name: string; readonly gpu: GpuDevice }[],
  programs: Map<string, Promise<CpuProgram>>,
): Engines<P, A> {
  /** One per kernel and parameters: tables take longer to build than short ranges to compute. */
  const program = (p: P): Promise<CpuProgram> => {
    const words = workload.parameterWords(p);
    const { module } = workload.kernels(p).cpu;
    const key = `${module} ${words.join()}`;
    const made = programs.get(key) ?? CpuProgram.load(readFileSync(join(KERNEL_FOLDER, module)), words);
    programs.set(key, made);
    return made;
  };
  // As an engine does: the tables of a sieve take half a second.
  const constants = new Map<string, Uint32Array>();
  const cached: Workload<P, T, A> = {
    ...workload,
    gpuConstants(p) {
      const key = `${workload.kernels(p).gpu.source} ${workload.parameterWords(p).join()}`;
      const made = constants.get(key) ?? workload.gpuConstants(p);
      constants.set(key, made);
      return made;
    },
  };
  const cpuWords = async (p: P, range: Range) => (await program(p)).run(range);
  const gpus = devices.map(({ name, gpu }): GpuUnderTest<P, A> => ({
    name,
    async compute(p, range, tileLength, tuning) {
      const { source } = workload.kernels(p).gpu;
      const wgsl = assembleWgsl(source, (path) => readFileSync(join(SHADERS, path), 'utf8'));
      return computeGpu(
        cached,
        p,
        { gpu, wgsl, cpu: await program(p), ...(tuning === undefined ? {} : { tuning }) },
        range,
        tileLength,
      );
    },
  }));
  return {
    cpuWords,
    cpu: async (p, range) => workload.decodeCpu(p, range, await cpuWords(p, range)),
    gpus,
  };
}
