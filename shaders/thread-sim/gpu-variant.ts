/** Which variant of the GPU kernel walks a job's trees: the `override`s of kernel.wgsl, by the shape of the trees. */
import type { PipelineConstants } from '../../protocol/workload.ts';
import { expectedThreads } from './expected-threads.ts';
import { LANE_BUDGET } from './kernel-words.ts';
import type { ThreadParameters } from './parameters.ts';

/** Entries of the stack's top at most; a tree has one entry per depth that may fork. */
const MOST_SLOTS = 10;
/** With the rest in memory: 8 do for most trees of any depth, and each slot costs a twentieth of a step. */
const SLOTS_OF_DEEP = 8;
/** Counts of 4 depths are in a word; few variants, since a driver takes seconds for each. */
const WORDS = [3, 6, 9] as const;
const DEPTHS_PER_WORD = 4;
/** A tree that ends stands still until the turn's steps are over. */
const STEPS = 2;
const SMALL_TREE_THREADS = 4;
/** Roots that a lane takes at once: an atomic costs about as much as a small tree. Large trees must not wait in line. */
const SMALL_TREES_TAKEN = 8;

/** Nobody forks. */
const SINGLES = { SLOTS: 1, DEEP: 0, WORDS: WORDS[0], STEPS: 1, TAKE: 1, WIDE: 0, SINGLES: 1 };

export function gpuVariant(p: ThreadParameters): PipelineConstants {
  if (p.maxChildren === 0 || p.spawnThreshold === 0 || p.maxDepth === 0) return SINGLES;
  const levels = p.maxChildren > 1 ? p.maxDepth : 0;
  const deep = levels > MOST_SLOTS;
  const words = Math.ceil((p.maxDepth + 1) / DEPTHS_PER_WORD);
  const small = expectedThreads(p) < SMALL_TREE_THREADS;
  // Else a tree fits two words of the scratch: work, so far below 2^32 that it can be rounded up, and span and threads.
  const narrow =
    Math.min(p.maxThreads, LANE_BUDGET) * p.workMax < 2 ** 31 && (p.maxDepth + 1) * p.workMax < 2 ** 16;
  return {
    SLOTS: levels === 0 ? 1 : deep ? SLOTS_OF_DEEP : MOST_SLOTS,
    DEEP: Number(deep),
    WORDS: WORDS.find((count) => count >= words) ?? WORDS[2],
    STEPS: small ? 1 : STEPS,
    TAKE: small ? SMALL_TREES_TAKEN : 1,
    WIDE: Number(!narrow),
    SINGLES: 0,
  };
}
