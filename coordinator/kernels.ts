/**
 * The kernels that this coordinator leases, by the SHA-256 of their bytes. Read once at the start: a kernel
 * that changes on disk while the coordinator runs does not change under a lease.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_KERNEL_BYTES } from '../protocol/kernels.ts';
import type { KernelIndex } from '../protocol/kernels.ts';
import type { Kernels, Workload } from '../protocol/workload.ts';
import { assembleWgsl } from '../shaders/lib/assemble.ts';
import { StartError } from './config.ts';

export interface Kernel {
  readonly bytes: Buffer;
  readonly contentType: string;
}

/** What a lease names: the SHA-256 of both kernels of a job. */
export interface KernelHashes {
  readonly gpu: string;
  readonly cpu: string;
}

export class KernelLibrary {
  readonly index: KernelIndex;
  readonly #byHash: ReadonlyMap<string, Kernel>;
  readonly #bySource: ReadonlyMap<string, string>;

  /** @param kernels by `GpuKernel.source` or `CpuKernel.module` */
  constructor(kernels: ReadonlyMap<string, Kernel>) {
    const hashed = [...kernels].map(([source, kernel]) => ({ source, kernel, hash: sha256(kernel.bytes) }));
    this.#byHash = new Map(hashed.map(({ hash, kernel }) => [hash, kernel]));
    this.#bySource = new Map(hashed.map(({ source, hash }) => [source, hash]));
    this.index = { kernels: hashed.map(({ source, hash }) => ({ source, sha256: hash })) };
  }

  find(hash: string): Kernel | undefined {
    return this.#byHash.get(hash);
  }

  /** @throws Error if the kernels are not of a workload that this library was read for */
  hashesOf(kernels: Kernels): KernelHashes {
    return { gpu: this.#hashOf(kernels.gpu.source), cpu: this.#hashOf(kernels.cpu.module) };
  }

  #hashOf(source: string): string {
    const hash = this.#bySource.get(source);
    if (hash === undefined) throw new Error(`no kernel ${source}: its workload must list it in allKernels`);
    return hash;
  }
}

/**
 * Reads all kernels of the workloads.
 * @param shadersDir holds the WGSL sources, @param modulesDir the compiled CPU kernels
 * @throws StartError kernels_missing
 */
export function readKernels(
  workloads: Iterable<Workload>,
  shadersDir: string,
  modulesDir: string,
): KernelLibrary {
  const kernels = new Map<string, Kernel>();
  const add = (source: string, contentType: string, read: () => Buffer): void => {
    if (kernels.has(source)) return;
    const bytes = load(source, read);
    kernels.set(source, { bytes, contentType });
  };
  const wgsl = (path: string) => readFileSync(join(shadersDir, path), 'utf8');
  for (const workload of workloads) {
    for (const { gpu, cpu } of workload.allKernels) {
      // text/wgsl is the media type that the WGSL specification registers.
      add(gpu.source, 'text/wgsl; charset=utf-8', () => Buffer.from(assembleWgsl(gpu.source, wgsl)));
      add(cpu.module, 'application/wasm', () => readFileSync(join(modulesDir, cpu.module)));
    }
  }
  return new KernelLibrary(kernels);
}

function load(source: string, read: () => Buffer): Buffer {
  let bytes: Buffer;
  try {
    bytes = read();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StartError(
      'kernels_missing',
      `the kernel ${source} cannot be read (${why}): run \`npm run build\``,
      error,
    );
  }
  if (bytes.length > MAX_KERNEL_BYTES) {
    throw new StartError('kernels_missing', `the kernel ${source} is larger than ${MAX_KERNEL_BYTES} bytes`);
  }
  return bytes;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
