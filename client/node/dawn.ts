/**
 * Opens Dawn (the npm package `webgpu`) and lists every adapter that it has, as an injectable `GPU` each.
 *
 * Facts about webgpu 0.6.2, all seen in experiments:
 * - The object that `create()` returns must stay referenced: once it is collected, the next call on a device
 *   crashes the process (SIGSEGV). So this module keeps them all. A kept one does not keep the process alive.
 * - WebGPU has no call that lists adapters. `create(['adapter=<no such name>'])` does: its rejection names
 *   them all. `adapter=` then takes the first whose name contains the given text.
 * - An adapter makes one device only ("consumed" afterwards); ask `gpu.requestAdapter()` anew for another.
 * - While a promise of Dawn's is pending it polls, with a whole core of the calling thread: see dawn-polls.ts.
 * - In worker_threads Dawn works, but terminate() with a promise pending aborts the whole process, and
 *   process.env is a copy there, so that the Vulkan loader does not see what is set: call `prepareVulkan` in
 *   the main thread first. One process per GPU is safer.
 */
import { isMainThread } from 'node:worker_threads';
import { paceDawnPolls } from './dawn-polls.ts';
import { describeProblem, type GpuProblem } from './gpu-problem.ts';
import { loadSharedLibraries, loadSharedLibrary } from './shared-library.ts';
import {
  findSoftwareAdapter,
  USER_DRIVER_VARIABLES,
  type SoftwareAdapterLookup,
} from './software-adapter.ts';

export interface DawnAdapter {
  /** Stable across runs on the same machine and driver: backend and the driver's name for the device. */
  readonly id: string;
  readonly name: string;
  readonly backend: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** Computes on the CPU (lavapipe, SwiftShader, WARP). */
  readonly software: boolean;
  readonly limits: GPUSupportedLimits;
  /** Its `requestAdapter()` gives this adapter, and a fresh one at each call. */
  readonly gpu: GPU;
}

export interface Dawn {
  readonly adapters: readonly DawnAdapter[];
  /** Why `adapters` is empty. */
  readonly problem?: GpuProblem;
  /** Adapters that exist but can't be chosen, because another's name contains theirs (two equal cards). */
  readonly unreachable: readonly string[];
}

export interface DawnOptions {
  /** Look for an installed software adapter and list software adapters too; else hardware only. */
  readonly software: boolean;
  /** Further flags for Dawn, such as `enable-dawn-features=…`. */
  readonly flags?: readonly string[];
}

/** Never rejects for want of a GPU: `problem` then says what is missing and what to do. */
export async function openDawn(options: DawnOptions): Promise<Dawn> {
  const lookup = prepareVulkan(options);
  if (typeof lookup === 'string') return without('vulkan_missing', lookup);
  const dawn = await loadPackage();
  if ('problem' in dawn) return { adapters: [], unreachable: [], problem: dawn.problem };

  const flags = options.flags ?? [];
  const { reachable, unreachable } = choose(await listAdapters(dawn.create, flags));
  const opened: DawnAdapter[] = [];
  for (const listed of reachable) {
    const adapter = await openAdapter(dawn.create, listed, flags);
    if (adapter !== undefined) opened.push(adapter);
  }
  const adapters = opened.filter((adapter) => options.software || !adapter.software);
  if (adapters.length > 0) return { adapters, unreachable };
  if (opened.length > 0) return without('only_software', opened.map((adapter) => adapter.name).join(', '));
  return without('no_adapter', options.software ? (lookup.reason ?? '') : '');
}

/**
 * Makes the Vulkan loader, and with `software` a software driver, available to this process. It must run
 * before Dawn first looks for adapters. Returns a text if there is no Vulkan loader to be had.
 */
export function prepareVulkan(options: Pick<DawnOptions, 'software'>): SoftwareAdapterLookup | string {
  // Elsewhere Dawn uses Metal or D3D12, and lists Windows' software adapter (WARP) by itself.
  if (process.platform !== 'linux') return { reason: '' };
  const lookup = options.software ? findSoftwareAdapter() : { reason: '' };
  const { found } = lookup;
  const noLoader = loadSharedLibrary('libvulkan.so.1');
  if (found === undefined) return noLoader ?? lookup;

  const own = found.libraries.filter((file) => noLoader !== undefined || !/\/libvulkan\.so\.1$/.test(file));
  const failed = loadSharedLibraries(own);
  const stillNoLoader = noLoader === undefined ? undefined : loadSharedLibrary('libvulkan.so.1');
  if (stillNoLoader !== undefined) return [...failed.values(), stillNoLoader].join('; ');
  const decidedByUser = USER_DRIVER_VARIABLES.some((name) => process.env[name] !== undefined);
  if (isMainThread && !decidedByUser) Object.assign(process.env, found.env);
  return lookup;
}

type Create = (flags: string[]) => GPU;

const kept: GPU[] = [];

async function loadPackage(): Promise<{ create: Create } | { problem: GpuProblem }> {
  try {
    const { create, globals } = await import('webgpu');
    // GPUBufferUsage, GPUMapMode and the like, which a browser has globally.
    Object.assign(globalThis, globals);
    paceDawnPolls();
    return {
      create(flags) {
        const gpu = create(flags);
        kept.push(gpu);
        return gpu;
      },
    };
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    const detail = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return { problem: describeProblem(missing ? 'package_missing' : 'package_unusable', detail) };
  }
}

interface ListedAdapter {
  readonly backend: string;
  readonly name: string;
}

/** Contained in no device's name. */
const NO_SUCH_NAME = '\u0001no such adapter\u0001';

async function listAdapters(create: Create, flags: readonly string[]): Promise<ListedAdapter[]> {
  try {
    await create([...flags, `adapter=${NO_SUCH_NAME}`]).requestAdapter();
    return [];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const lines = message.matchAll(/^ \* backend: '([^']*)', name: '(.*)'$/gm);
    return Array.from(lines, ([, backend = '', name = '']) => ({ backend, name }));
  }
}

/** Best first; a card that several backends offer is used through the first of them only. */
const BACKENDS = ['metal', 'd3d12', 'vulkan', 'd3d11'];

function choose(listed: readonly ListedAdapter[]): { reachable: ListedAdapter[]; unreachable: string[] } {
  const reachable: ListedAdapter[] = [];
  const unreachable: string[] = [];
  const taken = new Set<string>();
  for (const backend of BACKENDS) {
    const here = listed.filter((adapter) => adapter.backend === backend && !taken.has(adapter.name));
    for (const [i, adapter] of here.entries()) {
      if (here.findIndex((other) => other.name.includes(adapter.name)) === i) reachable.push(adapter);
      else unreachable.push(adapter.name);
    }
    for (const { name } of here) taken.add(name);
  }
  return { reachable, unreachable };
}

async function openAdapter(
  create: Create,
  listed: ListedAdapter,
  flags: readonly string[],
): Promise<DawnAdapter | undefined> {
  const { backend, name } = listed;
  const gpu = create([...flags, `backend=${backend}`, `adapter=${name}`]);
  // A listed device can still be refused (too old a driver): then it is as if it were not there.
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (adapter === null) return undefined;
  const { vendor, architecture, device, description } = adapter.info;
  const software = adapter.info.isFallbackAdapter || SOFTWARE.test(`${name} ${architecture} ${description}`);
  const id = `${backend}/${device === '' ? name : device}`;
  return {
    id,
    name,
    backend,
    vendor,
    architecture,
    device,
    description,
    software,
    limits: adapter.limits,
    gpu,
  };
}

const SOFTWARE = /llvmpipe|lavapipe|swiftshader|\bwarp\b|basic render/i;

function without(kind: GpuProblem['kind'], detail: string): Dawn {
  return { adapters: [], unreachable: [], problem: describeProblem(kind, detail) };
}
