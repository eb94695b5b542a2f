/**
 * The definition of workloads.md, once more and slowly: BigInt, recursion, a Threefry of its own, nothing
 * shared with the engines. Tests compare every engine with it. About 100,000 threads per second.
 */
import type { Range } from '../../protocol/range.ts';
import { emptyAggregate, foldAggregates } from './aggregate.ts';
import type { Aggregate } from './aggregate.ts';
import { PROCESSORS, makespanBounds } from './makespan.ts';
import type { ThreadParameters } from './parameters.ts';

type State = readonly [a: bigint, b: bigint];
const WORD = 2n ** 32n;
const ROTATIONS = [13n, 15n, 26n, 6n, 17n, 29n, 16n, 24n];

/** Threefry-2x32-20 as the paper's figure has it: a key schedule of three words, injected every four rounds. */
export function referenceThreefry(key: State, counter: State): State {
  const schedule = [key[0], key[1], 0x1bd11bdan ^ key[0] ^ key[1]];
  const subkey = (index: number) => schedule[index % 3] ?? 0n;
  let x = (counter[0] + subkey(0)) % WORD;
  let y = (counter[1] + subkey(1)) % WORD;
  for (let round = 0; round < 20; round++) {
    const rotation = ROTATIONS[round % 8] ?? 0n;
    x = (x + y) % WORD;
    y = (((y << rotation) | (y >> (32n - rotation))) % WORD) ^ x;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x = (x + subkey(injection)) % WORD;
      y = (y + subkey(injection + 1) + BigInt(injection)) % WORD;
    }
  }
  return [x, y];
}

interface Tree {
  threads: bigint;
  work: bigint;
  span: bigint;
  readonly byDepth: bigint[];
}

/** The aggregate of a range of roots, tree by tree. */
export function referenceAggregate(p: ThreadParameters, range: Range): Aggregate {
  let aggregate = emptyAggregate;
  for (let root = range.start; root < range.end; root++) {
    aggregate = foldAggregates(aggregate, treeAggregate(root, growTree(p, root)));
  }
  return aggregate;
}

/** undefined: the tree is oversize. */
function growTree(p: ThreadParameters, root: bigint): Tree | undefined {
  const tree: Tree = { threads: 0n, work: 0n, span: 0n, byDepth: [] };
  const thread = ([a, b]: State, depth: number, start: bigint): boolean => {
    tree.threads += 1n;
    if (tree.threads > BigInt(p.maxThreads)) return false;
    const work = BigInt(p.workMin) + (a % BigInt(p.workMax - p.workMin + 1));
    tree.work += work;
    if (start + work > tree.span) tree.span = start + work;
    tree.byDepth[depth] = (tree.byDepth[depth] ?? 0n) + 1n;
    const successes: number[] = [];
    for (let chance = 0; chance < p.maxChildren; chance++) {
      const byte = (b / 256n ** BigInt(chance)) % 256n;
      if (depth < p.maxDepth && byte < BigInt(p.spawnThreshold)) successes.push(chance);
    }
    const k = BigInt(successes.length);
    for (let m = 0n; m < k; m++) {
      const forked = start + (work * (m + 1n)) / (k + 1n);
      if (!thread(referenceThreefry([a, b], [m, 0n]), depth + 1, forked)) return false;
    }
    return true;
  };
  const seed: State = [p.seed % WORD, p.seed / WORD];
  return thread(referenceThreefry(seed, [root, 0n]), 0, 0n) ? tree : undefined;
}

function treeAggregate(root: bigint, tree: Tree | undefined): Aggregate {
  if (tree === undefined) return { ...emptyAggregate, roots: 1n, oversize: 1n };
  const { threads, work, span, byDepth } = tree;
  const size = threads.toString(2).length - 1;
  const largest = (value: bigint) => ({ root: Number(root), value });
  return {
    roots: 1n,
    oversize: 0n,
    threads,
    work,
    span,
    threadsByDepth: byDepth,
    sizeHistogram: Array.from({ length: size + 1 }, (_, s) => (s === size ? 1n : 0n)),
    maxThreads: largest(threads),
    maxWork: largest(work),
    maxSpan: largest(span),
    makespanAlone: PROCESSORS.map((processors) => makespanBounds(work, span, processors)),
  };
}
