/**
 * Walks one tree in plain numbers: what `check` recomputes claimed maxima with, and what the schedule of a
 * root is drawn from. About 25 million threads per second; engines have their own kernels.
 */
import { MAX_DEPTH } from './limits.ts';
import type { ThreadParameters } from './parameters.ts';
import { threefry } from './threefry.ts';

/** What is known about one tree that is not oversize. All exact: work stays below 2^44 + 1. */
export interface TreeTotals {
  readonly threads: number;
  /** Ticks. */
  readonly work: number;
  /** Ticks, from the root's start to the last end. */
  readonly span: number;
  /** Entry d: threads at depth d; no trailing zeros. */
  readonly byDepth: readonly number[];
}

/** How many of a thread's chances to fork succeed, from the second word of its state. */
export function forkCount(p: ThreadParameters, b: number, depth: number): number {
  if (depth >= p.maxDepth) return 0;
  let forks = 0;
  for (let chance = 0; chance < p.maxChildren; chance++) {
    if (((b >>> (8 * chance)) & 255) < p.spawnThreshold) forks++;
  }
  return forks;
}

/** Ticks from a thread's start to its fork of child m of k, ⌊w·(m+1)/(k+1)⌋. */
export function forkOffset(work: number, child: number, forks: number): number {
  return Math.floor((work * (child + 1)) / (forks + 1));
}

/** The state of root i into `state`. */
export function rootState(p: ThreadParameters, root: number, state: Uint32Array): void {
  threefry(Number(p.seed & 0xffffffffn), Number(p.seed >> 32n), root, state);
}

/**
 * @param limit give up past this many threads (at most `max_threads` makes sense)
 * @returns undefined if the tree has more than `limit` threads; the walk then ended at limit + 1
 */
export function walkTree(p: ThreadParameters, root: number, limit: number): TreeTotals | undefined {
  const range = p.workMax - p.workMin + 1;
  const state = new Uint32Array(2);
  // A thread waits here as (parent a, parent b, m, start, depth). Depth first: a level holds at most 4.
  const waiting = new Float64Array(5 * (4 * (MAX_DEPTH + 1)));
  let top = 0;
  let threads = 0;
  let work = 0;
  let span = 0;
  const byDepth: number[] = [];
  let start = 0;
  let depth = 0;
  rootState(p, root, state);
  for (;;) {
    const a = state[0] ?? 0;
    const b = state[1] ?? 0;
    if (++threads > limit) return undefined;
    const ticks = p.workMin + (a % range);
    work += ticks;
    if (start + ticks > span) span = start + ticks;
    // Depth first: a depth is reached only after the one above.
    if (depth === byDepth.length) byDepth.push(1);
    else byDepth[depth] = (byDepth[depth] ?? 0) + 1;
    const forks = forkCount(p, b, depth);
    for (let child = 0; child < forks; child++) {
      waiting[top] = a;
      waiting[top + 1] = b;
      waiting[top + 2] = child;
      waiting[top + 3] = start + forkOffset(ticks, child, forks);
      waiting[top + 4] = depth + 1;
      top += 5;
    }
    if (top === 0) return { threads, work, span, byDepth };
    top -= 5;
    threefry(waiting[top] ?? 0, waiting[top + 1] ?? 0, waiting[top + 2] ?? 0, state);
    start = waiting[top + 3] ?? 0;
    depth = waiting[top + 4] ?? 0;
  }
}
