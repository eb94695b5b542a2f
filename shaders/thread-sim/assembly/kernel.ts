/**
 * CPU kernel of `thread`: the trees of a range as a wave. wave.ts says in which order threads are computed, block.ts
 * and states.ts how, totals.ts what is added up. Layout of the parameter and output words: kernel-words.ts.
 *
 * Largest values: a tree has at most 2^24 threads of 2^20 ticks, so its work is below 2^45, and 2^19 such trees would
 * be needed to pass 2^64: 2^43 threads, where a run takes some 2^20.
 */
import * as constants from './constants.ts';
import * as p from './parameters.ts';
import * as singles from './singles.ts';
import * as totals from './totals.ts';
import * as wave from './wave.ts';

export function parameters(length: u32): u32 {
  return p.address(length);
}

export function prepare(): void {
  p.read();
  constants.prepare();
}

export function run(start0: u64, start1: u64, length: u64): u32 {
  if (start1 != 0 || start0 > 0x100000000 || length > 0x100000000 - start0) unreachable();
  totals.clear();
  if (p.maxDepth == 0) {
    singles.compute(<u32>start0, length);
    return totals.HEAD_WORDS;
  }
  for (let done: u64 = 0; done < length; done += wave.MOST_TREES) {
    const count = <i32>min<u64>(wave.MOST_TREES, length - done);
    wave.compute(<u32>(start0 + done), count);
    totals.addTrees(<u32>done, count);
  }
  return totals.HEAD_WORDS;
}

export function output(): u32 {
  return <u32>totals.words;
}
