/** Sums and maxima over trees, and the output words (kernel-words.ts). */
import { UNIT_SHIFT } from './constants.ts';
import * as p from './parameters.ts';
import * as wave from './wave.ts';

const MACHINES: i32 = 11;
export const HEAD_WORDS: i32 = 177;
export const words: usize = memory.data(4 * 178, 16);
const depths: usize = words + 32;
const sizes: usize = depths + 8 * 33;
const lowers: usize = sizes + 8 * 25;
const uppers: usize = lowers + 8 * 11;
const largest: usize = uppers + 8 * 11;

/** Of the bounds of 4 trees at a time: sums of few enough to stay below 2^32, for each machine but the first. */
const lowerLanes: usize = memory.data(16 * 11, 16);
const upperLanes: usize = memory.data(16 * 11, 16);
/** 16 fours of trees of less work than this sum up below 2^32. */
const NARROW_WORK: u64 = 1 << 28;
const NARROW_TREES: i32 = 64;

export function clear(): void {
  memory.fill(words, 0, 4 * 178);
}

// @ts-ignore: decorators of AssemblyScript
@inline
export function add64(address: usize, value: u64): void {
  store<u64>(address, load<u64>(address) + value);
}

/** Adds the trees of `wave.records`; the first is the tree of the `offset`-th root. */
export function addTrees(offset: u32, count: i32): void {
  for (let tree = 0; tree < count; tree += NARROW_TREES) addSome(offset, tree, min(count, tree + NARROW_TREES));
  if (!p.mayOverflow) {
    for (let depth = 0; depth <= p.maxDepth; depth++) {
      const waveDepth = wave.depths + (<usize>depth << 3);
      add64(depths + (<usize>depth << 3), load<u64>(waveDepth));
      store<u64>(waveDepth, 0);
    }
    return;
  }
  for (let depth = 1; depth <= p.maxDepth; depth++) addDepth(depth, count);
}

/** Adds `count` trees of one thread: their bounds are their work on every machine. */
export function addSingles(count: u64, work: u64): void {
  store<u64>(words, count, 8);
  store<u64>(words, work, 16);
  store<u64>(words, work, 24);
  store<u64>(depths, count);
  store<u64>(sizes, count);
  for (let machine = 0; machine < MACHINES; machine++) addBounds(machine, work, work);
  compare(largest, 1, 0);
}

/** The tree of the `offset`-th root, which comes after all others so far, has one thread. */
export function compareSingle(work: u32, offset: u32): void {
  compare(largest + 12, work, offset);
  compare(largest + 24, work, offset);
}

/** Roots come in ascending order: only a larger value moves the argmax. */
// @ts-ignore: decorators of AssemblyScript
@inline
function compare(place: usize, value: u64, offset: u32): void {
  if (value > load<u64>(place)) {
    store<u64>(place, value);
    store<u32>(place, offset, 8);
  }
}

function addSome(offset: u32, from: i32, to: i32): void {
  let oversize: u64 = 0;
  let threads: u64 = 0;
  let work: u64 = 0;
  let span: u64 = 0;
  let widest: u64 = 0;
  for (let tree = from; tree < to; tree++) {
    const record = wave.records + (<usize>tree << 4);
    const units = load<i32>(record, 8);
    if (units < 0) {
      // Nothing of it counts, and the bounds of nothing are nothing.
      v128.store(record, i32x4.splat(0));
      oversize++;
      continue;
    }
    const treeThreads = <u32>(units - p.noThreads) >> UNIT_SHIFT;
    const treeWork = load<u64>(record);
    const treeSpan = load<u32>(record, 12);
    threads += treeThreads;
    work += treeWork;
    span += treeSpan;
    widest |= treeWork;
    add64(sizes + (<usize>(31 - clz<u32>(treeThreads)) << 3), 1);
    compare(largest, treeThreads, offset + tree);
    compare(largest + 12, treeWork, offset + tree);
    compare(largest + 24, treeSpan, offset + tree);
  }
  add64(words, oversize);
  add64(words + 8, threads);
  add64(words + 16, work);
  add64(words + 24, span);
  if (p.mayOverflow) add64(depths, <u64>(to - from) - oversize);
  addBounds(0, work, work);
  if (widest < NARROW_WORK) addNarrow(from, to, span);
  else for (let tree = from; tree < to; tree++) addWide(wave.records + (<usize>tree << 4));
}

/** Adds to the two bounds for 2^machine processors. */
// @ts-ignore: decorators of AssemblyScript
@inline
function addBounds(machine: i32, lower: u64, upper: u64): void {
  add64(lowers + (<usize>machine << 3), lower);
  add64(uppers + (<usize>machine << 3), upper);
}

/** The bounds of one tree; those of a single processor are known from the work. */
function addWide(record: usize): void {
  const work = load<u64>(record);
  const span = <u64>load<u32>(record, 12);
  for (let machine = 1; machine < MACHINES; machine++) {
    const share = (work + (<u64>1 << machine) - 1) >> machine;
    addBounds(machine, max<u64>(share, span), span + ((work - span) >> machine));
  }
}

/** The bounds of up to 64 trees of work below 2^28 and the sum `span`, four at a time. */
function addNarrow(from: i32, to: i32, span: u64): void {
  memory.fill(lowerLanes, 0, 16 * 11);
  memory.fill(upperLanes, 0, 16 * 11);
  // Up to three records behind the last tree: nothing.
  for (let tree = to; (tree & 3) != 0; tree++) v128.store(wave.records + (<usize>tree << 4), i32x4.splat(0));
  const end = wave.records + (<usize>to << 4);
  for (let record = wave.records + (<usize>from << 4); record < end; record += 64) {
    const low01 = v128.shuffle<i32>(v128.load(record), v128.load(record, 16), 0, 4, 3, 7);
    const low23 = v128.shuffle<i32>(v128.load(record, 32), v128.load(record, 48), 0, 4, 3, 7);
    const works = v128.shuffle<i64>(low01, low23, 0, 2);
    const spans = v128.shuffle<i64>(low01, low23, 1, 3);
    const excess = i32x4.sub(works, spans);
    addLanes(1, works, spans, excess);
    addLanes(2, works, spans, excess);
    addLanes(3, works, spans, excess);
    addLanes(4, works, spans, excess);
    addLanes(5, works, spans, excess);
    addLanes(6, works, spans, excess);
    addLanes(7, works, spans, excess);
    addLanes(8, works, spans, excess);
    addLanes(9, works, spans, excess);
    addLanes(10, works, spans, excess);
  }
  for (let machine = 1; machine < MACHINES; machine++) {
    const offset = <usize>machine << 4;
    addBounds(machine, sumOfLanes(lowerLanes + offset), span + sumOfLanes(upperLanes + offset));
  }
}

// @ts-ignore: decorators of AssemblyScript
@inline
function addLanes(machine: i32, works: v128, spans: v128, excess: v128): void {
  const lower = lowerLanes + (<usize>machine << 4);
  const upper = upperLanes + (<usize>machine << 4);
  const share = i32x4.shr_u(i32x4.add(works, i32x4.splat((1 << machine) - 1)), machine);
  v128.store(lower, i32x4.add(v128.load(lower), i32x4.max_u(share, spans)));
  v128.store(upper, i32x4.add(v128.load(upper), i32x4.shr_u(excess, machine)));
}

function sumOfLanes(address: usize): u64 {
  return (
    <u64>load<u32>(address) + <u64>load<u32>(address, 4) + <u64>load<u32>(address, 8) + <u64>load<u32>(address, 12)
  );
}

/** Adds the threads at that depth. The records of oversize trees have been emptied: their units are 0. */
function addDepth(depth: i32, count: i32): void {
  const row = wave.countsOf(depth);
  let sum: u64 = 0;
  for (let tree = 0; tree < count; tree++) {
    const units = load<i32>(wave.records + (<usize>tree << 4), 8);
    sum += <u64>select<u32>(0, load<u32>(row + (<usize>tree << 2)) >> UNIT_SHIFT, units == 0);
  }
  add64(depths + (<usize>depth << 3), sum);
}
