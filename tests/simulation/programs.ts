/**
 * The real CPU kernels, loaded before virtual time begins: compiling WebAssembly takes real time, running it
 * does not let the event loop turn.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KernelLibrary } from '../../coordinator/kernels.ts';
import type { Kernel } from '../../coordinator/kernels.ts';
import type { Range } from '../../protocol/range.ts';
import type { Workload } from '../../protocol/workload.ts';
import { CpuProgram, computeCpu } from '../../shaders/lib/cpu-kernel.ts';
import { simulatedWorkloads } from './jobs.ts';

const MODULES = join(import.meta.dirname, '../../build/kernels');

export class Programs {
  readonly library: KernelLibrary;
  /** By parameter words, then by the module's hash. */
  readonly #loaded = new Map<Uint32Array, Map<string, CpuProgram>>();

  private constructor(library: KernelLibrary) {
    this.library = library;
  }

  /** @param jobs the parameters of every job that will be computed */
  static async load(
    jobs: Iterable<{ readonly workload: Workload; readonly parameters: unknown }>,
  ): Promise<Programs> {
    const programs = new Programs(readModules());
    for (const { workload, parameters } of jobs) await programs.#add(workload, parameters);
    // What the workers' self-tests compute.
    for (const workload of simulatedWorkloads.values()) {
      for (const sample of workload.samples) {
        await programs.#add(workload, workload.parameters.parse(sample.parameters));
      }
    }
    return programs;
  }

  async #add(workload: Workload, parameters: unknown): Promise<void> {
    const kernels = workload.kernels(parameters);
    const words = workload.parameterWords(parameters);
    const { cpu } = this.library.hashesOf(kernels);
    const loaded = this.#loaded.get(words) ?? new Map<string, CpuProgram>();
    this.#loaded.set(words, loaded);
    if (!loaded.has(cpu)) loaded.set(cpu, await CpuProgram.load(this.#module(cpu), words));
  }

  #module(sha256: string): Uint8Array<ArrayBuffer> {
    const kernel = this.library.find(sha256);
    if (kernel === undefined) throw new Error(`no kernel ${sha256}`);
    return new Uint8Array(kernel.bytes);
  }

  find(sha256: string, parameterWords: Uint32Array): CpuProgram {
    const program = this.#loaded.get(parameterWords)?.get(sha256);
    if (program === undefined) throw new Error('a job of the simulation was not loaded beforehand');
    return program;
  }

  /** The exact aggregate of any range. */
  compute(workload: Workload, parameters: unknown, range: Range): unknown {
    const { cpu } = this.library.hashesOf(workload.kernels(parameters));
    const program = this.find(cpu, workload.parameterWords(parameters));
    return computeCpu(workload, parameters, program, range);
  }
}

/** The CPU kernels as they are built. Simulated workers have no GPU: its kernels are names here. */
function readModules(): KernelLibrary {
  const kernels = new Map<string, Kernel>();
  for (const workload of simulatedWorkloads.values()) {
    for (const { gpu, cpu } of workload.allKernels) {
      kernels.set(gpu.source, { bytes: Buffer.from(gpu.source), contentType: 'text/wgsl' });
      const bytes = readFileSync(join(MODULES, cpu.module));
      kernels.set(cpu.module, { bytes, contentType: 'application/wasm' });
    }
  }
  return new KernelLibrary(kernels);
}
