/** This device's engines for its test: WebAssembly on this thread, and the GPU if there is one. */
import type { Range } from '../../../protocol/range.ts';
import type { Workload } from '../../../protocol/workload.ts';
import type { Engines } from '../../../shaders/conformance.ts';
import { CpuProgram, computeCpu } from '../../../shaders/lib/cpu-kernel.ts';
import { computeGpu } from '../../engines/gpu-compute.ts';
import type { GpuDevice } from '../../engines/gpu-device.ts';
import type { KernelSource } from '../../kernel-source.ts';

export interface DeviceEngines<P, A> extends Engines<P, A> {
  /** Undefined without a GPU. @param onDispatch units and milliseconds of each dispatch */
  readonly gpuTiles:
    | ((
        p: P,
        range: Range,
        tileLength: bigint,
        onDispatch: (units: bigint, elapsed_ms: number) => void,
      ) => Promise<A>)
    | undefined;
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
    const programs = new Map<string, Promise<CpuProgram>>();
    const program = (p: P): Promise<CpuProgram> => {
      const words = workload.parameterWords(p);
      const { module } = workload.kernels(p).cpu;
      const key = `${module} ${words.join()}`;
      const made = programs.get(key) ?? this.#bytes(module).then((wasm) => CpuProgram.load(wasm, words));
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
    const gpu = this.#gpu;
    const gpuTiles: DeviceEngines<P, A>['gpuTiles'] =
      gpu === undefined
        ? undefined
        : async (p, range, tileLength, onDispatch) => {
            const wgsl = new TextDecoder().decode(await this.#bytes(workload.kernels(p).gpu.source));
            return computeGpu(cached, p, { gpu, wgsl, cpu: await program(p), onDispatch }, range, tileLength);
          };
    return {
      cpuWords: async (p, range) => (await program(p)).run(range),
      cpu: async (p, range) => computeCpu(workload, p, await program(p), range),
      gpus:
        gpuTiles === undefined
          ? []
          : [
              {
                name: 'WebGPU',
                compute: (p, range, tileLength) => gpuTiles(p, range, tileLength, () => undefined),
              },
            ],
      gpuTiles,
    };
  }

  async #bytes(source: string): Promise<Uint8Array<ArrayBuffer>> {
    const hash = this.#hashes.get(source);
    if (hash === undefined) throw new Error(`the coordinator has no kernel ${source}`);
    return (await this.#kernels.load(hash)).bytes;
  }
}
