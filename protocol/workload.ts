/**
 * The contract of a workload: one folder below shaders/ exports one `Workload`. Nothing else in the project
 * knows what is computed. docs/add-a-workload.md walks through it; shaders/conformance.ts tests it.
 *
 * Words: a job's range is cut into segments, segments into batches (one lease each), a batch into **tiles**.
 * A tile is the unit of computing, of folding and (later) of spot checks. An **aggregate** is what is known
 * about a set of disjoint ranges; aggregates form a commutative monoid under `fold`, so it does not matter
 * how a range was cut, in which order its pieces came back, or which engine computed them.
 *
 * Two engines execute a tile. They are given data, not code: the text or bytes of a kernel, named by its
 * SHA-256, travel from the coordinator, so a cached page can't run a stale kernel.
 *  - The **GPU** engine gives back raw words per tile: small, order-free sums and maxima.
 *  - The **CPU** engine (WebAssembly) gives the tile's exact aggregate.
 * What a GPU can't finish (a value that outgrows its limbs, a tree past its budget) or can't order (record
 * lists) is `claims`ed and computed by the CPU engine of the same worker, then joined by `extend`.
 */
import type { z } from 'zod';
import type { Range } from './range.ts';

/** A WGSL kernel. Bindings of group 0, the same for every workload:
 *
 *  0 `storage, read`        array<u32>: `Workload.parameterWords`
 *  1 `storage, read`        array<Piece>: struct { start: vec4<u32> (128 bits, low word first), length: u32, pad: vec3 as 3 × u32 } (32 bytes)
 *  2 `storage, read_write`  array<u32> (or atomics): pieces × `outputWords`, zeroed by the engine before the dispatch
 *  3 `storage, read`        array<u32>: `constants` (at least one word)
 *  4 `storage, read_write`  array<u32>: pieces × `scratchWords` (at least one word), contents undefined at the start
 *
 * Every entry point is dispatched once, in order, over (`workgroups`(piece), pieces, 1): workgroup_id.x is the
 * group within the piece, workgroup_id.y the piece, num_workgroups.x the groups per piece.
 */
export interface GpuKernel {
  /** Path below shaders/, e.g. `collatz/statistics.wgsl`. */
  readonly source: string;
  readonly entryPoints: readonly string[];
  /** u32 words of output per piece. Its content must not depend on the order in which lanes ran. */
  readonly outputWords: number;
  readonly scratchWords: number;
  /** Groups of a piece: min(maxWorkgroups, ceil(length / itemsPerWorkgroup)); fixed per dispatch by its longest piece. */
  readonly itemsPerWorkgroup: number;
  readonly maxWorkgroups: number;
  /** No piece may be longer (offsets inside a piece are u32). */
  readonly maxPieceLength: number;
  /**
   * Values of WGSL `override`s that follow from where the units lie, e.g. how many limbs they need: one text, many
   * variants. All pieces of a dispatch share those of the range around them, and so does the probe, which must come
   * out right under any. Absent: none.
   */
  readonly specialise?: (range: Range) => PipelineConstants;
  /**
   * Values of further `override`s that can't be seen in any result, such as the workgroup's size: an engine
   * measures them on the device and takes the fastest. The first is used where a device is unknown. Absent: none.
   */
  readonly tunings?: readonly PipelineConstants[];
  /** Of the tunings the one for a software adapter that was not measured yet. Absent: the first. */
  readonly softwareTuning?: PipelineConstants;
}

/**
 * Values of a kernel's `override` declarations and of its `// @if` conditions (shaders/lib/assemble.ts), by name; every
 * name must occur in the text.
 */
export type PipelineConstants = Readonly<Record<string, number>>;

/** A WebAssembly kernel compiled from AssemblyScript. Its exports, the same for every workload:
 *
 *  `memory`
 *  `parameters(words: u32): u32`     room for that many parameter words; returns the byte address to write them to
 *  `prepare(): void`                 called once after the parameters are written: builds tables
 *  `run(start0: u64, start1: u64, length: u64): u32`  computes [start, start + length), start = start1·2^64 + start0; returns the number of output words
 *  `output(): u32`                   byte address of the output words of the last run
 *
 * No imports but `env.abort`. Growing memory between calls is allowed.
 */
export interface CpuKernel {
  /** Path below shaders/ of the AssemblyScript entry file, e.g. `collatz/assembly/statistics.ts`. */
  readonly source: string;
  /** File name of the compiled module in build/kernels/, e.g. `collatz-statistics.wasm`. */
  readonly module: string;
  /**
   * Units of the kernel's own blocks: a call that begins and ends at multiples of it does the same work in less time.
   * Absent: it is all the same where one begins.
   */
  readonly grain?: bigint;
}

/**
 * The plain TypeScript twin of a WebAssembly kernel: what to read first, what the kernel's words are compared with,
 * and what a host without WebAssembly runs. Takes `Workload.parameterWords`; the program answers a range with words
 * that say the same as the kernel's. It may hand other numbers back, since `decodeCpu` computes those.
 */
export type KernelTwin = (parameterWords: Uint32Array) => (range: Range) => Uint32Array;

/** A part of a job that needs a kernel: one per (type, mode). */
export interface Kernels {
  readonly gpu: GpuKernel;
  readonly cpu: CpuKernel;
}

/** A figure to draw on a map of the range: sum / weight is the mean over the covered part. */
export interface Figure {
  readonly sum: bigint;
  readonly weight: bigint;
}

/**
 * @typeParam P validated parameters (bigints where they may pass 2^53)
 * @typeParam T what the GPU tells of one tile
 * @typeParam A the aggregate
 *
 * All functions are pure. `p` is always the job's parameters. None of them touches Node or the DOM.
 */
export interface Workload<P = unknown, T = unknown, A = unknown> {
  readonly type: string;
  /** Raise when parameters, aggregates or kernels change their meaning. Part of every lease. */
  readonly version: number;
  /** What the range counts, in the plural: `numbers`, `roots`. */
  readonly unit: string;
  /** Accepts the body's `parameters` as a stranger wrote them; every problem names its field. */
  readonly parameters: z.ZodType<P>;
  /** The canonical JSON form of the parameters: what is stored and leased. `parameters` reads it back. */
  encodeParameters(p: P): Record<string, string | number>;

  /** The whole range of a job. */
  range(p: P): Range;
  /**
   * In one word, what tells this job's units from those of other jobs of the type, where they are another amount of
   * work: their throughputs are never added. Lower-case letters and dashes, at most 32. Absent: all units are alike.
   */
  variant?(p: P): string;
  /** The submitter's `batch_size`, if any. */
  batchHint(p: P): bigint | undefined;
  /** Shortest tile that is worth a call, and longest that a kernel takes, in units. */
  tileLimits(p: P): { readonly min: bigint; readonly max: bigint };
  kernels(p: P): Kernels;
  /** All kernels that this workload can name, for building and serving them. */
  readonly allKernels: readonly Kernels[];
  parameterWords(p: P): Uint32Array;
  /** Tables for the GPU (binding 3); may be computed, is cached by the engine per (kernel, parameters). */
  gpuConstants(p: P): Uint32Array;
  /** A short range with a result that exercises the kernel: run in the self-test and in every dispatch. */
  probe(p: P): Range;

  /** The aggregate of nothing: the neutral element of `fold`. */
  empty(p: P): A;
  /** The aggregate of both (their ranges are disjoint). Associative and commutative; its arguments stay unchanged. */
  fold(p: P, a: A, b: A): A;

  /** Output words of the CPU kernel for `range`, to the exact aggregate. Computes what the kernel handed back. Throws a KernelFault if the words can't be that kernel's. */
  decodeCpu(p: P, range: Range, words: Uint32Array): A;
  /** Output words of the GPU kernel for one tile; undefined: the whole tile is handed back to the CPU. Throws a KernelFault if the words can't be that kernel's (a broken driver). */
  decodeGpu(p: P, range: Range, words: Uint32Array): T | undefined;
  /** Sub-ranges of the tile (disjoint, ascending) that the CPU engine must compute before the tile can extend `batch` (the aggregate of everything before it in the batch). */
  claims(p: P, batch: A, tile: T): readonly Range[];
  /** `batch` extended by the tile, given the exact aggregates of its claims in the same order. */
  extend(p: P, batch: A, tile: T, exact: readonly A[]): A;

  /** Canonical JSON of an aggregate: the same aggregate gives the same text. */
  encode(p: P, a: A): unknown;
  /** Reads what a stranger sent for `range`: throws a ClusterError `result_contradicts` whose message says what is wrong, for every wrong length, type, forged shape or unknown field. */
  decode(p: P, range: Range, json: unknown): A;
  /** Reads what this coordinator stored itself (a fold over any set of ranges). */
  decodeStored(p: P, json: unknown): A;
  /** Contradictions in an aggregate that claims to be exactly `range`'s: sums against each other, every maximum and record recomputed. Empty if none. */
  check(p: P, range: Range, a: A): readonly string[];
  /** About how many steps (walk steps, threads of trees) `check` takes for this aggregate: what is expensive is checked in another thread. Absent: always cheap. */
  checkSteps?(p: P, a: A): number;

  /** The public result, as workloads.md defines it. */
  result(p: P, a: A): Record<string, unknown>;
  /** What a map of the range shows. */
  figure(p: P, a: A): Figure;
  /** How many units the aggregate covers. */
  count(p: P, a: A): bigint;

  /** Plain reference, written for reading: BigInt, no tables. Tests compare every engine with it. */
  reference(p: P, range: Range): A;
  /** Parameter sets and ranges that between them reach every branch, for the conformance suite. */
  readonly samples: readonly Sample[];
  /** Where a small lie passes `decode` and `check`; the conformance suite holds this list against forgeries. */
  readonly undetectable?: readonly Undetectable[];
}

/** A field of the encoded aggregate that nothing else in it determines: only recomputation finds a wrong value. */
export interface Undetectable {
  /** Dotted, `*` for any index: `makespan_alone.lower.*`; `x.swap`: neighbouring entries of x exchanged. */
  readonly path: string;
  readonly reason: string;
}

/** One case of the conformance suite. `parameters` as in a submit body. */
export interface Sample {
  readonly name: string;
  readonly parameters: Record<string, string | number>;
  /** Sub-ranges to compare engine by engine; short enough for the plain reference. */
  readonly ranges: readonly Range[];
}

/** A kernel answered with words that it can't have meant: a broken driver or device, never bad input. */
export class KernelFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'KernelFault';
  }
}
