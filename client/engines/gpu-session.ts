/** A device as long as it lasts, with the programs that were built on it. */
import type { LoadedKernel } from './engine.ts';
import type { GpuDevice } from './gpu-device.ts';
import type { Probe } from './gpu-program.ts';
import { GpuProgram } from './gpu-program.ts';
import type { GpuKernel } from '../../protocol/workload.ts';

/** Every host has it; the ES library of TypeScript alone has not. */
declare const TextDecoder: new () => { decode(bytes: Uint8Array): string };

/** Programs kept at once: each has buffers of some megabytes on the GPU. */
const MAX_PROGRAMS = 4;

export interface SessionProgramSource {
  /** The same key, the same kernel and parameters. */
  readonly key: string;
  readonly kernel: GpuKernel;
  readonly text: LoadedKernel;
  parameterWords(): Uint32Array;
  constants(): Uint32Array;
  readonly probe: Probe;
}

export class GpuSession {
  readonly gpu: GpuDevice;
  /** Most recently used last. */
  readonly #programs = new Map<string, Promise<GpuProgram>>();

  constructor(gpu: GpuDevice) {
    this.gpu = gpu;
  }

  /**
   * The program, built at the first call. What falls out of the cache is destroyed once its dispatches are read.
   * @throws GpuFault
   */
  async program(source: SessionProgramSource): Promise<GpuProgram> {
    const built =
      this.#programs.get(source.key) ??
      GpuProgram.build(this.gpu, {
        kernel: source.kernel,
        wgsl: new TextDecoder().decode(source.text.bytes),
        parameterWords: source.parameterWords(),
        constants: source.constants(),
        probe: source.probe,
      });
    this.#programs.delete(source.key);
    this.#programs.set(source.key, built);
    for (const [key, old] of this.#programs) {
      if (this.#programs.size <= MAX_PROGRAMS) break;
      this.#programs.delete(key);
      void old.then(
        (program) => program.destroyWhenIdle(),
        () => undefined,
      );
    }
    try {
      return await built;
    } catch (error) {
      this.#programs.delete(source.key);
      throw error;
    }
  }

  close(): void {
    this.gpu.close();
  }
}
