/**
 * Known answers before a device gets work: every kernel that the coordinator leases computes its workload's
 * probe on this very engine, and must agree with the plain reference. Drivers have been seen that run every
 * program and give wrong numbers.
 */
import type { KernelIndex } from '../protocol/kernels.ts';
import type { Kernels, Workload } from '../protocol/workload.ts';
import { isGpuKind } from '../protocol/messages.ts';
import type { Batch, Engine } from './engines/engine.ts';
import type { KernelSource } from './kernel-source.ts';

export interface SelfTestResult {
  /** Workloads that this engine may be given. */
  readonly fit: readonly { readonly type: string; readonly version: number }[];
  /** Why the device is not fit for any; undefined if all passed. */
  readonly failure: string | undefined;
}

/** @throws if the kernels can't be fetched: try again */
export async function selfTest(
  engine: Engine,
  workloads: Iterable<Workload>,
  kernels: KernelSource,
): Promise<SelfTestResult> {
  const index = await kernels.index();
  const fit: { type: string; version: number }[] = [];
  for (const workload of workloads) {
    let leased = true;
    for (const one of workload.allKernels) {
      const batch = await probeBatch(engine, workload, one, index, kernels);
      if (batch === undefined) {
        leased = false;
        continue;
      }
      const failure = await runProbe(engine, batch);
      if (failure !== undefined) return { fit: [], failure: `self-test, ${one.cpu.module}: ${failure}` };
    }
    if (leased) fit.push({ type: workload.type, version: workload.version });
  }
  return { fit, failure: undefined };
}

/** Undefined if the coordinator does not lease this kernel. */
async function probeBatch(
  engine: Engine,
  workload: Workload,
  wanted: Kernels,
  index: KernelIndex,
  kernels: KernelSource,
): Promise<Batch | undefined> {
  const hashOf = (source: string) => index.kernels.find((kernel) => kernel.source === source)?.sha256;
  const cpu = hashOf(wanted.cpu.module);
  const gpu = hashOf(wanted.gpu.source);
  if (cpu === undefined || gpu === undefined) return undefined;
  for (const sample of workload.samples) {
    const parsed = workload.parameters.safeParse(sample.parameters);
    if (!parsed.success) continue;
    const chosen = workload.kernels(parsed.data);
    if (chosen.cpu.module !== wanted.cpu.module || chosen.gpu.source !== wanted.gpu.source) continue;
    const range = workload.probe(parsed.data);
    return {
      id: `self-test ${workload.type}`,
      workload,
      parameters: parsed.data,
      range,
      tileLength: range.end - range.start,
      kernels: {
        cpu: await kernels.load(cpu),
        gpu: isGpuKind(engine.kind) ? await kernels.load(gpu) : undefined,
      },
    };
  }
  throw new Error(`workload ${workload.type} has no sample for its kernel ${wanted.cpu.module}`);
}

async function runProbe(engine: Engine, batch: Batch): Promise<string | undefined> {
  const { workload, parameters, range } = batch;
  const run = engine.start(batch);
  const end = await run.ended;
  switch (end.how) {
    case 'stopped':
      return 'it was stopped';
    case 'failed':
    case 'device_lost':
      return end.message;
    case 'finished': {
      const text = (aggregate: unknown) => JSON.stringify(workload.encode(parameters, aggregate));
      const expected = text(workload.reference(parameters, range));
      return text(run.prefix().aggregate) === expected
        ? undefined
        : `the device computes [${range.start}, ${range.end}) wrongly`;
    }
  }
}
