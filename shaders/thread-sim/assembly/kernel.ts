/**
 * CPU kernel of `thread`: every tree of a range walked depth first, sums exact in 64 bits. Layout of the
 * parameter and output words: kernel-words.ts.
 *
 * A tree counts into its own `treeDepths` and is added to the totals only once it is known not to be oversize,
 * so that an oversize tree leaves no trace but in the count of oversize trees.
 *
 * The walk's inner loop has no branch that depends on the random numbers: all children that could be are
 * written behind the top of the stack, the top moves past those that are, and the last one is taken off. With
 * branches (first child kept in registers, siblings pushed, pop if there is none) mixed trees were 5-15 %
 * slower and only full trees, whose branches are predictable, 50 % faster.
 *
 * Largest values: a tree has at most 2^24 threads of 2^20 ticks, so its work is below 2^45; 2^32 such trees
 * would pass 2^64 in no sum (a run takes far fewer: 2^20 threads or one tree).
 */

const MAX_DEPTH: i32 = 32;
const SIZES: i32 = 25;
const MACHINES: i32 = 11;
const PARAMETER_WORDS: i32 = 16;
const HEAD_WORDS: i32 = 177;

// A waiting child: its parent's state (8 bytes); start (32 bits), which child (8 bits), depth (24 bits).
const ENTRY_BYTES: usize = 16;
const ENTRY_SHIFT: usize = 4;
// Depth first, at most 3 siblings wait per level; above them, the 4 children of the thread at hand.
const stack: usize = memory.data(16 * (3 * 33 + 4), 16);
const words: usize = memory.data(4 * 16, 16);
const out: usize = memory.data(4 * 178, 16);
const treeDepths: usize = memory.data(4 * 33, 16);
const depths: usize = memory.data(8 * 33, 16);
const sizes: usize = memory.data(8 * 25, 16);
const lowers: usize = memory.data(8 * 11, 16);
const uppers: usize = memory.data(8 * 11, 16);
/** floor(2^32 / (k + 1)) + 1: x·this >> 32 is exactly floor(x / (k + 1)) for x up to 2^22. */
const inverses: usize = memory.data(8 * 5, 16);

let seed0: u32 = 0;
let seed1: u32 = 0;
let maxDepth: i32 = 0;
// Thresholds per chance: 0 for a chance that does not exist, so four compares count the forks of any thread.
let chance0: u32 = 0;
let chance1: u32 = 0;
let chance2: u32 = 0;
let chance3: u32 = 0;
let children: u32 = 0;
let workMin: u32 = 0;
let workRange: u32 = 0;
/** floor((2^32 − 1) / workRange): the quotient estimate is at most one too small. */
let workInverse: u64 = 0;
let maxThreads: u32 = 0;

export function parameters(length: u32): u32 {
  if (length != <u32>PARAMETER_WORDS) unreachable();
  return <u32>words;
}

export function prepare(): void {
  seed0 = load<u32>(words);
  seed1 = load<u32>(words, 4);
  maxDepth = load<i32>(words, 8);
  children = load<u32>(words, 12);
  const threshold = load<u32>(words, 16);
  chance0 = children > 0 ? threshold : 0;
  chance1 = children > 1 ? threshold : 0;
  chance2 = children > 2 ? threshold : 0;
  chance3 = children > 3 ? threshold : 0;
  workMin = load<u32>(words, 20);
  workRange = load<u32>(words, 24);
  workInverse = <u64>load<u32>(words, 28);
  maxThreads = load<u32>(words, 32);
  if (maxDepth > MAX_DEPTH || workRange == 0) unreachable();
  for (let k: u64 = 0; k < 5; k++) store<u64>(inverses + <usize>(k << 3), 0x100000000 / (k + 1) + 1);
}

export function output(): u32 {
  return <u32>out;
}

// @ts-ignore: decorators of AssemblyScript
@inline
function add64(address: usize, value: u64): void {
  store<u64>(address, load<u64>(address) + value);
}

// @ts-ignore: decorators of AssemblyScript
@inline
function threefry(counter: u32, key0: u32, key1: u32, key2: u32): u64 {
  // TF((key0, key1); (counter, 0)); key2 is the parity word. The first word is the low half.
  let x: u32 = counter + key0;
  let y: u32 = key1;
  x += y; y = rotl<u32>(y, 13) ^ x;
  x += y; y = rotl<u32>(y, 15) ^ x;
  x += y; y = rotl<u32>(y, 26) ^ x;
  x += y; y = rotl<u32>(y, 6) ^ x;
  x += key1; y += key2 + 1;
  x += y; y = rotl<u32>(y, 17) ^ x;
  x += y; y = rotl<u32>(y, 29) ^ x;
  x += y; y = rotl<u32>(y, 16) ^ x;
  x += y; y = rotl<u32>(y, 24) ^ x;
  x += key2; y += key0 + 2;
  x += y; y = rotl<u32>(y, 13) ^ x;
  x += y; y = rotl<u32>(y, 15) ^ x;
  x += y; y = rotl<u32>(y, 26) ^ x;
  x += y; y = rotl<u32>(y, 6) ^ x;
  x += key0; y += key1 + 3;
  x += y; y = rotl<u32>(y, 17) ^ x;
  x += y; y = rotl<u32>(y, 29) ^ x;
  x += y; y = rotl<u32>(y, 16) ^ x;
  x += y; y = rotl<u32>(y, 24) ^ x;
  x += key1; y += key2 + 4;
  x += y; y = rotl<u32>(y, 13) ^ x;
  x += y; y = rotl<u32>(y, 15) ^ x;
  x += y; y = rotl<u32>(y, 26) ^ x;
  x += y; y = rotl<u32>(y, 6) ^ x;
  x += key2; y += key0 + 5;
  return ((<u64>y) << 32) | <u64>x;
}

export function run(start0: u64, start1: u64, length: u64): u32 {
  if (start1 != 0 || start0 > 0x100000000 || length > 0x100000000 - start0) unreachable();
  memory.fill(depths, 0, 8 * 33);
  memory.fill(treeDepths, 0, 4 * 33);
  memory.fill(sizes, 0, 8 * 25);
  memory.fill(lowers, 0, 8 * 11);
  memory.fill(uppers, 0, 8 * 11);
  const parity: u32 = 0x1bd11bda;
  const rootKey2 = parity ^ seed0 ^ seed1;
  let oversize: u64 = 0;
  let allThreads: u64 = 0;
  let allWork: u64 = 0;
  let allSpan: u64 = 0;
  // Trees whose work is their span (chains and single threads): both bounds are the span for every machine.
  let serial: u64 = 0;
  let bestThreads: u64 = 0;
  let bestWork: u64 = 0;
  let bestSpan: u64 = 0;
  let bestThreadsAt: u32 = 0;
  let bestWorkAt: u32 = 0;
  let bestSpanAt: u32 = 0;

  for (let offset: u64 = 0; offset < length; offset++) {
    let state = threefry(<u32>(start0 + offset), seed0, seed1, rootKey2);
    let threads: u32 = 0;
    let work: u64 = 0;
    let span: u32 = 0;
    let start: u32 = 0;
    let depth: i32 = 0;
    let deepest: i32 = 0;
    let top = stack;
    while (true) {
      threads++;
      if (threads > maxThreads) break;
      const a = <u32>state;
      const b = <u32>(state >> 32);
      let rest = a - <u32>((<u64>a * workInverse) >> 32) * workRange;
      rest = select<u32>(rest - workRange, rest, rest >= workRange);
      const ticks = workMin + rest;
      work += ticks;
      span = max<u32>(span, start + ticks);
      deepest = max<i32>(deepest, depth);
      const slot = treeDepths + ((<usize>depth) << 2);
      store<u32>(slot, load<u32>(slot) + 1);
      const hits =
        <u32>((b & 255) < chance0) +
        <u32>(((b >> 8) & 255) < chance1) +
        <u32>(((b >> 16) & 255) < chance2) +
        <u32>((b >> 24) < chance3);
      const forks = select<u32>(hits, 0, depth < maxDepth);
      const inverse = load<u64>(inverses + ((<usize>forks) << 3));
      const below = (<u64>(depth + 1)) << 40;
      // ticks · (child + 1), at most 2^22.
      let part: u32 = 0;
      let entry = top;
      for (let child: u32 = 0; child < children; child++) {
        part += ticks;
        store<u64>(entry, state);
        store<u64>(entry, <u64>(start + <u32>((<u64>part * inverse) >> 32)) | (<u64>child << 32) | below, 8);
        entry += ENTRY_BYTES;
      }
      top += <usize>forks << ENTRY_SHIFT;
      if (top == stack) break;
      top -= ENTRY_BYTES;
      const parent = load<u64>(top);
      const place = load<u64>(top, 8);
      const key0 = <u32>parent;
      const key1 = <u32>(parent >> 32);
      start = <u32>place;
      depth = <i32>(place >> 40);
      state = threefry(<u32>(place >> 32) & 255, key0, key1, parity ^ key0 ^ key1);
    }

    if (threads > maxThreads) {
      oversize++;
      memory.fill(treeDepths, 0, 4 * 33);
      continue;
    }
    allThreads += threads;
    allWork += work;
    allSpan += span;
    for (let d: usize = 0; d <= <usize>deepest; d++) {
      add64(depths + (d << 3), load<u32>(treeDepths + (d << 2)));
      store<u32>(treeDepths + (d << 2), 0);
    }
    add64(sizes + (<usize>(31 - clz<u32>(threads)) << 3), 1);
    // Roots come in ascending order: only a larger value moves the argmax.
    if (<u64>threads > bestThreads) {
      bestThreads = threads;
      bestThreadsAt = <u32>offset;
    }
    if (work > bestWork) {
      bestWork = work;
      bestWorkAt = <u32>offset;
    }
    if (<u64>span > bestSpan) {
      bestSpan = span;
      bestSpanAt = <u32>offset;
    }
    if (work == <u64>span) {
      serial += span;
    } else {
      for (let m: u64 = 0; m < <u64>MACHINES; m++) {
        const share = (work + (<u64>1 << m) - 1) >> m;
        add64(lowers + <usize>(m << 3), max<u64>(share, span));
        add64(uppers + <usize>(m << 3), <u64>span + ((work - span) >> m));
      }
    }
  }

  store<u64>(out, oversize);
  store<u64>(out, allThreads, 8);
  store<u64>(out, allWork, 16);
  store<u64>(out, allSpan, 24);
  memory.copy(out + 32, depths, 8 * 33);
  memory.copy(out + 296, sizes, 8 * 25);
  for (let m: usize = 0; m < <usize>MACHINES; m++) {
    store<u64>(out + 496 + (m << 3), load<u64>(lowers + (m << 3)) + serial);
    store<u64>(out + 584 + (m << 3), load<u64>(uppers + (m << 3)) + serial);
  }
  store<u64>(out, bestThreads, 672);
  store<u32>(out, bestThreadsAt, 680);
  store<u64>(out, bestWork, 684);
  store<u32>(out, bestWorkAt, 692);
  store<u64>(out, bestSpan, 696);
  store<u32>(out, bestSpanAt, 704);
  return HEAD_WORDS;
}
