/** Opens the engine that the visitor chose, or the one that a short measurement finds faster. */
import { runsWebAssembly } from '../../../shaders/lib/webassembly.ts';
import { BackOff } from '../../back-off.ts';
import { CpuPool } from '../../engines/cpu-pool.ts';
import { inlineThread } from '../../engines/cpu-thread.ts';
import { CpuEngine } from '../../engines/cpu.ts';
import type { Duty } from '../../engines/duty.ts';
import type { Batch, Engine } from '../../engines/engine.ts';
import { describeAdapter } from '../../engines/gpu-device.ts';
import { GpuEngine } from '../../engines/gpu.ts';
import type { KernelSource } from '../../kernel-source.ts';
import { sleep } from '../../runtime.ts';
import { browserRuntime } from './browser-runtime.ts';
import { consoleLog } from './console-log.ts';
import type { ContributionDevice, ContributionEnd, ContributionOptions } from './contribution.ts';
import { webCpuPool } from './cpu-web-threads.ts';
import { measureRate, measuredSample } from './measure-engine.ts';
import { tuningCache } from './tuning-cache.ts';

/**
 * So long are a dispatch and a piece. Computing has to end within 100 ms of a Stop: two dispatches are in flight then,
 * and the piece that a CPU thread is at ends, because browsers end a thread between messages. Every busy thread makes
 * both longer, and the word of Stop later.
 */
const DISPATCH_MS = 40;
const PIECE_MS = 15;

export interface OpenedEngine {
  readonly engine: Engine;
  readonly device: ContributionDevice;
}

export interface EngineParts {
  readonly kernels: KernelSource;
  /** At most one engine computes at a time: it serves all. */
  readonly duty: Duty;
  /** The visitor has pressed Stop meanwhile. */
  readonly stopped: () => boolean;
}

export async function openEngine(
  options: Pick<ContributionOptions, 'engine' | 'threads'>,
  parts: EngineParts,
): Promise<OpenedEngine | ContributionEnd> {
  const { engine: choice, threads } = options;
  if (choice === 'cpu') return openCpu(threads, parts.duty);
  const { gpu } = navigator;
  if (gpu === undefined) {
    if (choice === 'auto') return openCpu(threads, parts.duty);
    return { problem: isSecureContext ? 'no_webgpu' : 'insecure', message: 'navigator.gpu is missing' };
  }
  const request = () => gpu.requestAdapter({ powerPreference: 'high-performance' });
  const adapter = await request();
  if (adapter === null) return { problem: 'no_adapter', message: 'requestAdapter() gave null' };
  const opened = await openGpu(adapter, request, parts.duty);
  if (choice === 'gpu') return opened;
  return faster(opened, threads, parts);
}

function openCpu(threads: number, duty: Duty): OpenedEngine {
  const web_assembly = runsWebAssembly();
  const device = {
    description: `${web_assembly ? 'WebAssembly' : 'JavaScript'}, ${threads === 1 ? '1 thread' : `${threads} threads`}`,
    vendor: null,
    backend: null,
    software: false,
    gpu_memory_mb: null,
    threads,
  };
  const engine = new CpuEngine({ kind: 'cpu', device, pool: webCpuPool(threads), duty, piece_ms: PIECE_MS });
  return {
    engine,
    device: { engine: 'cpu', name: '', threads, web_assembly, on_cpu: true, measured: false },
  };
}

async function openGpu(
  adapter: GPUAdapter,
  request: () => Promise<GPUAdapter | null>,
  duty: Duty,
): Promise<OpenedEngine> {
  const description = describeAdapter(adapter);
  const now = () => performance.now();
  const engine = new GpuEngine({
    kind: 'browser-gpu',
    device: { ...description, gpu_memory_mb: null, threads: 1 },
    adapter: request,
    cpu: new CpuPool(() => inlineThread(now), 1),
    runtime: browserRuntime,
    log: consoleLog,
    sleeps: false,
    duty,
    dispatch_ms: DISPATCH_MS,
    tunings: await tuningCache(`${description.vendor ?? ''} ${description.description}`),
  });
  const name = description.software ? `${description.description} (software)` : description.description;
  const device = { threads: 1, web_assembly: runsWebAssembly(), on_cpu: description.software };
  return { engine, device: { engine: 'gpu', name, ...device, measured: false } };
}

/** Both compute the same known sample for a moment; the slower one is closed. */
async function faster(gpu: OpenedEngine, threads: number, parts: EngineParts): Promise<OpenedEngine> {
  const { kernels, duty, stopped } = parts;
  const sample = await sampleOf(kernels, stopped);
  if (sample === undefined) return gpu;
  const limits = { held: () => duty.held, halted: stopped };
  const gpuRate = await measureRate(gpu.engine, sample, limits);
  const cpu = openCpu(threads, duty);
  const cpuRate = await measureRate(cpu.engine, sample, limits);
  consoleLog.info({ gpu: Math.round(gpuRate), cpu: Math.round(cpuRate) }, 'measured, in units per second');
  const [chosen, other] = gpuRate >= cpuRate ? [gpu, cpu] : [cpu, gpu];
  await other.engine.close();
  return { engine: chosen.engine, device: { ...chosen.device, measured: true } };
}

/** The kernels come from the coordinator, which may be away for a while. */
async function sampleOf(kernels: KernelSource, stopped: () => boolean): Promise<Batch | undefined> {
  const backOff = new BackOff(browserRuntime, { first_ms: 500, longest_ms: 15_000 });
  while (!stopped()) {
    try {
      return await measuredSample(kernels);
    } catch (error) {
      consoleLog.warn(
        {},
        `waiting for the coordinator: ${error instanceof Error ? error.message : String(error)}`,
      );
      await sleep(browserRuntime, backOff.next_ms());
    }
  }
  return undefined;
}
