/** The kernels of this machine's engines against the plain reference, in one process. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { computeGpu } from '../../client/engines/gpu-compute.ts';
import { GpuDevice } from '../../client/engines/gpu-device.ts';
import { openDawn } from '../../client/node/dawn.ts';
import type { Range } from '../../protocol/range.ts';
import type { Workload } from '../../protocol/workload.ts';
import { assembleWgsl } from '../../shaders/lib/assemble.ts';
import { computeCpu, CpuProgram } from '../../shaders/lib/cpu-kernel.ts';
import { workloads } from '../../shaders/registry.ts';
import { KERNELS } from '../load/tiny-batches.ts';
import type { Figure, Report } from '../report.ts';
import { CASES, type Case } from './cases.ts';

const SHADERS = join(import.meta.dirname, '..', '..', 'shaders');

/** @param seconds for each figure */
export async function benchCpu(seconds: number, signal: AbortSignal): Promise<Report> {
  const figures: Figure[] = [];
  for (const test of CASES) {
    signal.throwIfAborted();
    const { workload, p, program } = await prepare(test);
    const kernel = await ratePerSecond(test, test.tile, seconds, (range) => {
      computeCpu(workload, p, program, range);
    });
    const plain = await ratePerSecond(test, test.referenceTile, seconds / 2, (range) => {
      workload.reference(p, range);
    });
    figures.push({
      what: test.what,
      value: kernel,
      unit: `${workload.unit}/s`,
      note: `${(kernel / plain).toFixed(0)} x the plain reference`,
    });
  }
  return { title: 'CPU kernels, one core', figures };
}

/** @returns one report per adapter; none without a GPU */
export async function benchGpus(software: boolean, seconds: number, signal: AbortSignal): Promise<Report[]> {
  const { adapters } = await openDawn({ software });
  const reports: Report[] = [];
  for (const adapter of adapters) {
    const opened = await adapter.gpu.requestAdapter();
    if (opened === null) continue;
    const gpu = await GpuDevice.open(opened, () => performance.now());
    try {
      const figures: Figure[] = [];
      for (const test of CASES) {
        signal.throwIfAborted();
        figures.push(await benchGpu(test, gpu, seconds));
      }
      reports.push({ title: `GPU: ${adapter.name}${adapter.software ? ' (software)' : ''}`, figures });
    } finally {
      gpu.close();
    }
  }
  return reports;
}

/** Rate of the dispatches alone, and with the CPU's share of the work. */
async function benchGpu(test: Case, gpu: GpuDevice, seconds: number): Promise<Figure> {
  const { workload, p, program } = await prepare(test);
  const { source } = workload.kernels(p).gpu;
  const wgsl = assembleWgsl(source, (path) => readFileSync(join(SHADERS, path), 'utf8'));
  let units = 0;
  let elapsed_ms = 0;
  const onDispatch = (length: bigint, ms: number) => {
    units += Number(length);
    elapsed_ms += ms;
  };
  const run = (range: Range, tile: bigint) =>
    computeGpu(workload, p, { gpu, wgsl, cpu: program, onDispatch }, range, tile);
  // Pieces grow until a batch takes long enough to be measured; each call builds the pipeline anew.
  let tile = workload.tileLimits(p).min;
  for (;;) {
    units = 0;
    elapsed_ms = 0;
    const range = { start: test.start, end: test.start + tile * 16n };
    await run(range, tile);
    if (elapsed_ms >= seconds * 1000 || tile * 4n > workload.tileLimits(p).max) break;
    tile *= elapsed_ms < (seconds * 1000) / 8 ? 4n : 2n;
  }
  return {
    what: test.what,
    value: units / (elapsed_ms / 1000),
    unit: `${workload.unit}/s`,
    note: 'in dispatches',
  };
}

async function prepare(test: Case): Promise<{ workload: Workload; p: unknown; program: CpuProgram }> {
  const workload = workloads.get(test.type);
  if (workload === undefined) throw new Error(`no workload ${test.type}`);
  const p = workload.parameters.parse(test.parameters);
  const module = readFileSync(join(KERNELS, workload.kernels(p).cpu.module));
  return { workload, p, program: await CpuProgram.load(module, workload.parameterWords(p)) };
}

/** Units per second of CPU time: the best of what fits into `seconds`, since a busy machine only makes it slower. */
async function ratePerSecond(
  { start }: Case,
  length: bigint,
  seconds: number,
  compute: (range: Range) => void,
): Promise<number> {
  const until = performance.now() + seconds * 1000;
  let best = 0;
  let at = start;
  do {
    // A burst of calls as long as the clock of CPU time needs to be exact.
    const before = process.cpuUsage();
    let units = 0n;
    let used: number;
    do {
      compute({ start: at, end: at + length });
      at += length;
      units += length;
      const { user, system } = process.cpuUsage(before);
      used = (user + system) / 1e6;
    } while (used < 0.05);
    best = Math.max(best, Number(units) / used);
    await new Promise((resolve) => setImmediate(resolve));
  } while (performance.now() < until);
  return best;
}
