/**
 * One root as the page draws it: the tree and its greedy schedule in flat arrays, which cross from the Web Worker
 * without a copy. Made by the code that checks the cluster's answers, so both agree bit for bit. Times in ticks,
 * threads by their preorder number from 0.
 */
import { MAX_TREE_THREADS } from '../../../shaders/thread-sim/limits.ts';
import { growTree, schedule } from '../../../shaders/thread-sim/schedule.ts';
import type { TreeThread } from '../../../shaders/thread-sim/schedule.ts';
import { walkTree } from '../../../shaders/thread-sim/tree.ts';
import type { TreeTotals } from '../../../shaders/thread-sim/tree.ts';
import { makeLog } from './log.ts';
import type { Log } from './log.ts';
import type { Shape } from './shape.ts';
import { treeParameters } from './shape.ts';

/** Larger trees are counted, not drawn: a row would be a hundredth of a pixel, the schedule some seconds. */
export const DRAWN_THREADS = 65_536;

/** The tree with unlimited processors. */
export interface Program extends TreeTotals {
  /** −1: the root. */
  readonly parent: Int32Array;
  readonly depth: Uint8Array;
  /** Work of each thread. */
  readonly ticks: Float64Array;
  readonly start: Float64Array;
  /** When the thread and all below it have ended: its parent can join it. */
  readonly joined: Float64Array;
  readonly children: Uint8Array;
  /** −1: none. */
  readonly lastChild: Int32Array;
  /** From the root down to the thread that ends last: its forks and works add up to the span. */
  readonly chain: Int32Array;
}

/** The schedule on so many processors. */
export interface Run {
  readonly processors: number;
  /** Processors that were ever used. */
  readonly lanes: number;
  readonly makespan: number;
  /** From 0. */
  readonly processor: Int32Array;
  readonly ready: Float64Array;
  readonly begin: Float64Array;
  readonly end: Float64Array;
  /** Sorted, for whoever counts up to a time. */
  readonly begins: Float64Array;
  readonly ends: Float64Array;
  /** Entry i: the deepest level once the first i + 1 threads have begun. */
  readonly deepestSoFar: Uint8Array;
  readonly log: Log;
}

export interface SimulationRequest {
  readonly id: number;
  readonly shape: Shape;
  readonly root: number;
  readonly processors: number;
}

export type SimulationReply = { readonly id: number } & (
  | { readonly kind: 'drawn'; readonly program: Program; readonly run: Run }
  /** Too many threads to draw; undefined: more than any job may ask for. */
  | { readonly kind: 'counted'; readonly totals: TreeTotals | undefined }
);

/** Remembers the last tree, so that another number of processors costs a schedule alone. */
export class Simulator {
  readonly #countLimit: number;
  #key = '';
  #tree: readonly TreeThread[] | undefined;

  /** @param countLimit trees of more threads are not even counted */
  constructor(countLimit: number = MAX_TREE_THREADS) {
    this.#countLimit = countLimit;
  }

  reply({ id, shape, root, processors }: SimulationRequest): SimulationReply {
    const parameters = treeParameters(shape);
    const key = JSON.stringify([{ ...shape, seed: String(shape.seed) }, root]);
    if (key !== this.#key) {
      this.#tree = growTree(parameters, root, DRAWN_THREADS);
      this.#key = key;
    }
    const tree = this.#tree;
    if (tree === undefined) {
      return { id, kind: 'counted', totals: walkTree(parameters, root, this.#countLimit) };
    }
    return { id, kind: 'drawn', program: programOf(tree), run: runOf(tree, processors) };
  }
}

export function programOf(tree: readonly TreeThread[]): Program {
  const threads = tree.length;
  const program = {
    parent: Int32Array.from(tree, ({ parent }) => parent ?? -1),
    depth: Uint8Array.from(tree, ({ depth }) => depth),
    ticks: Float64Array.from(tree, ({ work }) => work),
    start: Float64Array.from(tree, ({ start }) => start),
    joined: Float64Array.from(tree, ({ start, work }) => start + work),
    children: new Uint8Array(threads),
    lastChild: new Int32Array(threads).fill(-1),
  };
  const byDepth: number[] = [];
  let work = 0;
  let last = 0;
  let span = 0;
  for (const thread of tree) {
    byDepth[thread.depth] = (byDepth[thread.depth] ?? 0) + 1;
    work += thread.work;
    const end = thread.start + thread.work;
    if (end > span) [span, last] = [end, thread.number];
    if (thread.parent === null) continue;
    program.children[thread.parent] = (program.children[thread.parent] ?? 0) + 1;
    program.lastChild[thread.parent] = thread.number;
  }
  // Children have higher numbers: from the back, all below a thread is known before it.
  for (let number = threads - 1; number > 0; number--) {
    const parent = program.parent[number] ?? 0;
    program.joined[parent] = Math.max(program.joined[parent] ?? 0, program.joined[number] ?? 0);
  }
  const chain: number[] = [];
  for (let number = last; number >= 0; number = program.parent[number] ?? -1) chain.unshift(number);
  return { ...program, threads, work, span, byDepth, chain: Int32Array.from(chain) };
}

export function runOf(tree: readonly TreeThread[], processors: number): Run {
  const { makespan, threads } = schedule(tree, processors);
  const begin = Float64Array.from(threads, ({ start }) => start);
  const end = Float64Array.from(threads, (thread) => thread.end);
  const ready = Float64Array.from(threads, (thread) => thread.ready);
  const processor = Int32Array.from(threads, (thread) => thread.processor);
  const inOrder = Uint32Array.from(threads, ({ number }) => number).sort(
    (a, b) => (begin[a] ?? 0) - (begin[b] ?? 0),
  );
  let deepest = 0;
  return {
    processors,
    lanes: 1 + processor.reduce((most, lane) => Math.max(most, lane), 0),
    makespan,
    processor,
    ready,
    begin,
    end,
    begins: begin.toSorted(),
    ends: end.toSorted(),
    deepestSoFar: Uint8Array.from(inOrder, (number) => {
      deepest = Math.max(deepest, tree[number]?.depth ?? 0);
      return deepest;
    }),
    log: makeLog(ready, end),
  };
}

/** The memory behind a reply, to hand over instead of copying. */
export function transferables(reply: SimulationReply): ArrayBuffer[] {
  if (reply.kind === 'counted') return [];
  const { program, run } = reply;
  return [program, run, run.log].flatMap(buffersOf);
}

function buffersOf(record: object): ArrayBuffer[] {
  const values: readonly unknown[] = Object.values(record);
  return values.flatMap((value) =>
    ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer ? [value.buffer] : [],
  );
}
