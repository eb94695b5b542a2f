/**
 * One opened GPU. Together with gpu-program.ts the only place that holds a GPUDevice; where the GPU comes from
 * (a browser's navigator.gpu, Dawn) is its caller's business: it hands in a GPUAdapter.
 *
 * Whoever opens an adapter through Dawn must keep the object that `create([])` returned referenced for as
 * long as the device lives: once it is collected, the process crashes.
 */
import { GpuFault } from './gpu-fault.ts';

/** Limits that are asked for up to what the adapter has; all others stay WebGPU's defaults. */
const WANTED_LIMITS = { maxStorageBufferBindingSize: 1 << 30, maxBufferSize: 1 << 30 } as const;
const SCOPES = [
  { filter: 'out-of-memory', kind: 'out_of_memory' },
  { filter: 'internal', kind: 'validation' },
  { filter: 'validation', kind: 'validation' },
] as const;
const SOFTWARE = /llvmpipe|lavapipe|swiftshader|softpipe|basic render|warp/i;

/** What an adapter says of itself; empty strings become null. */
export interface AdapterDescription {
  readonly description: string;
  readonly vendor: string | null;
  readonly backend: string | null;
  /** A software rasteriser on the CPU: it runs the real kernels, several times slower than WebAssembly. */
  readonly software: boolean;
}

/** @param backend Vulkan, Metal, D3D12 … where the host knows it; WebGPU does not tell. */
export function describeAdapter(adapter: GPUAdapter, backend: string | null = null): AdapterDescription {
  const { vendor, architecture, device, description } = adapter.info;
  const words = [description, device, architecture, vendor].filter((word) => word !== '');
  const fallback = adapter.info.isFallbackAdapter;
  return {
    description: (words[0] ?? 'GPU').slice(0, 200),
    vendor: vendor === '' ? null : vendor.slice(0, 100),
    backend: backend?.slice(0, 100) ?? null,
    software: fallback || words.some((word) => SOFTWARE.test(word)),
  };
}

/** What runs between `open` and `close`. */
export class GpuDevice {
  readonly device: GPUDevice;
  /** Resolves, never rejects, when the device is lost or closed. */
  readonly lost: Promise<GpuFault>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Given where waiting for the GPU costs CPU time; see gpu-program.ts. */
  readonly sleep: ((ms: number) => Promise<void>) | undefined;
  #fault: GpuFault | undefined;

  private constructor(device: GPUDevice, now: () => number, sleep?: (ms: number) => Promise<void>) {
    this.device = device;
    this.now = now;
    this.sleep = sleep;
    this.lost = device.lost.then((info) => {
      const why = info.message === '' ? info.reason : info.message;
      this.#fault ??= new GpuFault('lost', `the GPU device was lost: ${why}`);
      return this.#fault;
    });
  }

  /** An adapter gives one device; open a fresh adapter for the next. @throws GpuFault `lost` */
  static async open(
    adapter: GPUAdapter,
    now: () => number,
    sleep?: (ms: number) => Promise<void>,
  ): Promise<GpuDevice> {
    const requiredLimits: Record<string, number> = {};
    for (const [name, wanted] of Object.entries(WANTED_LIMITS)) {
      const has: unknown = Reflect.get(adapter.limits, name);
      if (typeof has === 'number') requiredLimits[name] = Math.min(has, wanted);
    }
    const requiredFeatures: GPUFeatureName[] = adapter.features.has('timestamp-query')
      ? ['timestamp-query']
      : [];
    try {
      const device = await adapter.requestDevice({ requiredLimits, requiredFeatures });
      return new GpuDevice(device, now, sleep);
    } catch (error) {
      throw new GpuFault('lost', `the adapter gives no device: ${messageOf(error)}`);
    }
  }

  /** Whether passes can be timed by the device's own clock. */
  get hasTimestamps(): boolean {
    return this.device.features.has('timestamp-query');
  }

  /** @throws GpuFault if the device is gone */
  assertAlive(): void {
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** Calls `create` under error scopes: what WebGPU reports out of line becomes a GpuFault. */
  async checked<R>(what: string, create: () => R): Promise<R> {
    this.assertAlive();
    for (const scope of SCOPES) this.device.pushErrorScope(scope.filter);
    let value: R;
    let popped: Promise<PromiseSettledResult<GPUError | null>[]> | undefined;
    try {
      value = create();
    } catch (error) {
      throw new GpuFault('validation', `${what}: ${messageOf(error)}`);
    } finally {
      // Scopes are a stack: all are popped before anything is awaited, so that calls may overlap.
      popped = Promise.allSettled(SCOPES.map(() => this.device.popErrorScope()));
    }
    const errors = (await popped).reverse();
    this.assertAlive();
    for (const [index, scope] of SCOPES.entries()) {
      const error = errors[index];
      if (error?.status === 'rejected') throw new GpuFault('lost', `${what}: ${messageOf(error.reason)}`);
      if (error?.value) throw new GpuFault(scope.kind, `${what}: ${error.value.message}`);
    }
    return value;
  }

  /** Gives the device back. What is still running on it fails with `lost`. */
  close(): void {
    this.#fault ??= new GpuFault('lost', 'the GPU device was closed');
    this.device.destroy();
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
