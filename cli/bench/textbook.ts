/**
 * The textbook programs in bench/textbook, in WebAssembly and in WGSL: how they are built and told what to compute, and
 * what the rows of words say in which both answer. WebAssembly gives one row, WGSL one for each lane of a piece.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rangeLength, type Range } from '../../protocol/range.ts';
import type { GpuKernel } from '../../protocol/workload.ts';
import { survivingResidues } from '../../shaders/collatz/sieve.ts';
import { assembleWgsl } from '../../shaders/lib/assemble.ts';
import { threadParameters } from '../../shaders/thread-sim/parameters.ts';
import type { Case } from './cases.ts';
import type { Fields } from './comparison.ts';
import type { BenchWorkload } from './names.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const SHADERS = join(ROOT, 'shaders');
/** What the bench builds. */
export const BENCH_FOLDER = join(ROOT, 'build', 'bench');
export const SOURCES = join(ROOT, 'bench');

const ASSEMBLY: Readonly<Record<BenchWorkload, string>> = {
  verify: '../bench/textbook/verify.ts',
  statistics: '../bench/textbook/statistics.ts',
  thread: '../bench/textbook/thread.ts',
};
const WGSL: Readonly<Record<BenchWorkload, string>> = {
  verify: 'bench/textbook/verify.wgsl',
  statistics: 'bench/textbook/statistics.wgsl',
  thread: 'bench/textbook/thread.wgsl',
};
const moduleOf = (workload: BenchWorkload) => `textbook-${workload}.wasm`;

/** Lanes of a piece, at most; the WGSL has the same numbers. */
const LANES = 64;
const MOST_GROUPS = 64;
const ROW_WORDS = { verify: 8, statistics: 12, thread: 8 } as const;
/** A lane walks an oversize tree alone: so many threads take it some milliseconds. */
const MOST_TREE_THREADS = 65_536;

/** Why the WGSL does not compute a case; undefined if it does. */
export function beyondTextbookWgsl({ workload, parameters }: Case): string | undefined {
  if (workload !== 'thread' || threadParameters.parse(parameters).maxThreads <= MOST_TREE_THREADS)
    return undefined;
  return `a tree may have more than ${MOST_TREE_THREADS} threads, too long for one invocation`;
}

/** Builds what is out of date. @returns why they are not to be had; undefined if they are */
export async function buildTextbooks(): Promise<string | undefined> {
  if (!existsSync(join(SOURCES, 'textbook'))) return 'this installation has no folder bench/textbook';
  const { buildKernels } = await import('../../scripts/build-kernels.ts');
  const workloads: BenchWorkload[] = ['verify', 'statistics', 'thread'];
  try {
    await buildKernels(
      BENCH_FOLDER,
      workloads.map((workload) => ({ source: ASSEMBLY[workload], module: moduleOf(workload) })),
    );
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') {
      return 'the AssemblyScript compiler is not installed';
    }
    throw error;
  }
  return undefined;
}

export function textbookModule({ workload }: Case): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(join(BENCH_FOLDER, moduleOf(workload))));
}

/** Textbook programs take hundreds of times as long for a number, a few times as long for a tree. */
export function textbookFirstCall({ workload, firstCall }: Case): bigint {
  return workload === 'thread' ? firstCall : firstCall >> 8n;
}

/** Parameter words of both. */
export function textbookWords({ workload, parameters }: Case): Uint32Array {
  if (workload !== 'thread') return new Uint32Array(1);
  const p = threadParameters.parse(parameters);
  return Uint32Array.of(
    Number(p.seed & 0xffff_ffffn),
    Number(p.seed >> 32n),
    ...[p.maxDepth, p.maxChildren, p.spawnThreshold, p.workMin, p.workMax - p.workMin + 1, 0, p.maxThreads],
  );
}

export function textbookGpuKernel({ workload }: Case): GpuKernel {
  return {
    source: WGSL[workload],
    entryPoints: ['main'],
    outputWords: MOST_GROUPS * LANES * ROW_WORDS[workload],
    scratchWords: 1,
    itemsPerWorkgroup: LANES,
    maxWorkgroups: MOST_GROUPS,
    maxPieceLength: workload === 'thread' ? 2 ** 16 : 2 ** 24,
  };
}

export function textbookWgsl({ workload }: Case): string {
  const folder = (path: string) => (path.startsWith('bench/') ? ROOT : SHADERS);
  return assembleWgsl(WGSL[workload], (path) => readFileSync(join(folder(path), path), 'utf8'));
}

/** For verify one bit per residue mod 2^24, whether it survives. */
export function textbookConstants({ workload }: Case): Uint32Array {
  if (workload !== 'verify') return new Uint32Array(1);
  const bits = new Uint32Array(2 ** 24 / 32);
  for (const residue of survivingResidues()) {
    bits[residue >>> 5] = (bits[residue >>> 5] ?? 0) | (1 << (residue & 31));
  }
  return bits;
}

/** What a program answered for a piece. */
export interface TextbookAnswer {
  readonly range: Range;
  readonly words: Uint32Array;
}

interface Row {
  readonly start: bigint;
  readonly words: Uint32Array;
}

/** The fields of the pieces' results together, named as in workloads.md. @throws Error if a walk passed the bounds */
export function textbookFields({ workload }: Case, answers: readonly TextbookAnswer[]): Fields {
  const stride = ROW_WORDS[workload];
  const rows = answers.flatMap(({ range: { start }, words }) =>
    Array.from({ length: Math.floor(words.length / stride) }, (_, row) => ({
      start,
      words: words.subarray(row * stride, (row + 1) * stride),
    })),
  );
  const count = answers.reduce((sum, { range }) => sum + rangeLength(range), 0n);
  switch (workload) {
    case 'verify':
      refuseOverflows(rows, 7);
      return { count, verified: sumOf(rows, 0, 2), max_peak: named('peak', largest(rows, [2, 4], 6)) };
    case 'statistics': {
      refuseOverflows(rows, 9);
      // Kernels write the delay + 1, so that 0 is no number.
      const delay = largest(rows, [2, 1], 3);
      return {
        count,
        delay_sum: sumOf(rows, 0, 2),
        max_delay: delay === undefined ? null : { n: delay.n, delay: delay.value - 1n },
        max_peak: named('peak', largest(rows, [4, 4], 8)),
      };
    }
    case 'thread':
      return {
        threads: sumOf(rows, 0, 2),
        work: sumOf(rows, 2, 2),
        span: sumOf(rows, 4, 2),
        oversize: sumOf(rows, 6, 1),
      };
  }
}

function refuseOverflows(rows: readonly Row[], index: number): void {
  const overflows = sumOf(rows, index, 1);
  if (overflows > 0n) throw new Error(`${overflows} walks of the textbook program passed 2^126, its bound`);
}

/** Low word first. */
function valueAt({ words }: Row, index: number, count: number): bigint {
  return words.subarray(index, index + count).reduceRight((value, word) => (value << 32n) | BigInt(word), 0n);
}

function sumOf(rows: readonly Row[], index: number, count: number): bigint {
  return rows.reduce((sum, row) => sum + valueAt(row, index, count), 0n);
}

interface Largest {
  readonly n: bigint;
  readonly value: bigint;
}

/** The largest value above 0 and the lowest n that has it. */
function largest(
  rows: readonly Row[],
  [index, count]: readonly [index: number, count: number],
  offsetIndex: number,
): Largest | undefined {
  let found: Largest | undefined;
  for (const row of rows) {
    const value = valueAt(row, index, count);
    const n = row.start + valueAt(row, offsetIndex, 1);
    if (value === 0n) continue;
    if (found === undefined || value > found.value || (value === found.value && n < found.n)) {
      found = { n, value };
    }
  }
  return found;
}

function named(name: string, found: Largest | undefined): Record<string, bigint> | null {
  return found === undefined ? null : { n: found.n, [name]: found.value };
}
