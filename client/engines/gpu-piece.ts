/** How the words of a GPU become part of an aggregate, with the CPU's help where the kernel asks for it. */
import type { Range } from '../../protocol/range.ts';
import type { Workload } from '../../protocol/workload.ts';
import type { Probe } from './gpu-program.ts';
import { GpuFault } from './gpu-fault.ts';

/** The exact aggregate of a range, by a CPU engine. */
export type Exact<A> = (range: Range) => Promise<A>;

/**
 * `before` (the aggregate of all earlier pieces of the batch) extended by one piece.
 * @throws KernelFault if the words can't be that kernel's
 */
export async function extendByWords<P, T, A>(
  workload: Workload<P, T, A>,
  p: P,
  before: A,
  piece: Range,
  words: Uint32Array,
  exact: Exact<A>,
): Promise<A> {
  const tile = workload.decodeGpu(p, piece, words);
  if (tile === undefined) return workload.fold(p, before, await exact(piece));
  const answers = await Promise.all(workload.claims(p, before, tile).map(exact));
  return workload.extend(p, before, tile, answers);
}

export interface WorkloadProbe extends Probe {
  /**
   * Asks the CPU engine for the answer now, not when the GPU's is there: its thread starts and makes its tables, half a
   * second for verify, while the GPU's are made and its kernel is compiled.
   */
  begin(): void;
}

/** The known answer of a workload: its probe, computed once by the CPU engine. */
export function probeOf<P, T, A>(workload: Workload<P, T, A>, p: P, exact: Exact<A>): WorkloadProbe {
  const range = workload.probe(p);
  let expected: Promise<string> | undefined;
  const expect = () => (expected ??= exact(range).then((a) => JSON.stringify(workload.encode(p, a))));
  return {
    range,
    begin() {
      // Whoever proves hears of it.
      expect().catch(() => undefined);
    },
    async prove(words) {
      const tile = workload.decodeGpu(p, range, words);
      // A kernel that hands back the whole probe has not been tested by it.
      if (tile === undefined)
        throw new GpuFault('wrong_answer', `${workload.type}: the GPU did not compute the probe`);
      const found = await extendByWords(workload, p, workload.empty(p), range, words, exact);
      if (JSON.stringify(workload.encode(p, found)) !== (await expect())) {
        throw new GpuFault(
          'wrong_answer',
          `${workload.type}: the GPU's answer to the probe differs from the CPU's`,
        );
      }
    },
  };
}
