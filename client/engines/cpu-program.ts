/**
 * A CPU kernel where it is to run: the coordinator's WebAssembly or, on a host that runs none, the page's own twin of
 * it in plain TypeScript. Twins are loaded only there: they are larger than all else that a CPU thread loads.
 *
 * A twin is the page's code, and so may be older than the coordinator's kernel of that name; a kernel comes from the
 * coordinator and can't be. It is refused as other old code is. What leaves a worker is an aggregate, and what a batch's
 * aggregate must be is `Workload.version`: it rises when kernels change their meaning, the handshake states it, and
 * only leases of that version are given and taken (scheduler/placement.ts, client/held-lease.ts). Within a version, all
 * kernels there ever were give the same aggregates. The words between kernel and `decodeCpu` may change within it; a
 * twin and the `decodeCpu` that reads it are of one build, so old words meet the old reader. And before its first
 * batch a twin, as every kernel, computes the known answers (client/kernel-proofs.ts).
 */
import { KernelFault } from '../../protocol/workload.ts';
import type { KernelTwin } from '../../protocol/workload.ts';
import type { RangeProgram } from '../../shaders/lib/cpu-kernel.ts';
import { CpuProgram } from '../../shaders/lib/cpu-kernel.ts';
import { runsWebAssembly } from '../../shaders/lib/webassembly.ts';

export interface CpuProgramParts {
  /** `CpuKernel.module`: by it the twin is found. */
  readonly module: string;
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** `Workload.parameterWords` */
  readonly parameterWords: Uint32Array;
}

/** @throws KernelFault if the kernel does not start, or has no twin where one is needed */
export async function openCpuProgram({
  module,
  wasm,
  parameterWords,
}: CpuProgramParts): Promise<RangeProgram> {
  if (runsWebAssembly()) return CpuProgram.load(wasm, parameterWords);
  const twin = (await loadTwins()).get(module);
  if (twin === undefined) {
    throw new KernelFault(`this host runs no WebAssembly, and the kernel ${module} has no twin without it`);
  }
  return { run: twin(parameterWords) };
}

async function loadTwins(): Promise<ReadonlyMap<string, KernelTwin>> {
  try {
    return (await import('../../shaders/twins.ts')).twins;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new KernelFault(`this host runs no WebAssembly, and the kernels' twins can't be loaded: ${reason}`);
  }
}
