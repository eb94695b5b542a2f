/** Batches of a few numbers, computed by the real kernel: what the load generator submits is right. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lease } from '../../protocol/messages.ts';
import type { Workload } from '../../protocol/workload.ts';
import { computeCpu, CpuProgram } from '../../shaders/lib/cpu-kernel.ts';
import { workloads } from '../../shaders/registry.ts';

export const KERNELS = join(import.meta.dirname, '..', '..', 'build', 'kernels');

interface Prepared {
  readonly workload: Workload;
  readonly parameters: unknown;
  readonly program: CpuProgram;
}

export class TinyBatches {
  readonly #prepared = new Map<string, Promise<Prepared>>();

  /** The encoded aggregate of a lease's whole range. */
  async compute({ type, parameters, start, end, job_id }: Lease): Promise<unknown> {
    let prepared = this.#prepared.get(job_id);
    if (prepared === undefined) {
      prepared = prepare(type, parameters);
      this.#prepared.set(job_id, prepared);
    }
    const { workload, parameters: p, program } = await prepared;
    return workload.encode(p, computeCpu(workload, p, program, { start: BigInt(start), end: BigInt(end) }));
  }
}

async function prepare(type: string, json: Lease['parameters']): Promise<Prepared> {
  const workload = workloads.get(type);
  if (workload === undefined) throw new Error(`a lease of an unknown workload: ${type}`);
  const parameters = workload.parameters.parse(json);
  const module = readFileSync(join(KERNELS, workload.kernels(parameters).cpu.module));
  return {
    workload,
    parameters,
    program: await CpuProgram.load(module, workload.parameterWords(parameters)),
  };
}
