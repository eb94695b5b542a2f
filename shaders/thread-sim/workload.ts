/**
 * `thread`: a Monte Carlo simulation of fork-join programs. The range counts root threads; the tree of root i
 * depends on (seed, i) alone. Definitions: workloads.md.
 *
 * Million threads per second. CPU kernel: CPU time of one thread on a 2-core machine that was busy otherwise, median
 * of 4, 0.34 to 0.46 (F: 0.26) of the yardstick C in the same run, an oversize tree counted as max_threads; WGSL: CPU
 * time on Mesa lavapipe, median of 5 rounds of `threads bench`, 0.33 to 0.57 of the yardstick C in the same run,
 * oversize trees counted as far as they are walked.
 *
 *     set                                                              CPU kernel   WGSL
 *     A  defaults, 200,000 roots                                          96        103
 *     B  depth 14, 3 children, threshold 120                              81         84
 *     C  chains: 1 child, threshold 256, depth 32                         88        136
 *     D  depth 32, 4 children, 80, max_threads 4096, work to 2^20         69         51
 *     E  giants of 5.6 million threads: 4 children, 256, depth 11         97         left to the CPU
 *     F  single threads: no children                                     164        196
 *     G  depth 20, 4 children, 72, max_threads 300                        72         48
 */
import type { Kernels, PipelineConstants, Undetectable, Workload } from '../../protocol/workload.ts';
import type { Aggregate } from './aggregate.ts';
import { emptyAggregate, finishedTrees, foldAggregates } from './aggregate.ts';
import { checkThreads, contradictions } from './check.ts';
import { decodeAggregate, decodeResult, encodeAggregate } from './json.ts';
import type { Tile } from './kernel-words.ts';
import {
  GPU_OUTPUT_WORDS,
  decodeCpuWords,
  decodeGpuWords,
  parameterWords,
  scratchWords,
  tileLengths,
} from './kernel-words.ts';
import { expectedThreads } from './expected-threads.ts';
import { gpuVariant } from './gpu-variant.ts';
import type { ThreadParameters } from './parameters.ts';
import { encodeParameters, threadParameters } from './parameters.ts';
import { referenceAggregate } from './reference.ts';
import { threadResult } from './result.ts';
import { threadSamples } from './samples.ts';

/** Roots per workgroup: 64 lanes walk two trees each, and 32 in turn even out their lengths. */
const ROOTS_PER_WORKGROUP = 4096;
/** Threads of the probe: next to nothing beside a dispatch of millions. */
const PROBE_THREADS = 2 ** 13;
const PROBE_ROOTS = 64;

/** What no output word shows; the first for unknown devices. */
const TUNINGS: readonly PipelineConstants[] = [{ WALKERS: 64 }, { WALKERS: 32 }, { WALKERS: 128 }];

function kernels(longestPiece: number, variant: PipelineConstants): Kernels {
  return {
    gpu: {
      source: 'thread-sim/kernel.wgsl',
      entryPoints: ['walk', 'reduce'],
      outputWords: GPU_OUTPUT_WORDS,
      scratchWords: scratchWords(longestPiece),
      itemsPerWorkgroup: ROOTS_PER_WORKGROUP,
      maxWorkgroups: 64,
      maxPieceLength: longestPiece,
      specialise: () => variant,
      tunings: TUNINGS,
    },
    cpu: { source: 'thread-sim/assembly/kernel.ts', module: 'thread-sim.wasm' },
  };
}

/** Also unseen, but no single field: of trees that tie for a maximum, another root than the smallest. */
const undetectable: readonly Undetectable[] = [
  {
    path: 'threads_by_depth.swap',
    reason: 'how the threads spread over depths is bounded by max_children, not fixed',
  },
  {
    path: 'size_histogram.swap',
    reason: 'sizes are known to a factor of 2, so the number of threads bounds the histogram only loosely',
  },
  {
    path: 'span',
    reason: 'the span of one tree depends on where its threads forked, which no other sum tells exactly',
  },
  {
    path: 'makespan_alone.lower.*',
    reason: 'for P > 1 the bounds follow from the work and span of each tree, not from their sums',
  },
  { path: 'makespan_alone.upper.*', reason: 'rounded down per tree: exact only to within one tick per tree' },
];

export const threadWorkload: Workload<ThreadParameters, Tile, Aggregate> = {
  type: 'thread',
  version: 1,
  unit: 'roots',
  parameters: threadParameters,
  encodeParameters,

  range: (p) => ({ start: 0n, end: BigInt(p.threadCount) }),
  batchHint: (p) => (p.batchSize === undefined ? undefined : BigInt(p.batchSize)),
  tileLimits: (p) => {
    const { min, max } = tileLengths(p);
    return { min: BigInt(min), max: BigInt(max) };
  },
  kernels: (p) => kernels(tileLengths(p).max, gpuVariant(p)),
  allKernels: [kernels(1, {})],
  parameterWords,
  gpuConstants: () => new Uint32Array(1),
  probe: (p) => {
    const roots = Math.floor(PROBE_THREADS / expectedThreads(p));
    return { start: 0n, end: BigInt(Math.max(1, Math.min(PROBE_ROOTS, roots, p.threadCount))) };
  },

  empty: () => emptyAggregate,
  fold: (_p, a, b) => foldAggregates(a, b),

  decodeCpu: decodeCpuWords,
  decodeGpu: decodeGpuWords,
  claims: (_p, _batch, tile) => tile.deferred,
  extend: (_p, batch, tile, exact) => exact.reduce(foldAggregates, foldAggregates(batch, tile.finished)),

  encode: (_p, a) => encodeAggregate(a),
  decode: (_p, range, json) => decodeResult(range, json),
  decodeStored: (_p, json) => decodeAggregate(json),
  check: contradictions,
  checkSteps: (_p, a) => checkThreads(a),

  result: (_p, a) => threadResult(a),
  figure: (_p, a) => ({ sum: a.threads, weight: finishedTrees(a) }),
  count: (_p, a) => a.roots,

  reference: referenceAggregate,
  samples: threadSamples,
  undetectable,
};
