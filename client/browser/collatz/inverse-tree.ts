/**
 * The paths of some thousands of starts, merged and grown from 1 outwards: every number is drawn where its successor's
 * segment ends, turned to one side if it is even and to the other if it is odd. So a picture's direction tells how
 * many odd steps a path has.
 */
import type { Sliced } from './slices.ts';

export const STARTS = 4000;
/** Starts are below this. */
export const STARTS_BELOW = 1_000_000;

/**
 * With 1.585 (log2 3) times as much for odd as for even ones, a direction would tell a number's size alone; a little
 * more, and longer paths bend upwards: the tree is a fan by delay.
 */
const EVEN_TURN = (-4.6 * Math.PI) / 180;
const ODD_TURN = (7.95 * Math.PI) / 180;
const FIRST_DIRECTION = (74 * Math.PI) / 180;
/** A segment at depth d has length 1 / (1 + d / 90): long paths stay in the picture. */
const SHRINK_DEPTH = 90;
const YIELD_EVERY = 16;

export interface InverseTree {
  /** Entry i: all below is about the i-th number; a number stands after its successor. 1 is the first. */
  readonly values: Float64Array;
  readonly parents: Int32Array;
  readonly depths: Int32Array;
  readonly x: Float32Array;
  /** Upwards. */
  readonly y: Float32Array;
  /** Starts whose path goes through here. */
  readonly weights: Int32Array;
  readonly starts: number;
  readonly deepest: number;
  /** Where a number stands, if it is on a path. */
  readonly index: ReadonlyMap<number, number>;
}

/** Evenly spread starts, the same at every visit: multiples of the golden ratio. */
export function spreadStarts(count: number, below: number): number[] {
  const golden = (Math.sqrt(5) - 1) / 2;
  const starts = new Set<number>();
  for (let i = 1; starts.size < count; i++) starts.add(1 + Math.floor(((i * golden) % 1) * (below - 1)));
  return [...starts];
}

export function* growTree(starts: readonly number[]): Sliced<InverseTree> {
  const index = new Map<number, number>([[1, 0]]);
  const values = [1];
  const parents = [-1];
  const depths = [0];
  const ends: number[] = [];
  for (const [i, start] of starts.entries()) {
    const added: number[] = [];
    let value = start;
    for (; !index.has(value); value = value % 2 === 0 ? value / 2 : 3 * value + 1) added.push(value);
    let parent = index.get(value) ?? 0;
    for (const number of added.toReversed()) {
      index.set(number, values.length);
      values.push(number);
      parents.push(parent);
      depths.push((depths[parent] ?? 0) + 1);
      parent = values.length - 1;
    }
    ends.push(parent);
    if (i % YIELD_EVERY === 0) yield i;
  }
  const weights = new Int32Array(values.length);
  for (const end of ends) weights[end] = (weights[end] ?? 0) + 1;
  for (let i = values.length - 1; i > 0; i--) {
    const parent = parents[i] ?? 0;
    weights[parent] = (weights[parent] ?? 0) + (weights[i] ?? 0);
  }
  yield 0;
  const pens: Pen[] = [];
  const x = new Float32Array(values.length);
  const y = new Float32Array(values.length);
  for (const [i, value] of values.entries()) {
    const from = pens[parents[i] ?? -1];
    const pen = from === undefined ? FIRST_PEN : extend(from, value % 2 === 0);
    pens.push(pen);
    x[i] = pen.x;
    y[i] = pen.y;
    if (i % 512 === 0) yield i;
  }
  return {
    values: Float64Array.from(values),
    parents: Int32Array.from(parents),
    depths: Int32Array.from(depths),
    x,
    y,
    weights,
    starts: starts.length,
    deepest: depths.reduce((most, depth) => Math.max(most, depth), 0),
    index,
  };
}

export interface Pen {
  readonly x: number;
  readonly y: number;
  readonly direction: number;
  readonly depth: number;
}

/** At 1. */
export const FIRST_PEN: Pen = { x: 0, y: 0, direction: FIRST_DIRECTION, depth: 0 };

/** From a number to one of its predecessors. */
export function extend(from: Pen, evenPredecessor: boolean): Pen {
  const direction = from.direction + (evenPredecessor ? EVEN_TURN : ODD_TURN);
  const length = 1 / (1 + from.depth / SHRINK_DEPTH);
  return {
    x: from.x + length * Math.cos(direction),
    y: from.y + length * Math.sin(direction),
    direction,
    depth: from.depth + 1,
  };
}

/**
 * The points from 1 out to the first number of a path, whose parities are given from that number on, 1 the last.
 * @param most points after the first: the end of a longer path is left out
 */
export function pathPoints(odd: Uint8Array, most = Infinity): Pen[] {
  const points = [FIRST_PEN];
  let pen = FIRST_PEN;
  for (let step = odd.length - 2; step >= Math.max(0, odd.length - 1 - most); step--) {
    pen = extend(pen, odd[step] === 0);
    points.push(pen);
  }
  return points;
}

/**
 * The first value of a path that lies on another start's path too, and after how many steps.
 * @param first a step before which no value is small enough: a path of 2,000 digits has 60,000 such steps
 */
export function joint(
  tree: InverseTree,
  values: (from: number, count: number) => readonly bigint[],
  first = 0,
): { readonly value: number; readonly step: number; readonly others: number } | undefined {
  const CHUNK = 64;
  for (let from = first; ; from += CHUNK) {
    const chunk = values(from, CHUNK);
    if (chunk.length === 0) return undefined;
    for (const [i, value] of chunk.entries()) {
      const at = value > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : tree.index.get(Number(value));
      if (at !== undefined) return { value: Number(value), step: from + i, others: tree.weights[at] ?? 0 };
    }
  }
}
