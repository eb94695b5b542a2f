/**
 * Known answers before a device's results are sent: each kernel computes its workload's probe on this very engine, and
 * must agree with the plain reference, before the first batch that needs it begins. Drivers have been seen that run
 * every program and give wrong numbers.
 *
 * Each when it is first leased, not all before the first lease: software adapters compile each of them for seconds, and
 * most workers of an hour compute one kernel.
 */
import { isGpuKind } from '../protocol/messages.ts';
import type { Workload } from '../protocol/workload.ts';
import type { Batch, BatchEnd, Engine } from './engines/engine.ts';
import type { KernelSource } from './kernel-source.ts';

/** `finished`: proven. `failed`: the device computes it wrongly, or not at all. */
export type Proof = BatchEnd;

export class KernelProofs {
  readonly #engine: Engine;
  readonly #proofs = new Map<string, Promise<Proof>>();
  #running = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** A known answer is computed now. */
  get running(): boolean {
    return this.#running > 0;
  }

  /** Of the kernels of this batch; computed once. Never rejects. */
  of(batch: Batch): Promise<Proof> {
    const { cpu, gpu } = batch.kernels;
    const key = `${cpu.sha256} ${gpu?.sha256 ?? ''}`;
    const known = this.#proofs.get(key);
    if (known !== undefined) return known;
    const proof = this.#prove(batch);
    this.#proofs.set(key, proof);
    void proof.then(({ how }) => {
      // A device that was lost on the way has told nothing of the kernel.
      if (how === 'stopped' || how === 'device_lost') this.#proofs.delete(key);
    });
    return proof;
  }

  async #prove(batch: Batch): Promise<Proof> {
    this.#running++;
    try {
      return await runProbe(this.#engine, probeBatch(batch));
    } catch (error) {
      return { how: 'failed', message: error instanceof Error ? error.message : String(error) };
    } finally {
      this.#running--;
    }
  }
}

/**
 * Workloads that this worker may be leased: those for whose kernels the coordinator has the sources that this code is
 * written for.
 * @throws if the coordinator can't be reached: try again
 */
export async function leasable(
  workloads: Iterable<Workload>,
  kernels: KernelSource,
): Promise<{ readonly type: string; readonly version: number }[]> {
  const index = await kernels.index();
  const known = new Set(index.kernels.map(({ source }) => source));
  return [...workloads]
    .filter(({ allKernels }) =>
      allKernels.every(({ cpu, gpu }) => known.has(cpu.module) && known.has(gpu.source)),
    )
    .map(({ type, version }) => ({ type, version }));
}

/** With a sample's parameters: the plain reference takes long for some that a stranger may choose. */
function probeBatch({ workload, parameters, kernels }: Batch): Batch {
  const wanted = workload.kernels(parameters);
  for (const sample of workload.samples) {
    const parsed = workload.parameters.safeParse(sample.parameters);
    if (!parsed.success) continue;
    const chosen = workload.kernels(parsed.data);
    if (chosen.cpu.module !== wanted.cpu.module || chosen.gpu.source !== wanted.gpu.source) continue;
    const range = workload.probe(parsed.data);
    const tileLength = range.end - range.start;
    return { id: `probe ${workload.type}`, workload, parameters: parsed.data, range, tileLength, kernels };
  }
  throw new Error(`workload ${workload.type} has no sample for its kernel ${wanted.cpu.module}`);
}

async function runProbe(engine: Engine, batch: Batch): Promise<Proof> {
  const { workload, parameters, range } = batch;
  const source = isGpuKind(engine.kind)
    ? workload.kernels(parameters).gpu.source
    : workload.kernels(parameters).cpu.module;
  const run = engine.start(batch);
  const end = await run.ended;
  if (end.how === 'failed') return { how: 'failed', message: `self-test, ${source}: ${end.message}` };
  if (end.how !== 'finished') return end;
  const text = (aggregate: unknown) => JSON.stringify(workload.encode(parameters, aggregate));
  const expected = text(workload.reference(parameters, range));
  if (text(run.prefix().aggregate) === expected) return end;
  const message = `self-test, ${source}: the device computes [${range.start}, ${range.end}) wrongly`;
  return { how: 'failed', message };
}
