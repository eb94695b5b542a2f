/**
 * Compiles the workloads' CPU kernels (AssemblyScript) to build/kernels/*.wasm. What is up to date is left
 * alone: beside each module lies a file with the hash of all it was made from.
 *
 *     node scripts/build-kernels.ts
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CpuKernel } from '../protocol/workload.ts';
import { workloads } from '../shaders/registry.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SHADERS = join(ROOT, 'shaders');

/** Where the compiled modules lie. */
export const KERNEL_FOLDER = join(ROOT, 'build', 'kernels');

/**
 * -O3 and no shrinking; `converge` repeats the optimiser until nothing changes. The stub runtime never
 * frees: kernels lay out their memory themselves. Assertions would cost their checks in the inner loops.
 */
const FLAGS = [
  ...['--optimizeLevel', '3', '--shrinkLevel', '0', '--converge', '--noAssert'],
  ...['--runtime', 'stub', '--enable', 'simd', '--uncheckedBehavior', 'always'],
];

/**
 * Compiles every kernel whose sources, flags or compiler changed; returns the modules that were built. Two
 * processes may do so at once.
 */
export async function buildKernels(
  folder: string = KERNEL_FOLDER,
  kernels: readonly CpuKernel[] = cpuKernels(),
): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const built: string[] = [];
  for (const kernel of kernels) {
    const inputs = await inputsHash(kernel);
    const stamp = join(folder, `${kernel.module}.inputs`);
    if (existsSync(join(folder, kernel.module)) && (await readIfThere(stamp)) === inputs) continue;
    await writeAtomically(join(folder, kernel.module), await compile(kernel));
    await writeAtomically(stamp, inputs);
    built.push(kernel.module);
  }
  return built;
}

function cpuKernels(): readonly CpuKernel[] {
  const byModule = new Map<string, CpuKernel>();
  for (const workload of workloads.values()) {
    for (const { cpu } of workload.allKernels) byModule.set(cpu.module, cpu);
  }
  return [...byModule.values()];
}

/** All sources of the entry's folder and of lib/assembly count, imported or not: simple, and never stale. */
async function inputsHash(kernel: CpuKernel): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([compilerVersion(), FLAGS, kernel.source]));
  for (const folder of [dirname(join(SHADERS, kernel.source)), join(SHADERS, 'lib', 'assembly')]) {
    const names = existsSync(folder) ? (await readdir(folder)).filter((name) => name.endsWith('.ts')) : [];
    for (const name of names.toSorted()) {
      hash.update(JSON.stringify([name, await readFile(join(folder, name), 'utf8')]));
    }
  }
  return hash.digest('hex');
}

function compilerVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)('assemblyscript/package.json');
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
    return String(manifest.version);
  throw new Error('the AssemblyScript compiler has no version: run npm ci');
}

async function compile(kernel: CpuKernel): Promise<Uint8Array> {
  // Loaded only when something must be built: the compiler takes 0.5 s and 100 MB to start.
  const { main, createMemoryStream } = await import('assemblyscript/asc');
  const outputs = new Map<string, Uint8Array | string>();
  const stderr = createMemoryStream();
  const { error } = await main([kernel.source, '--outFile', 'kernel.wasm', ...FLAGS], {
    stdout: createMemoryStream(),
    stderr,
    readFile: (name, base) => readIfThere(join(SHADERS, base === '.' ? '' : base, name)),
    writeFile: (name, contents) => void outputs.set(name, contents),
    listFiles: () => [],
  });
  const wasm = outputs.get('kernel.wasm');
  if (error !== null || !(wasm instanceof Uint8Array)) {
    throw new Error(`shaders/${kernel.source} does not compile:\n${stderr.toString()}`, { cause: error });
  }
  return wasm;
}

async function readIfThere(path: string): Promise<string | null> {
  return existsSync(path) ? readFile(path, 'utf8') : null;
}

/** By rename, so that a build in another process never reads half a module. */
async function writeAtomically(path: string, contents: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, contents);
  await rename(temporary, path);
}

if (import.meta.main) {
  for (const module of await buildKernels()) console.log(`built ${module}`);
}
