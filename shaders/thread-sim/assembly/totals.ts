/** Sums and maxima over trees, and the output words (kernel-words.ts). */
import { UNIT_SHIFT } from './constants.ts';
import * as p from './parameters.ts';
import * as wave from './wave.ts';

const MACHINES: i32 = 11;
const SIZES: i32 = 25;
export const HEAD_WORDS: i32 = 177;
export const words: usize = memory.data(4 * 178, 16);
const depths: usize = words + 32;
const sizes: usize = depths + 8 * 33;
const lowers: usize = sizes + 8 * 25;
const uppers: usize = lowers + 8 * 11;
const largest: usize = uppers + 8 * 11;

export function clear(): void {
  memory.fill(words, 0, 4 * 178);
}

// @ts-ignore: decorators of AssemblyScript
@inline
function add64(address: usize, value: u64): void {
  store<u64>(address, load<u64>(address) + value);
}

/** Adds the trees of `wave.records`; the first is the tree of the `offset`-th root. */
export function addTrees(offset: u32, count: i32): void {
  for (let tree = 0; tree < count; tree++) {
    const record = wave.records + (<usize>tree << 4);
    const units = load<i32>(record, 8);
    if (units < 0) add64(words, 1);
    else addTree(offset + tree, <u32>(units - p.noThreads) >> UNIT_SHIFT, load<u64>(record), load<u32>(record, 12));
  }
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

function addDepth(depth: i32, count: i32): void {
  const row = wave.countsOf(depth);
  let sum: u64 = 0;
  for (let tree = 0; tree < count; tree++) {
    const units = load<i32>(wave.records + (<usize>tree << 4), 8);
    sum += <u64>select<u32>(0, load<u32>(row + (<usize>tree << 2)) >> UNIT_SHIFT, units < 0);
  }
  add64(depths + (<usize>depth << 3), sum);
}

function addTree(offset: u32, threads: u32, work: u64, span: u32): void {
  if (p.mayOverflow) add64(depths, 1);
  add64(words + 8, threads);
  add64(words + 16, work);
  add64(words + 24, span);
  add64(sizes + (<usize>(31 - clz<u32>(threads)) << 3), 1);
  compare(largest, threads, offset);
  compare(largest + 12, work, offset);
  compare(largest + 24, span, offset);
  for (let m: u64 = 0; m < <u64>MACHINES; m++) {
    const share = (work + (<u64>1 << m) - 1) >> m;
    add64(lowers + <usize>(m << 3), max<u64>(share, span));
    add64(uppers + <usize>(m << 3), <u64>span + ((work - span) >> m));
  }
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
