/** This device's engines for its test: the CPU kernels on this thread, and the GPU if there is one. */
import type { Range } from '../../../protocol/range.ts';
import type { Workload } from '../../../protocol/workload.ts';
import type { Engines } from '../../../shaders/conformance.ts';
import type { RangeProgram } from '../../../shaders/lib/cpu-kernel.ts';
import { computeCpu } from '../../../shaders/lib/cpu-kernel.ts';
import { openCpuProgram } from '../../engines/cpu-program.ts';
import { computeGpu } from '../../engines/gpu-compute.ts';
import type { GpuDevice } from '../../engines/gpu-device.ts';
import { probeOf } from '../../engines/gpu-piece.ts';
import { GpuProgram } from '../../engines/gpu-program.ts';
import type { KernelSource } from '../../kernel-source.ts';

export interface DeviceEngines<P, A> extends Engines<P, A> {
  /** The kernel by itself, to be timed: what it leaves to the CPU is not computed. Undefined without a GPU. */
  readonly gpuProgram: ((p: P) => Promise<GpuProgram>) | undefined;
}

export class EngineMaker {
  readonly #kernels: KernelSource;
  readonly #hashes: ReadonlyMap<string, string>;
  readonly #gpu: GpuDevice | undefined;

  /** @param hashes of the kernels that the coordinator has, by source */
  constructor(kernels: KernelSource, hashes: ReadonlyMap<string, string>, gpu: GpuDevice | undefined) {
    this.#kernels = kernels;
    this.#hashes = hashes;
    this.#gpu = gpu;
  }

  of<P, T, A>(workload: Workload<P, T, A>): DeviceEngines<P, A> {
    /** One per kernel and parameters: tables take longer to build than short ranges to compute. */
    const programs = new Map<string, Promise<RangeProgram>>();
    const program = (p: P): Promise<RangeProgram> => {
      const parameterWords = workload.parameterWords(p);
      const { module } = workload.kernels(p).cpu;
      const key = `${module} ${parameterWords.join()}`;
      const made =
        programs.get(key) ??
        this.#bytes(module).then((wasm) => openCpuProgram({ module, wasm, parameterWords }));
      programs.set(key, made);
      return made;
    };
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
    const textOf = async (p: P) =>
      new TextDecoder().decode(await this.#bytes(workload.kernels(p).gpu.source));
    const exact = async (p: P, range: Range) => computeCpu(workload, p, await program(p), range);
    return {
      cpuWords: async (p, range) => (await program(p)).run(range),
      cpu: exact,
      ...gpuParts(cached, this.#gpu, { program, textOf, exact }),
    };
  }

  async #bytes(source: string): Promise<Uint8Array<ArrayBuffer>> {
    const hash = this.#hashes.get(source);
    if (hash === undefined) throw new Error(`the coordinator has no kernel ${source}`);
    return (await this.#kernels.load(hash)).bytes;
  }
}

function gpuParts<P, T, A>(
  workload: Workload<P, T, A>,
  gpu: GpuDevice | undefined,
  {
    program,
    textOf,
    exact,
  }: {
    readonly program: (p: P) => Promise<RangeProgram>;
    readonly textOf: (p: P) => Promise<string>;
    readonly exact: (p: P, range: Range) => Promise<A>;
  },
): Pick<DeviceEngines<P, A>, 'gpus' | 'gpuProgram'> {
  if (gpu === undefined) return { gpus: [], gpuProgram: undefined };
  return {
    gpus: [
      {
        name: 'WebGPU',
        compute: async (p, range, tileLength, tuning) =>
          computeGpu(
            workload,
            p,
            {
              gpu,
              wgsl: await textOf(p),
              cpu: await program(p),
              ...(tuning === undefined ? {} : { tuning }),
            },
            range,
            tileLength,
          ),
      },
    ],
    gpuProgram: async (p) =>
      GpuProgram.build(gpu, {
        kernel: workload.kernels(p).gpu,
        wgsl: await textOf(p),
        parameterWords: workload.parameterWords(p),
        constants: workload.gpuConstants(p),
        probe: probeOf(workload, p, (part) => exact(p, part)),
      }),
  };
}
