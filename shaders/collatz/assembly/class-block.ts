/**
 * The statistics of one block: 2^K numbers from n0 = h·2^K on, h ≥ 16, by their residue classes.
 *
 * **From odd values to delays.** Let n be of the block, C the odd values on its path to 1 and J its halvings. An odd
 * x goes to (3x + 1)/2 = x·(3/2)·(1 + 1/3x), so 2^J = n·3^C·Π(1 + 1/3x) over them. Tables are made for an N with
 * N ≤ n0 ≤ 1.02·N, and
 *  - U^K(n) = h·3^c + d < (h + 1)·3^c, that is N·3^c/2^K times less than 1.02·17/16 < 1.084;
 *  - from there to the first value below 2^19 all x ≥ 2^19, and there are fewer than 8400 (longer walks are given up):
 *    a factor below exp(8400/(3·2^19)) < 1.006;
 *  - from there to 1 it is below 1.2532: 993 has the largest (a test holds it).
 * So 2^J/(N·3^C) lies in [1, 1.37): C determines J, the only integer that brings it into [0.85, 1.7), with room for
 * rounding in doubles. The delay is C + J, the same for all n of the block with C odd values.
 *
 * In the same way a value v after j steps of U with c odd ones is N·3^c/2^j times [1, 1.37), as long as it has not
 * passed 1. With b its highest bit, c is the largest one with N·3^c/2^j < 1.05·2^(b + 1): the true c fulfils that, as
 * v < 2^(b + 1), and c + 1 does not, as N·3^(c + 1)/2^j > 3·2^b/1.37 > 1.09·2^(b + 1). It depends on j + b alone.
 *
 * **Records.** All n of a class have the same delay, so only the lowest can be a record of delays. They share their
 * values after K steps, and within them no value reaches 2·1.5^K·(n + 1): odd steps first climb highest. A block is
 * only computed here if the best peak is above that, for all its n, and above what the tail holds; then again only
 * the lowest of a class can be a record. Classes that may hold one are collected (rarely more than a few), and what
 * they are is decided in the order of n, by a walk of n itself where it is a peak.
 */
import * as classMembers from './class-members.ts';
import * as classWave from './class-wave.ts';
import * as delayCounts from './delay-counts.ts';
import * as delayTail from './delay-tail.ts';
import * as residueClasses from './residue-classes.ts';
import * as singleWave from './single-wave.ts';
import * as u128 from './uint128.ts';
import * as walk from './walk.ts';

let k: u32 = 0;
let firstHi: u64 = 0;
let firstLo: u64 = 0;
let firstOffset: u64 = 0;
/** h·3^c by c: low and high word. */
const BASES: usize = memory.data(24 * 16, 8);
/** By odd values on the path, the delay (u16), for all delays below 4096. */
const DELAY_OF: usize = memory.data(4096 * 2, 8);
let delaysKnown: u32 = 0;

/** K of a level, or 0 if a block of it can't begin at n, with `left` numbers to go and `before` behind. */
export function fits(level: u32, nHi: u64, nLo: u64, left: u64, before: u64): u32 {
  const bits = residueClasses.exponent(level);
  const size: u64 = (<u64>1) << bits;
  if ((nLo & (size - 1)) != 0 || left < size || (nHi == 0 && nLo < size << 4)) return 0;
  // With too little seen, much of the block might be records.
  if (before < size >> 4) return 0;
  if (walk.bestHi == 0 && walk.bestLo < delayTail.TAIL_PEAK) return 0;
  // 2·1.5^12 < 2^9, 2·1.5^14 < 2^10 … 2·1.5^20 < 2^13: no less than this, and K − 4 for the same reason as above.
  u128.shiftRight(walk.bestHi, walk.bestLo, max(<u64>bits - 4, 9));
  const hi = u128.hi;
  const lo = u128.lo;
  const endLo = nLo + size;
  return u128.greater(hi, lo, nHi + u64(endLo < nLo), endLo) ? bits : 0;
}

/** Counts the block that begins at n, and adds its records and what must be handed back. */
export function compute(level: u32, nHi: u64, nLo: u64, offset: u64): void {
  k = residueClasses.exponent(level);
  firstHi = nHi;
  firstLo = nLo;
  firstOffset = offset;
  prepareBases();
  prepareLogarithms();
  classWave.begin(mostOdd());
  candidates = 0;
  countMixed(level);
  if (residueClasses.groupCount(level) != 0) countGroups(level);
  decide();
}

function prepareBases(): void {
  u128.shiftRight(firstHi, firstLo, k);
  const hi = u128.hi;
  const lo = u128.lo;
  for (let c: u32 = 0; c <= k; c++) {
    u128.multiplyAdd(hi, lo, residueClasses.power3(c), 0);
    store<u64>(BASES + (<usize>c << 4), u128.lo);
    store<u64>(BASES + (<usize>c << 4), u128.hi, 8);
  }
}

/** What the tables below are made for. */
let madeFor: f64 = 0;

/** The tables serve all blocks up to a fiftieth further on. */
function prepareLogarithms(): void {
  const n0 = <f64>firstHi * 18446744073709551616.0 + <f64>firstLo;
  if (n0 >= madeFor && n0 <= madeFor * 1.02) return;
  madeFor = n0;
  let scaled = n0 / 1.05;
  let odd: u32 = 0;
  for (let position: u32 = 0; position < classWave.ODD_BEFORE_LENGTH; position++) {
    scaled *= 0.5;
    while (scaled * 3 < 1) {
      scaled *= 3;
      odd++;
    }
    classWave.setOddBefore(position, odd);
  }
  // 2^J / (n0·3^C)
  let ratio = 1 / n0;
  let delay: u32 = 0;
  for (odd = 0; ; odd++) {
    while (ratio < 0.85) {
      ratio *= 2;
      delay++;
    }
    if (delay >= delayCounts.DELAYS) break;
    store<u16>(DELAY_OF + (<usize>odd << 1), <u16>delay);
    ratio /= 3;
    delay++;
  }
  delaysKnown = odd;
}

/** With this many odd values a delay is no record, with one more it is. */
function mostOdd(): u32 {
  let odd: u32 = 0;
  while (odd + 1 < delaysKnown && <i32>load<u16>(DELAY_OF + (<usize>(odd + 1) << 1)) <= delayCounts.longest) odd++;
  return odd;
}

/** Class by index of the single wave: d, and weight << 8 | c. */
const CLASSES: usize = memory.data(512 * 8, 8);

function put(index: u32, c: u32, d: u32, weight: u32): void {
  store<u32>(CLASSES + (<usize>index << 3), d);
  store<u32>(CLASSES + (<usize>index << 3), (weight << 8) | c, 4);
  const base = load<u64>(BASES + (<usize>c << 4));
  const low = base + d;
  singleWave.put(index, load<u64>(BASES + (<usize>c << 4), 8) + u64(low < base), low, k + c);
}

function countMixed(level: u32): void {
  const from = residueClasses.mixed(level);
  const classes = residueClasses.mixedCount(level);
  for (let first: u32 = 0; first < classes; first += singleWave.CAPACITY) {
    const size = min(classes - first, singleWave.CAPACITY);
    for (let i: u32 = 0; i < size; i++) {
      const entry = from + (<usize>(first + i) << 3);
      const kind = load<u32>(entry, 4);
      put(i, kind & 255, load<u32>(entry), kind >> 8);
    }
    singleWave.finish();
    for (let i: u32 = 0; i < size; i++) look(i, true);
  }
}

/** What the single wave found for a class. */
function look(index: u32, counts: bool): void {
  const d = load<u32>(CLASSES + (<usize>index << 3));
  const kind = load<u32>(CLASSES + (<usize>index << 3), 4);
  if (singleWave.isGiven(index)) {
    classMembers.collect(kind & 255, d, k);
    for (let i: u32 = 0; i < classMembers.length; i++) collect(classMembers.member(i), GIVEN);
    return;
  }
  const delay = singleWave.delayOf(index);
  if (counts) delayCounts.count(delay, kind >> 8);
  const doubtful = singleWave.isDoubtful(index);
  if (doubtful || <i32>delay > delayCounts.longest) {
    collect(classMembers.lowestMember(kind & 255, d, k), delay | (doubtful ? DOUBTFUL : 0));
  }
}

/** Where the wave began: its group, the classes left of that, and the offset of the first. */
let waveGroup: usize = 0;
let waveLeft: u32 = 0;
let waveFrom: usize = 0;

function countGroups(level: u32): void {
  let group = residueClasses.groups(level);
  const end = group + <usize>residueClasses.groupCount(level) * residueClasses.GROUP_BYTES;
  let from = residueClasses.offsets(level);
  let weight: u32 = 0;
  let filled: u32 = 0;
  for (; group < end; group += residueClasses.GROUP_BYTES) {
    if (filled != 0 && load<u32>(group) != weight) {
      close(weight, filled);
      filled = 0;
    }
    weight = load<u32>(group);
    const c = load<u32>(group, 4);
    let left = load<u32>(group, 8);
    while (left != 0) {
      if (filled == 0) {
        waveGroup = group;
        waveLeft = left;
        waveFrom = from;
        classWave.open(k);
      }
      const size = min(left, classWave.CAPACITY - filled);
      addPart(from, size, c, weight);
      from += <usize>size << 2;
      left -= size;
      filled += size;
      if (filled == classWave.CAPACITY) {
        close(weight, filled);
        filled = 0;
      }
    }
  }
  if (filled != 0) close(weight, filled);
  for (let odd: u32 = 0; odd < delaysKnown; odd++) {
    // Longer delays were noticed, and are handed back.
    const numbers = classWave.counted(odd);
    if (numbers != 0) delayCounts.count(load<u16>(DELAY_OF + (<usize>odd << 1)), numbers);
  }
}

function addPart(from: usize, size: u32, c: u32, weight: u32): void {
  const lo = load<u64>(BASES + (<usize>c << 4));
  const hi = load<u64>(BASES + (<usize>c << 4), 8);
  if (hi >= classWave.HUGE_HIGH) classWave.addHuge(from, size, hi, lo);
  else if (hi != 0 || lo >= classWave.STARTS_NARROW) classWave.addWide(from, size, hi, lo);
  else if (lo >= delayTail.TAIL) classWave.addNarrow(from, size, lo);
  else classWave.addLow(from, size, lo, c, weight);
}

function close(weight: u32, filled: u32): void {
  classWave.finish(weight);
  if (classWave.noticed) inspect(weight, filled);
}

/** Looks at every class of the wave by itself; all that end are counted already. */
function inspect(weight: u32, filled: u32): void {
  let group = waveGroup;
  let left = waveLeft;
  let from = waveFrom;
  let index: u32 = 0;
  for (let i: u32 = 0; i < filled; i++) {
    if (left == 0) {
      group += residueClasses.GROUP_BYTES;
      left = load<u32>(group, 8);
    }
    put(index++, load<u32>(group, 4), load<u32>(from), weight);
    left--;
    from += 4;
    if (index == singleWave.CAPACITY || i + 1 == filled) {
      singleWave.finish();
      for (let at: u32 = 0; at < index; at++) look(at, false);
      index = 0;
    }
  }
}

/** Numbers that may be records or must be handed back: residue << 32 | flags | delay. */
const GIVEN: u32 = 1 << 31;
const DOUBTFUL: u32 = 1 << 30;
let list: usize = 0;
let capacity: u32 = 0;
let candidates: u32 = 0;

function collect(residue: u64, finding: u32): void {
  if (candidates == capacity) {
    const grown = capacity == 0 ? 1024 : capacity * 2;
    const larger = heap.alloc(<usize>grown << 3);
    memory.copy(larger, list, <usize>candidates << 3);
    list = larger;
    capacity = grown;
  }
  store<u64>(list + (<usize>candidates << 3), (residue << 32) | finding);
  candidates++;
}

function decide(): void {
  sort();
  for (let i: u32 = 0; i < candidates; i++) {
    const candidate = load<u64>(list + (<usize>i << 3));
    const residue = candidate >> 32;
    const offset = firstOffset + residue;
    const finding = <u32>candidate;
    if ((finding & GIVEN) != 0) {
      walk.handBack(offset);
      continue;
    }
    delayCounts.offer(offset, finding & 0xffff);
    // The first number of the block has K zeros at its end, so that adding r carries nothing.
    const decided =
      (finding & DOUBTFUL) == 0 || walk.decidePeak(firstHi, firstLo | residue, 0, 2, offset);
    if (!decided) unreachable();
  }
}

/** Shell's sort. */
function sort(): void {
  for (let gap = candidates >> 1; gap > 0; gap >>= 1) {
    for (let i = gap; i < candidates; i++) {
      const value = load<u64>(list + (<usize>i << 3));
      let at = i;
      while (at >= gap && load<u64>(list + (<usize>(at - gap) << 3)) > value) {
        store<u64>(list + (<usize>at << 3), load<u64>(list + (<usize>(at - gap) << 3)));
        at -= gap;
      }
      store<u64>(list + (<usize>at << 3), value);
    }
  }
}
