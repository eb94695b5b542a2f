/**
 * The trees of up to MOST_TREES roots at once, by depth: entries of depth d wait on the d-th stack, and a block
 * is always taken from the deepest stack that has a full one. So a stack holds less than a block when the one above
 * adds to it, and never more than five, however large the trees are. Where no stack has a full block
 * and no root is left, the shallowest that has any goes first: what it adds fills those below it.
 */
import * as p from './parameters.ts';
import * as blocks from './block.ts';
import { UNIT } from './constants.ts';
import * as states from './states.ts';

const ENTRY_BYTES: usize = 16;
/** Entries of a block. */
const BLOCK: i32 = 128;
/** Few enough that what is known of them stays in the second cache; the ends of waves cost about 1 % of the time. */
export const MOST_TREES: i32 = 2048;
/**
 * Less than a block that waits, four children of each of a block; then room for what is dropped or overwritten at once:
 * four children of seven that fill up an eight, and three behind the last.
 */
const STACK_BYTES: usize = 16 * (5 * 128 + 32);

const stacks: usize = memory.data(33 * 16 * (5 * 128 + 32), 16);
const tops: usize = memory.data(4 * 33, 16);
/** How many overflows were known when the stack was last cleared of dead trees. */
const cleared: usize = memory.data(4 * 33, 16);
let overflows: u32 = 0;

/** The records of the trees (block.ts); seven more that a last eight of roots may write; one for padding. */
export const records: usize = memory.data(16 * (2048 + 8), 16);
const padding: usize = records + 16 * 2055;

/** The states of a block of roots. */
const roots: usize = memory.data(8 * 128, 16);

/** Children by (depth, tree), in units, so that an oversize tree leaves no trace. Where none may overflow, unused. */
const counts: usize = memory.data(4 * 33 * (2048 + 8), 16);
const ROW_BYTES: usize = 4 * (2048 + 8);
/** Threads by depth; meaningless where trees may overflow, since it counts theirs too. */
export const depths: usize = memory.data(8 * 33, 16);

export function countsOf(depth: i32): usize {
  return counts + <usize>depth * ROW_BYTES;
}

function top(depth: i32): usize {
  return <usize>load<u32>(tops + (<usize>depth << 2));
}

function setTop(depth: i32, address: usize): void {
  store<u32>(tops + (<usize>depth << 2), <u32>address);
}

function bottom(depth: i32): usize {
  return stacks + <usize>depth * STACK_BYTES;
}

/** Computes the trees of the roots [root, root + count), count ≤ MOST_TREES, into their records. */
export function compute(root: u32, count: i32): void {
  for (let depth = 0; depth <= p.maxDepth; depth++) {
    setTop(depth, bottom(depth));
    store<u32>(cleared + (<usize>depth << 2), overflows);
    if (p.mayOverflow || depth == 1) memory.fill(countsOf(depth), 0, <usize>count << 2);
  }
  let started = 0;
  let depth = 0;
  let shallowest = 1;
  while (true) {
    while (depth > 0 && waiting(depth) < BLOCK) depth--;
    if (depth == 0) {
      if (started < count) {
        const some = min(BLOCK, count - started);
        start(root + started, some, started);
        started += some;
        depth = 1;
        continue;
      }
      while (shallowest <= p.maxDepth && waiting(shallowest) == 0) shallowest++;
      if (shallowest > p.maxDepth) return;
      depth = shallowest;
    }
    take(depth);
    if (depth < p.maxDepth) depth++;
  }
}

/** How many entries wait at this depth. */
function waiting(depth: i32): i32 {
  const known = cleared + (<usize>depth << 2);
  if (load<u32>(known) != overflows) {
    setTop(depth, withoutDead(bottom(depth), top(depth)));
    store<u32>(known, overflows);
  }
  return <i32>((top(depth) - bottom(depth)) >> 4);
}

/** Drops the entries of trees that have overflowed, and moves the others together; returns their end. */
function withoutDead(from: usize, to: usize): usize {
  let kept = from;
  for (let at = from; at < to; at += ENTRY_BYTES) {
    const threads = load<u32>(<usize>load<u32>(at, 12), 8);
    v128.store(kept, v128.load(at));
    kept += <usize>((~threads >> 31) << 4);
  }
  return kept;
}

function start(root: u32, count: i32, tree: i32): void {
  const first = records + (<usize>tree << 4);
  const begin = top(1);
  states.ofRoots(p.seed0, p.seed1, root, count, roots);
  const whole = (<usize>count + 7) & ~7;
  for (let at = first; at < first + (whole << 4); at += 16) v128.store(at, i32x4(0, 0, p.noThreads + UNIT, 0));
  add64(depths, <u64>count);
  let end = blocks.roots(roots, roots + (whole << 3), first, begin, rowOf(1));
  // What fills up the last eight are roots behind the range.
  const behind = first + (<usize>count << 4);
  while (end > begin && <usize>load<u32>(end - 4) >= behind) end -= ENTRY_BYTES;
  setTop(1, end);
  if (p.mayOverflow && blocks.overflowed()) overflows++;
}

/** Computes a block, or all there is, of this depth. */
function take(depth: i32): void {
  const end = top(depth);
  const from = max<usize>(bottom(depth), end - <usize>BLOCK * ENTRY_BYTES);
  const count = <i32>((end - from) >> 4);
  const to = from + ((<usize>count + 7) & ~7) * ENTRY_BYTES;
  for (let at = end; at < to; at += ENTRY_BYTES) v128.store(at, i32x4(0, 0, 0, <i32>padding));
  setTop(depth, from);
  add64(depths + (<usize>depth << 3), <u64>count);
  if (depth == p.maxDepth) {
    blocks.leaves(from, to);
    return;
  }
  store<u32>(padding, 0, 8);
  const begin = top(depth + 1);
  let grown = blocks.parents(from, to, begin, rowOf(depth + 1));
  // Padding comes last, and so do its children.
  while (grown > begin && <usize>load<u32>(grown - 4) == padding) grown -= ENTRY_BYTES;
  setTop(depth + 1, grown);
  if (p.mayOverflow && blocks.overflowed()) overflows++;
}

/** Where the blocks count children of that depth: a quarter of a record's address is added. */
function rowOf(depth: i32): usize {
  return countsOf(depth) - (records >> 2);
}

// @ts-ignore: decorators of AssemblyScript
@inline
function add64(address: usize, value: u64): void {
  store<u64>(address, load<u64>(address) + value);
}
