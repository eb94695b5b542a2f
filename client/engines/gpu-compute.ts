/**
 * One range on a GPU, tile by tile, without a worker around it: what conformance tests, benchmarks and people
 * who write a kernel call. In Node:
 *
 *     const gpu = await GpuDevice.open(adapter, () => performance.now());
 *     const aggregate = await computeGpu(workload, p, { gpu, wgsl, cpu }, range, tileLength);
 */
import type { Range } from '../../protocol/range.ts';
import { cutTiles, rangeLength } from '../../protocol/range.ts';
import type { PipelineConstants, Workload } from '../../protocol/workload.ts';
import type { RangeProgram } from '../../shaders/lib/cpu-kernel.ts';
import { computeCpu } from '../../shaders/lib/cpu-kernel.ts';
import type { GpuDevice } from './gpu-device.ts';
import { extendByWords, probeOf } from './gpu-piece.ts';
import { GpuProgram } from './gpu-program.ts';

export interface GpuComputeParts {
  readonly gpu: GpuDevice;
  /** The assembled text of `workload.kernels(p).gpu`. */
  readonly wgsl: string;
  /** Computes claims and what is handed back. */
  readonly cpu: RangeProgram;
  /** One of the kernel's tunings; absent: the conservative one. */
  readonly tuning?: PipelineConstants;
  /** Called after each dispatch, for measuring. */
  readonly onDispatch?: (units: bigint, elapsed_ms: number) => void;
}

/**
 * The exact aggregate of `range`. Every dispatch carries the probe; it is compared with the CPU's answer.
 * @param tileLength units per piece; cut further where the kernel takes less
 * @throws GpuFault, KernelFault
 */
export async function computeGpu<P, T, A>(
  workload: Workload<P, T, A>,
  p: P,
  parts: GpuComputeParts,
  range: Range,
  tileLength: bigint,
): Promise<A> {
  const { gpu: kernel } = workload.kernels(p);
  const exact = (part: Range) => Promise.resolve(computeCpu(workload, p, parts.cpu, part));
  const program = await GpuProgram.build(parts.gpu, {
    kernel,
    wgsl: parts.wgsl,
    parameterWords: workload.parameterWords(p),
    constants: workload.gpuConstants(p),
    probe: probeOf(workload, p, exact),
  });
  try {
    const most = BigInt(kernel.maxPieceLength);
    let aggregate = workload.empty(p);
    let pieces: Range[] = [];
    const flush = async () => {
      const { words, elapsed_ms } = await program.dispatch(pieces, 0, parts.tuning);
      parts.onDispatch?.(
        pieces.reduce((sum, piece) => sum + rangeLength(piece), 0n),
        elapsed_ms,
      );
      for (const [index, piece] of pieces.entries()) {
        const found = words[index];
        if (found === undefined) throw new RangeError('a dispatch gave fewer words than pieces');
        aggregate = await extendByWords(workload, p, aggregate, piece, found, exact);
      }
      pieces = [];
    };
    for (const piece of cutTiles(range, tileLength < most ? tileLength : most)) {
      pieces.push(piece);
      if (pieces.length === Math.min(program.maxPieces, 16)) await flush();
    }
    if (pieces.length > 0) await flush();
    return aggregate;
  } finally {
    program.destroy();
  }
}
