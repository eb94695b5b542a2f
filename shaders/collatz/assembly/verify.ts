/**
 * collatz, mode verify, on a CPU: candidates and the running records of their glide peaks, in order.
 *
 * Parameters: the residues mod 2^24 that survive the sieve, ascending (../sieve.ts). Output words: the number of
 * candidates (2 words), of peak records and of numbers handed back; then the peak records (offset: 2 words,
 * peak: 4 words) and the offsets handed back (2 words each). Numbers handed back count as candidates.
 *
 * 64 blocks of 2^24 numbers are a group, and a residue is looked at once for all of them: from block to block n
 * grows by 2^24 and U^24(n) by 3^c, so a candidate costs an addition before it joins the wave (wave.ts). What a
 * group knows of records is what was known before it, so as long as that is little, blocks go one by one.
 */
import * as glide from './glide.ts';
import * as handedBack from './handed-back.ts';
import * as sieve from './sieve.ts';
import * as stairs from './stairs.ts';
import * as u128 from './uint128.ts';
import * as walk from './walk.ts';
import * as wave from './wave.ts';

const SIEVE_MASK: u64 = (1 << 24) - 1;
/** Below this the candidates are n ≡ 3 mod 4. */
const SIEVED_FROM: u64 = 1 << 26;
const GROUP_MASK: u64 = 63;
/** Blocks below this: 24 steps from h·2^24 + r stay in one u64 while h · 3^24 does. */
const NARROW_BLOCKS: u64 = 1 << 25;
/** Blocks below this: 24 steps, which climb by 1.5^24 < 2^15, leave a double wave room. */
const DOUBLE_BLOCKS: u64 = 1 << 56;
/** Bits by which what is known must exceed n for 64 blocks at once: no 24 steps climb higher. */
const GROUP_HEADROOM: i64 = 16;
/**
 * Numbers that are looked at in order before it is asked again whether enough is known: between 2^20 and 2^22, which were
 * equally fast. With whole blocks, 2^24, ranges of 2^28 numbers took 15 % longer and of 2^29 6 %; with 2^18 the first group
 * knows so little that it takes 5 to 15 % longer.
 */
const IN_ORDER: u64 = 1 << 21;
const HEADER_WORDS: usize = 4;
const LIMB_BITS: u64 = 44;
const LIMB_MASK: u64 = (1 << 44) - 1;

let candidates: u64 = 0;
let outputAddress: usize = 0;
let outputCapacity: usize = 0;

/** Of the group: its first block, a multiple of 64. */
let high1: u64 = 0;
let high0: u64 = 0;
/** Residues whose 24 steps climb by more bits are looked at one by one. */
let headroom: u64 = 0;
/** All ones where the deeper levels of the sieve must not be used: too little is known. */
let undeepened: u64 = 0;
/** Per class mod 9, the blocks of the group where it holds candidates. */
const BLOCKS: usize = memory.data(9 * 8, 8);

export function parameters(words: u32): u32 {
  return sieve.allocate(words);
}

export function prepare(): void {
  walk.prepareJumps();
  sieve.prepare();
  wave.prepare();
}

export function run(start0: u64, start1: u64, length: u64): u32 {
  candidates = 0;
  glide.begin(start0);
  let done: u64 = 0;
  if (start1 == 0 && start0 < SIEVED_FROM) {
    done = min(length, SIEVED_FROM - start0);
    unsieved(start0, done);
  }
  while (done < length) {
    const nLo = start0 + done;
    done += group(start1 + u64(nLo < start0), nLo, length - done);
  }
  return write();
}

/** The candidates below 2^26: each is walked plainly. No glide there passes 2^50. */
function unsieved(start: u64, length: u64): void {
  for (let n = start + ((3 - start) & 3); n < start + length; n += 4) {
    candidates++;
    let x = n;
    let peak = n;
    while (x >= n) {
      if ((x & 1) != 0) {
        x = 3 * x + 1;
        if (x > peak) peak = x;
      }
      x >>= ctz(x);
    }
    stairs.put(n - start, 0, peak);
  }
}

/** Candidates from (nHi, nLo) on, at most to the end of its 64 blocks; returns how many numbers were covered. */
function group(nHi: u64, nLo: u64, length: u64): u64 {
  u128.shiftRight(nHi, nLo, sieve.SIEVE_BITS);
  high1 = u128.hi;
  high0 = u128.lo & ~GROUP_MASK;
  const firstBlock = u128.lo & GROUP_MASK;
  const from = nLo & SIEVE_MASK;
  const inOrder = glide.headroom(nLo, nHi, nLo) < GROUP_HEADROOM;
  const last = from + (inOrder ? min(length, IN_ORDER) : length) - 1;
  let lastBlock = firstBlock + (last >> sieve.SIEVE_BITS);
  let to = (last & SIEVE_MASK) + 1;
  const most = inOrder ? firstBlock : GROUP_MASK;
  if (lastBlock > most) {
    lastBlock = most;
    to = SIEVE_MASK + 1;
  }
  wave.begin(nHi, nLo, inOrder);
  const blocks = (~(<u64>0) << firstBlock) & (~(<u64>0) >> (63 - lastBlock));
  // Residues below `from` are not in the first block, those from `to` on not in the last.
  const fromIndex = sieve.lowerBound(from);
  const toIndex = sieve.lowerBound(to);
  const low = min(fromIndex, toIndex);
  const high = max(fromIndex, toIndex);
  segment(0, low, blocks & ~((<u64>1) << firstBlock), nHi, nLo, inOrder);
  const inside = fromIndex <= toIndex ? blocks : blocks & ~((<u64>1) << firstBlock) & ~((<u64>1) << lastBlock);
  segment(low, high, inside, nHi, nLo, inOrder);
  segment(high, sieve.survivors, blocks & ~((<u64>1) << lastBlock), nHi, nLo, inOrder);
  advance(true);
  return ((lastBlock - firstBlock) << sieve.SIEVE_BITS) + to - from;
}

/** The residues with these indices, in these blocks of the group. */
function segment(from: u32, to: u32, blocks: u64, nHi: u64, nLo: u64, inOrder: bool): void {
  if (blocks == 0) return;
  // 2^64 ≡ 7 and 2^24 ≡ 1 mod 9, so n ≡ h + r.
  const h9 = <u32>(((high1 % 9) * 7 + (high0 % 9)) % 9);
  for (let m: u32 = 0; m < 9; m++) store<u64>(BLOCKS + (<usize>m << 3), sieve.classBits(h9, m) & blocks);
  setHeadroom(nLo, nHi, nLo);
  wave.setLimits(nLo);
  for (let i = from; i < to; ) {
    // In order, more is known of what comes than of where the group began.
    if (inOrder) {
      const n = ((high0 | ctz(blocks)) << sieve.SIEVE_BITS) | sieve.residue(i);
      setHeadroom(n, nHi, n);
    }
    i = fill(i, to);
    advance(false);
  }
}

function setHeadroom(lo: u64, nHi: u64, nLo: u64): void {
  // The last number of the group is less than 2^30 above.
  const above = nLo + (1 << 30);
  const bits = glide.headroom(lo, nHi + u64(above < nLo), above);
  headroom = bits < 0 ? 0 : <u64>bits;
  undeepened = headroom >= sieve.PASSED_GROWTH ? 0 : ~(<u64>0);
}

// @ts-ignore: decorator
@inline
function narrow(): bool {
  return high1 == 0 && high0 < NARROW_BLOCKS;
}

// @ts-ignore: decorator
@inline
function double(): bool {
  return high1 == 0 && high0 < DOUBLE_BLOCKS;
}

function advance(toTheEnd: bool): void {
  if (narrow()) wave.advanceNarrow(toTheEnd);
  else if (double()) wave.advanceDouble(toTheEnd);
  else wave.advanceTriple(toTheEnd);
}

function fill(from: u32, to: u32): u32 {
  return narrow() ? fillNarrow(from, to) : fillWide(from, to);
}

/** Adds the candidates of residues until the wave is full; returns the first residue that was not looked at. */
function fillNarrow(from: u32, to: u32): u32 {
  let i = from;
  let active = wave.active;
  const entries = sieve.entries;
  const deeper = sieve.deeper;
  const residues = sieve.residues;
  const h = high0;
  const room = headroom;
  const all = undeepened;
  let counted: u64 = 0;
  while (i < to && active < wave.FULL) {
    const word = load<u64>(entries + (<usize>i << 3));
    let blocks = load<u64>(BLOCKS + (<usize>sieve.entryClass(word) << 3));
    counted += popcnt(blocks);
    if (sieve.entryGrowth(word) > room) blocks = undecided(blocks, i, sieve.entryGrowth(word));
    else blocks &= load<u64>(deeper + (<usize>i << 3)) | all;
    const factor = sieve.power3(sieve.entryOdd(word));
    const v = h * factor + sieve.entryValue(word);
    const n = (h << sieve.SIEVE_BITS) | <u64>load<u32>(residues + (<usize>i << 2));
    while (blocks != 0) {
      const j = ctz(blocks);
      blocks &= blocks - 1;
      wave.putNarrow(active, v + j * factor, n + (j << sieve.SIEVE_BITS));
      active++;
    }
    i++;
  }
  candidates += counted;
  wave.setActive(active);
  return i;
}

function fillWide(from: u32, to: u32): u32 {
  let i = from;
  let active = wave.active;
  const entries = sieve.entries;
  const deeper = sieve.deeper;
  const residues = sieve.residues;
  const room = headroom;
  const all = undeepened;
  let counted: u64 = 0;
  while (i < to && active < wave.FULL) {
    const word = load<u64>(entries + (<usize>i << 3));
    let blocks = load<u64>(BLOCKS + (<usize>sieve.entryClass(word) << 3));
    counted += popcnt(blocks);
    if (sieve.entryGrowth(word) > room) blocks = undecided(blocks, i, sieve.entryGrowth(word));
    else blocks &= load<u64>(deeper + (<usize>i << 3)) | all;
    const factor = sieve.power3(sieve.entryOdd(word));
    // h < 2^72, so h · 3^24 + d < 2^111; 3^c by two factors of at most 3^12. c ≥ 16.
    u128.multiplyAdd(high1, high0, 531441, 0);
    u128.multiplyAdd(u128.hi, u128.lo, sieve.power3(sieve.entryOdd(word) - 12), 0);
    const vLo = u128.lo + sieve.entryValue(word);
    const vHi = u128.hi + u64(vLo < u128.lo);
    const v0 = vLo & LIMB_MASK;
    const v1 = (vLo >> LIMB_BITS) | (vHi << 20);
    const nLo = (high0 << sieve.SIEVE_BITS) | <u64>load<u32>(residues + (<usize>i << 2));
    const two = double();
    while (blocks != 0) {
      const j = ctz(blocks);
      blocks &= blocks - 1;
      const low = v0 + j * factor;
      // With two limbs, v1 is all of the rest; with three it is cut to the middle one.
      const rest = (two ? v1 : v1 & LIMB_MASK) + (low >> LIMB_BITS);
      const n = nLo + (j << sieve.SIEVE_BITS);
      if (two) wave.putWide(active, low & LIMB_MASK, rest, 0, n);
      else wave.putWide(active, low & LIMB_MASK, rest & LIMB_MASK, (vHi >> 24) + (rest >> LIMB_BITS), n);
      active++;
    }
    i++;
  }
  candidates += counted;
  wave.setActive(active);
  return i;
}

/** Decides the candidates whose first 24 steps may hold a record; returns the blocks of the others. */
function undecided(blocks: u64, i: u32, growth: u64): u64 {
  let left: u64 = 0;
  for (let rest = blocks; rest != 0; rest &= rest - 1) {
    const j = ctz(rest);
    const h = high0 | j;
    const nHi = (high1 << sieve.SIEVE_BITS) | (h >> (64 - sieve.SIEVE_BITS));
    const nLo = (h << sieve.SIEVE_BITS) | sieve.residue(i);
    if (glide.mayBeRecord(nLo, nHi, nLo, growth)) glide.decide(nHi, nLo);
    else left |= <u64>1 << j;
  }
  return left;
}

function write(): u32 {
  const bytes = HEADER_WORDS * 4 + <usize>stairs.length * 24 + <usize>handedBack.length * 8;
  if (bytes > outputCapacity) {
    outputCapacity = bytes * 2;
    outputAddress = heap.alloc(outputCapacity);
  }
  store<u64>(outputAddress, candidates);
  store<u32>(outputAddress, stairs.length, 8);
  store<u32>(outputAddress, handedBack.length, 12);
  let at = outputAddress + HEADER_WORDS * 4;
  at += stairs.write(at);
  handedBack.write(at);
  return <u32>(bytes >> 2);
}

export function output(): u32 {
  return <u32>outputAddress;
}
