/**
 * Yardstick: `thread` as a textbook has it: a function that calls itself for each child, no SIMD.
 *
 * Row: threads, work and span (2 words each) over the trees that are not oversize; oversize trees. Parameter words:
 * kernel-words.ts of the workload. The ABI is `CpuKernel` in protocol/workload.ts.
 */
const words: usize = memory.data(4 * 64, 16);
const row: usize = memory.data(4 * 12, 16);

let maxDepth: u32 = 0;
let maxChildren: u32 = 0;
let threshold: u32 = 0;
let workMin: u32 = 0;
let workRange: u32 = 0;
let maxThreads: u32 = 0;

/** Of the tree at hand. */
let threads: u32 = 0;
let work: u64 = 0;
let span: u32 = 0;

export function parameters(length: u32): u32 {
  if (length > 64) unreachable();
  return <u32>words;
}

export function prepare(): void {
  maxDepth = load<u32>(words, 8);
  maxChildren = load<u32>(words, 12);
  threshold = load<u32>(words, 16);
  workMin = load<u32>(words, 20);
  workRange = load<u32>(words, 24);
  maxThreads = load<u32>(words, 32);
}

export function output(): u32 {
  return <u32>row;
}

export function run(start0: u64, start1: u64, length: u64): u32 {
  let allThreads: u64 = 0;
  let allWork: u64 = 0;
  let allSpan: u64 = 0;
  let oversize: u32 = 0;
  for (let offset: u64 = 0; offset < length; offset++) {
    threads = 0;
    work = 0;
    span = 0;
    walk(threefry(<u32>(start0 + offset), load<u32>(words), load<u32>(words, 4)), 0, 0);
    if (threads > maxThreads) {
      oversize++;
      continue;
    }
    allThreads += threads;
    allWork += work;
    allSpan += span;
  }
  store<u64>(row, allThreads);
  store<u64>(row, allWork, 8);
  store<u64>(row, allSpan, 16);
  store<u32>(row, oversize, 24);
  return 12;
}

/** The thread with this state (first word low) and all below it; gives up once the tree is oversize. */
function walk(state: u64, depth: u32, start: u32): void {
  threads++;
  if (threads > maxThreads) return;
  const a = <u32>state;
  const b = <u32>(state >> 32);
  const ticks = workMin + a % workRange;
  work += ticks;
  if (start + ticks > span) span = start + ticks;
  if (depth >= maxDepth) return;
  let forks: u32 = 0;
  for (let chance: u32 = 0; chance < maxChildren; chance++) {
    if (((b >> (8 * chance)) & 255) < threshold) forks++;
  }
  for (let child: u32 = 0; child < forks; child++) {
    walk(threefry(child, a, b), depth + 1, start + (ticks * (child + 1)) / (forks + 1));
    if (threads > maxThreads) return;
  }
}

/** TF((key0, key1); (counter, 0)), Threefry-2x32 with 20 rounds: Salmon et al., SC'11. The first word is the low half. */
function threefry(counter: u32, key0: u32, key1: u32): u64 {
  const key2 = 0x1bd11bda ^ key0 ^ key1;
  let x = counter + key0;
  let y = key1;
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
