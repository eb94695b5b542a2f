/** What a job's result is, computed here by the kernel in one go. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KERNELS } from '../../../cli/load/tiny-batches.ts';
import { cutTiles } from '../../../protocol/range.ts';
import { computeCpu, CpuProgram } from '../../../shaders/lib/cpu-kernel.ts';
import { workloads } from '../../../shaders/registry.ts';

const TILE = 1_000_000n;

/** @returns `result` of GET /api/results, of the whole job */
export async function undisturbed(
  type: string,
  parameters: Readonly<Record<string, string | number>>,
): Promise<unknown> {
  const workload = workloads.get(type);
  if (workload === undefined) throw new Error(`no workload ${type}`);
  const p = workload.parameters.parse(parameters);
  const module = readFileSync(join(KERNELS, workload.kernels(p).cpu.module));
  const program = await CpuProgram.load(module, workload.parameterWords(p));
  let tally = workload.empty(p);
  for (const tile of cutTiles(workload.range(p), TILE)) {
    tally = workload.fold(p, tally, computeCpu(workload, p, program, tile));
  }
  const json: unknown = JSON.parse(JSON.stringify(workload.result(p, tally)));
  return json;
}
