/** WGSL to pipelines. Drivers take up to seconds for it, so a kernel is compiled once per device, not once per job. */
import type { GpuKernel, PipelineConstants } from '../../protocol/workload.ts';
import { variantOf } from '../../shaders/lib/assemble.ts';
import type { GpuDevice } from './gpu-device.ts';
import { messageOf } from './gpu-device.ts';
import { GpuFault } from './gpu-fault.ts';

/** The flag of the specification, by value: as a global it exists only where a page or Dawn put it. */
const COMPUTE = 0x4;
/** The bindings of every kernel, see protocol/workload.ts. */
const BINDINGS = [
  'read-only-storage',
  'read-only-storage',
  'storage',
  'read-only-storage',
  'storage',
] as const;
const MAX_KERNELS = 16;

export interface CompiledKernel {
  /** One per entry point. */
  readonly pipelines: readonly GPUComputePipeline[];
  readonly layout: GPUBindGroupLayout;
}

const compiled = new WeakMap<GpuDevice, Map<string, Promise<CompiledKernel>>>();

/**
 * @param constants of the text's `override`s and conditions: each set of values gives pipelines of its own
 * @throws GpuFault: `compile` with the driver's messages
 */
export function compiledKernel(
  gpu: GpuDevice,
  kernel: GpuKernel,
  wgsl: string,
  constants: PipelineConstants,
): Promise<CompiledKernel> {
  const kept = compiled.get(gpu) ?? new Map<string, Promise<CompiledKernel>>();
  compiled.set(gpu, kept);
  const key = `${kernel.entryPoints.join(' ')} ${JSON.stringify(constants)}\n${wgsl}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const made = compile(gpu, kernel, wgsl, constants);
  for (const oldest of kept.keys()) {
    if (kept.size < MAX_KERNELS) break;
    kept.delete(oldest);
  }
  kept.set(key, made);
  made.catch(() => kept.delete(key));
  return made;
}

async function compile(
  gpu: GpuDevice,
  kernel: GpuKernel,
  wgsl: string,
  constants: PipelineConstants,
): Promise<CompiledKernel> {
  const { device } = gpu;
  gpu.assertAlive();
  const variant = variantOf(wgsl, constants);
  const module = await compileModule(gpu, kernel, variant.wgsl);
  const layout = await gpu.checked('bind group layout', () =>
    device.createBindGroupLayout({
      entries: BINDINGS.map((type, binding) => ({ binding, visibility: COMPUTE, buffer: { type } })),
    }),
  );
  const pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [layout] });
  const pipelines: GPUComputePipeline[] = [];
  for (const entryPoint of kernel.entryPoints) {
    try {
      const compute = { module, entryPoint, constants: variant.constants };
      pipelines.push(await device.createComputePipelineAsync({ layout: pipelineLayout, compute }));
    } catch (cause) {
      gpu.assertAlive();
      throw new GpuFault('compile', `${kernel.source}, entry point ${entryPoint}: ${messageOf(cause)}`);
    }
  }
  return { pipelines, layout };
}

async function compileModule(gpu: GpuDevice, kernel: GpuKernel, wgsl: string): Promise<GPUShaderModule> {
  // The scope only keeps the error off the log: the messages below say the same with their lines.
  gpu.device.pushErrorScope('validation');
  const module = gpu.device.createShaderModule({ code: wgsl, label: kernel.source });
  await gpu.device.popErrorScope();
  const errors = (await module.getCompilationInfo()).messages.filter(({ type }) => type === 'error');
  if (errors.length === 0) return module;
  const lines = errors.map(({ lineNum, linePos, message }) => `${lineNum}:${linePos} ${message}`);
  throw new GpuFault('compile', `${kernel.source}: ${lines.join('; ')}`);
}
