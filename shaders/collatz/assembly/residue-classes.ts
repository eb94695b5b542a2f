/**
 * Residues modulo 2^K by what K steps of the shortcut map U make of them. n = h·2^K + r → U^K(n) = h·3^c + d, with
 * c odd values on the way. All residues with the same (c, d) share every later value, so they share the delay, and
 * the peak too unless it lies within the K steps: one number is walked for the **class** and counted `weight`
 * times. 2^12 residues make 1535 classes (2.7 residues each), 2^16 make 19275 (3.4) and 2^20 make 246912 (4.2).
 *
 * **Making them.** A class (c, d) of level K has two residues' worth of continuations at level K + 1: of d and
 * d + 3^c one is even and gives (c, half of it), the other odd and gives (c + 1, (3·it + 1)/2). If a level is
 * sorted by c and then d, so are the halves of the even d followed by those of the even d + 3^c, as the latter are
 * all larger; likewise the odd ones. The next level's list of one c is then the merge of two such sequences, equal
 * d joined: linear, without hashing or sorting; all tables of the kernel take 35 ms.
 *
 * **Order.** A wave (class-wave.ts) counts all its ends with one weight, so the classes of a level are kept by weight,
 * and within it by c, in **groups** of one (weight, c). Weights with few classes would make waves that are mostly
 * empty: those few classes are **mixed**, with their weight beside them.
 */
/** 2^12, 2^14 … 2^20. */
export const LEVELS: u32 = 5;
const MOST_K: u32 = 20;
/** Classes and most classes of one c at MOST_K; a test of the counts would see a wrong one. */
const MOST_CLASSES: usize = 246912;
const MOST_OF_C: usize = 57741;
/** Weights at MOST_K are up to 140. */
const WEIGHTS: u32 = 256;
const ODD_COUNTS: u32 = 24;
/** Classes from which on a weight has waves of its own. Waves of 192 and more alone were 10% slower in all. */
const GROUP_LEAST: u32 = 8;

/** 3^c. */
const POWERS: usize = memory.data(24 * 8, 8);

/** A level under construction and the next: d (u32), weight (u8), and where each c begins (25 × u32). */
let hereD: usize = 0;
let hereWeight: usize = 0;
let hereFirst: usize = 0;
let nextD: usize = 0;
let nextWeight: usize = 0;
let nextFirst: usize = 0;
/** The two sequences to merge. */
let halvesD: usize = 0;
let halvesWeight: usize = 0;
let triplesD: usize = 0;
let triplesWeight: usize = 0;

/** Per level: K, groups, mixed classes; the addresses of the three arrays below. */
const DIRECTORY: usize = memory.data(5 * 24, 8);

export function exponent(level: u32): u32 {
  return load<u32>(DIRECTORY + <usize>level * 24);
}
export function groupCount(level: u32): u32 {
  return load<u32>(DIRECTORY + <usize>level * 24, 4);
}
export function mixedCount(level: u32): u32 {
  return load<u32>(DIRECTORY + <usize>level * 24, 8);
}
/** d (u32) of all classes that are in groups. */
export function offsets(level: u32): usize {
  return <usize>load<u32>(DIRECTORY + <usize>level * 24, 12);
}
/** Per group: weight, c, classes (u32 each); their offsets follow each other. */
export function groups(level: u32): usize {
  return <usize>load<u32>(DIRECTORY + <usize>level * 24, 16);
}
export const GROUP_BYTES: usize = 12;
/** Per mixed class: d (u32), weight << 8 | c. */
export function mixed(level: u32): usize {
  return <usize>load<u32>(DIRECTORY + <usize>level * 24, 20);
}

// @ts-ignore: decorator
@inline
export function power3(c: u32): u64 {
  return load<u64>(POWERS + (<usize>c << 3));
}

export function prepare(): void {
  let power: u64 = 1;
  for (let c: u32 = 0; c < ODD_COUNTS; c++) {
    store<u64>(POWERS + (<usize>c << 3), power);
    power *= 3;
  }
  hereD = heap.alloc(MOST_CLASSES * 4);
  nextD = heap.alloc(MOST_CLASSES * 4);
  hereWeight = heap.alloc(MOST_CLASSES);
  nextWeight = heap.alloc(MOST_CLASSES);
  hereFirst = heap.alloc(25 * 4);
  nextFirst = heap.alloc(25 * 4);
  halvesD = heap.alloc(MOST_OF_C * 4);
  halvesWeight = heap.alloc(MOST_OF_C);
  triplesD = heap.alloc(MOST_OF_C * 4);
  triplesWeight = heap.alloc(MOST_OF_C);
  // Level 0: the one residue 0, unchanged.
  store<u32>(hereD, 0);
  store<u8>(hereWeight, 1);
  memory.fill(hereFirst, 0, 25 * 4);
  store<u32>(hereFirst, 1, 4);
  let level: u32 = 0;
  for (let k: u32 = 1; k <= MOST_K; k++) {
    extend(k);
    if (k >= 12 && (k & 1) == 0) keep(level++, k);
  }
}

/** From level k − 1 to level k. */
function extend(k: u32): void {
  let at: u32 = 0;
  for (let c: u32 = 0; c <= k; c++) {
    store<u32>(nextFirst + (<usize>c << 2), at);
    const evens = c < k ? halves(c) : 0;
    const odds = c > 0 ? triples(c - 1) : 0;
    at += merge(evens, odds, at);
  }
  store<u32>(nextFirst + (<usize>(k + 1) << 2), at);
  let swap = hereD;
  hereD = nextD;
  nextD = swap;
  swap = hereWeight;
  hereWeight = nextWeight;
  nextWeight = swap;
  swap = hereFirst;
  hereFirst = nextFirst;
  nextFirst = swap;
}

function halves(c: u32): u32 {
  const from = load<u32>(hereFirst + (<usize>c << 2));
  const to = load<u32>(hereFirst + (<usize>c << 2), 4);
  const power = power3(c);
  let count: usize = 0;
  for (let added: u64 = 0; added <= power; added += power) {
    for (let i = <usize>from; i < <usize>to; i++) {
      const d = <u64>load<u32>(hereD + (i << 2)) + added;
      store<u32>(halvesD + (count << 2), <u32>(d >> 1));
      store<u8>(halvesWeight + count, load<u8>(hereWeight + i));
      count += usize((d & 1) == 0);
    }
  }
  return <u32>count;
}

function triples(c: u32): u32 {
  const from = load<u32>(hereFirst + (<usize>c << 2));
  const to = load<u32>(hereFirst + (<usize>c << 2), 4);
  const power = power3(c);
  let count: usize = 0;
  for (let added: u64 = 0; added <= power; added += power) {
    for (let i = <usize>from; i < <usize>to; i++) {
      const d = <u64>load<u32>(hereD + (i << 2)) + added;
      store<u32>(triplesD + (count << 2), <u32>((3 * d + 1) >> 1));
      store<u8>(triplesWeight + count, load<u8>(hereWeight + i));
      count += usize((d & 1) != 0);
    }
  }
  return <u32>count;
}

/** Writes both from class `at` on; returns how many there are. */
function merge(evens: u32, odds: u32, at: u32): u32 {
  let i: usize = 0;
  let j: usize = 0;
  let to = <usize>at;
  while (i < <usize>evens || j < <usize>odds) {
    const a = i < <usize>evens ? <u64>load<u32>(halvesD + (i << 2)) : u64.MAX_VALUE;
    const b = j < <usize>odds ? <u64>load<u32>(triplesD + (j << 2)) : u64.MAX_VALUE;
    let weight: u32 = 0;
    if (a <= b) weight = load<u8>(halvesWeight + i++);
    if (b <= a) weight += load<u8>(triplesWeight + j++);
    store<u32>(nextD + (to << 2), <u32>min(a, b));
    store<u8>(nextWeight + to, <u8>weight);
    to++;
  }
  return <u32>to - at;
}

/** Room for the counts of each (weight, c), then for where the next such class goes. */
const COUNTS: usize = memory.data(256 * 24 * 4, 8);

/** Keeps the level just made, ordered by weight and c. */
function keep(level: u32, k: u32): void {
  memory.fill(COUNTS, 0, 256 * 24 * 4);
  for (let c: u32 = 0; c <= k; c++) count(c);
  let grouped: u32 = 0;
  let groupsMade: u32 = 0;
  let mixedMade: u32 = 0;
  for (let weight: u32 = 1; weight < WEIGHTS; weight++) {
    const all = ofWeight(weight, k);
    if (all < GROUP_LEAST) {
      mixedMade += all;
      continue;
    }
    grouped += all;
    for (let c: u32 = 0; c <= k; c++) groupsMade += u32(load<u32>(cell(weight, c)) != 0);
  }
  const header = DIRECTORY + <usize>level * 24;
  store<u32>(header, k);
  store<u32>(header, groupsMade, 4);
  store<u32>(header, mixedMade, 8);
  store<u32>(header, <u32>heap.alloc(<usize>grouped << 2), 12);
  store<u32>(header, <u32>heap.alloc(<usize>groupsMade * GROUP_BYTES), 16);
  store<u32>(header, <u32>heap.alloc(<usize>mixedMade << 3), 20);
  place(level, k);
  for (let c: u32 = 0; c <= k; c++) distribute(c);
}

// @ts-ignore: decorator
@inline
function cell(weight: u32, c: u32): usize {
  return COUNTS + (<usize>(weight * ODD_COUNTS + c) << 2);
}

function count(c: u32): void {
  const to = load<u32>(hereFirst + (<usize>c << 2), 4);
  for (let i = load<u32>(hereFirst + (<usize>c << 2)); i < to; i++) {
    const at = cell(load<u8>(hereWeight + <usize>i), c);
    store<u32>(at, load<u32>(at) + 1);
  }
}

function ofWeight(weight: u32, k: u32): u32 {
  let all: u32 = 0;
  for (let c: u32 = 0; c <= k; c++) all += load<u32>(cell(weight, c));
  return all;
}

/** Bit 0 of a cell's address tells mixed classes, which are 8 bytes and not 4. */
const IS_MIXED: u32 = 1;

/** Writes the groups, and turns every count into the address of the first such class. */
function place(level: u32, k: u32): void {
  let offset = <u32>offsets(level);
  let group = groups(level);
  let other = <u32>mixed(level);
  for (let weight: u32 = 1; weight < WEIGHTS; weight++) {
    const isMixed = ofWeight(weight, k) < GROUP_LEAST;
    for (let c: u32 = 0; c <= k; c++) {
      const at = cell(weight, c);
      const classes = load<u32>(at);
      if (classes == 0) continue;
      if (isMixed) {
        store<u32>(at, other | IS_MIXED);
        other += classes << 3;
      } else {
        store<u32>(group, weight);
        store<u32>(group, c, 4);
        store<u32>(group, classes, 8);
        group += GROUP_BYTES;
        store<u32>(at, offset);
        offset += classes << 2;
      }
    }
  }
}

function distribute(c: u32): void {
  const to = load<u32>(hereFirst + (<usize>c << 2), 4);
  for (let i = load<u32>(hereFirst + (<usize>c << 2)); i < to; i++) {
    const weight = <u32>load<u8>(hereWeight + <usize>i);
    const at = cell(weight, c);
    const target = load<u32>(at);
    const address = <usize>(target & ~IS_MIXED);
    store<u32>(address, load<u32>(hereD + (<usize>i << 2)));
    if ((target & IS_MIXED) != 0) store<u32>(address, (weight << 8) | c, 4);
    store<u32>(at, target + ((target & IS_MIXED) != 0 ? 8 : 4));
  }
}
