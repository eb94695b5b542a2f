/** The parameter words (kernel-words.ts has their layout) and the vectors that the blocks take from them. */

import { UNIT } from './constants.ts';

export const MAX_DEPTH: i32 = 32;
const PARAMETER_WORDS: u32 = 16;
const words: usize = memory.data(4 * 16, 16);

export let seed0: u32 = 0;
export let seed1: u32 = 0;
export let maxDepth: i32 = 0;
export let maxChildren: i32 = 0;
export let workMin: u32 = 0;
export let maxThreads: u32 = 0;
/** Some tree may have more than `maxThreads` threads. */
export let mayOverflow: bool = false;

/** Each of four lanes the same: workRange, floor((2^32 − 1) / workRange), workMin. */
export let workRanges: v128 = i32x4.splat(0);
export let workInverses: v128 = i32x4.splat(0);
export let workMins: v128 = i32x4.splat(0);
/** Each byte spawn_threshold − 1: chance c of a thread succeeds if byte c of b is at most this. */
export let limits: v128 = i32x4.splat(0);
/** UNIT in each byte whose chance exists, else 0. */
export let chances: v128 = i32x4.splat(0);

/** Of a record whose tree is still without threads, and so that max_threads + 1 of them set bit 31. */
export let noThreads: i32 = 0;

export function address(length: u32): u32 {
  if (length != PARAMETER_WORDS) unreachable();
  return <u32>words;
}

export function read(): void {
  seed0 = load<u32>(words);
  seed1 = load<u32>(words, 4);
  maxDepth = load<i32>(words, 8);
  maxChildren = load<i32>(words, 12);
  const threshold = load<i32>(words, 16);
  workMin = load<u32>(words, 20);
  const workRange = load<u32>(words, 24);
  maxThreads = load<u32>(words, 32);
  if (maxDepth < 0 || maxDepth > MAX_DEPTH || maxChildren < 0 || maxChildren > 4 || workRange == 0) unreachable();
  if (threshold <= 0) maxChildren = 0;
  if (maxChildren == 0) maxDepth = 0;
  workMins = i32x4.splat(workMin);
  workRanges = i32x4.splat(workRange);
  workInverses = i32x4.splat(load<u32>(words, 28));
  limits = i8x16.splat(<i8>(threshold - 1));
  // The bytes of chances 0 … maxChildren − 1.
  const existing: u32 = maxChildren == 0 ? 0 : 0x10101010 >> <u32>(32 - 8 * maxChildren);
  chances = i32x4.splat(existing);
  noThreads = <i32>(0x80000000 - (maxThreads + 1) * UNIT);
  mayOverflow = largestTree() > <u64>maxThreads;
}

/** Threads of a tree in which every chance succeeds: below 2^63 (4^0 + … + 4^31), and at 2^63 it stops counting. */
function largestTree(): u64 {
  let level: u64 = 1;
  let sum: u64 = 1;
  for (let depth = 0; depth < maxDepth && sum < <u64>1 << 40; depth++) {
    level *= <u64>maxChildren;
    sum += level;
  }
  return sum;
}
