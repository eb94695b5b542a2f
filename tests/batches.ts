/** Batches with the real kernels, for tests of engines and workers. */
import { join } from 'node:path';
import type { Batch, LoadedKernel } from '../client/engines/engine.ts';
import { readKernels } from '../coordinator/kernels.ts';
import type { KernelLibrary } from '../coordinator/kernels.ts';
import type { Range } from '../protocol/range.ts';
import { CpuProgram, computeCpu } from '../shaders/lib/cpu-kernel.ts';
import { workloads } from '../shaders/registry.ts';
import { buildKernels, KERNEL_FOLDER } from '../scripts/build-kernels.ts';

await buildKernels();

const libraries = new Map<string, KernelLibrary>();

/** The kernels of one workload. */
export function libraryOf(type: string): KernelLibrary {
  const workload = workloads.get(type);
  if (workload === undefined) throw new Error(`no workload ${type}`);
  const library =
    libraries.get(type) ?? readKernels([workload], join(import.meta.dirname, '../shaders'), KERNEL_FOLDER);
  libraries.set(type, library);
  return library;
}

/** A kernel as a worker gets it. */
export function loadedKernel(type: string, sha256: string): LoadedKernel {
  const kernel = libraryOf(type).find(sha256);
  if (kernel === undefined) throw new Error(`no kernel ${sha256}`);
  return { sha256, bytes: new Uint8Array(kernel.bytes) };
}

/** @param parameters as in a submit body */
export function makeBatch(
  type: string,
  parameters: Record<string, string | number>,
  options: { readonly id?: string; readonly range?: Range; readonly tileLength: bigint },
): Batch {
  const workload = workloads.get(type);
  if (workload === undefined) throw new Error(`no workload ${type}`);
  const p = workload.parameters.parse(parameters);
  const { gpu, cpu } = libraryOf(type).hashesOf(workload.kernels(p));
  return {
    id: options.id ?? 'batch',
    workload,
    parameters: p,
    range: options.range ?? workload.range(p),
    tileLength: options.tileLength,
    kernels: { gpu: loadedKernel(type, gpu), cpu: loadedKernel(type, cpu) },
  };
}

/** The canonical text of an aggregate of the batch. */
export function encoded(batch: Batch, aggregate: unknown): string {
  return JSON.stringify(batch.workload.encode(batch.parameters, aggregate));
}

/** What the batch's range, or a part of it, must give: by the CPU kernel, in this thread, without an engine. */
export async function computed(batch: Batch, range: Range = batch.range): Promise<unknown> {
  const { workload, parameters, kernels } = batch;
  const program = await CpuProgram.load(kernels.cpu.bytes, workload.parameterWords(parameters));
  return computeCpu(workload, parameters, program, range);
}

/** The same as canonical text. */
export async function expected(batch: Batch, range: Range = batch.range): Promise<string> {
  return encoded(batch, await computed(batch, range));
}
