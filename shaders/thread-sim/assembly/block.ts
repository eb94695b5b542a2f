/**
 * Four threads at a time: their random states, work, ends and children. A block of entries of one depth goes
 * through `growN` (threads that may fork up to N children) or `rest` (threads at max_depth).
 *
 * An entry is a thread that waits to be computed, 16 bytes: its parent's a and b; its start in ticks (28 bits)
 * below its number m among its siblings (4 bits); the address of its tree's record.
 *
 * A tree's record, 16 bytes: work (64 bits), threads in units of 1/16 (32 bits), span (32 bits). `threads`
 * counts children when their parent is computed, so it is ahead of what was walked, and a tree that grows
 * past max_threads is found out before its last threads are computed. Bit 31 of it is set once that happens.
 */
import * as p from './parameters.ts';

export const ENTRY_BYTES: usize = 16;
const M_SHIFT: i32 = 28;
const START_MASK: i32 = (1 << 28) - 1;

/** To 3 · 2^22 as a float, adding less than 2^21 leaves the nearest whole number in the low 22 bits. */
const ROUND: f32 = 12582912;
const ROUND_BITS: i32 = 0x4b400000;

/**
 * Constants lie in memory: V8 makes one that is in the text anew at each use, by three to five instructions.
 * That was a fifth of the loop.
 */
const constants: usize = memory.data(16 * 24, 16);
const PARITY: usize = 0;
const ADD_1: usize = 16;
const ADD_2: usize = 32;
const ADD_3: usize = 48;
const ADD_4: usize = 64;
const ADD_5: usize = 80;
const ROTATE_24: usize = 96;
const START_BITS: usize = 112;
const ONES_16: usize = 128;
const UNITS: usize = 144;
const FLOAT_UNITS: usize = 160;
const CENTRE: usize = 176;
const ROUNDER: usize = 192;
const ROUNDER_BITS: usize = 208;
const FLOAT_2: usize = 224;
const FLOAT_3: usize = 240;
const FLOAT_4: usize = 256;
const M_1: usize = 272;
const M_2: usize = 288;
const M_3: usize = 304;

export function prepare(): void {
  v128.store(constants + PARITY, i32x4.splat(0x1bd11bda));
  v128.store(constants + ADD_1, i32x4.splat(1));
  v128.store(constants + ADD_2, i32x4.splat(2));
  v128.store(constants + ADD_3, i32x4.splat(3));
  v128.store(constants + ADD_4, i32x4.splat(4));
  v128.store(constants + ADD_5, i32x4.splat(5));
  v128.store(constants + ROTATE_24, i8x16(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12));
  v128.store(constants + START_BITS, i32x4.splat(START_MASK));
  v128.store(constants + ONES_16, i16x8.splat(1));
  v128.store(constants + UNITS, i32x4.splat(p.UNIT));
  v128.store(constants + FLOAT_UNITS, f32x4.splat(<f32>p.UNIT));
  v128.store(constants + CENTRE, f32x4.splat(-0.4));
  v128.store(constants + ROUNDER, f32x4.splat(ROUND));
  v128.store(constants + ROUNDER_BITS, i32x4.splat(ROUND_BITS));
  v128.store(constants + FLOAT_2, f32x4.splat(2));
  v128.store(constants + FLOAT_3, f32x4.splat(3));
  v128.store(constants + FLOAT_4, f32x4.splat(4));
  v128.store(constants + M_1, i32x4.splat(1 << M_SHIFT));
  v128.store(constants + M_2, i32x4.splat(2 << M_SHIFT));
  v128.store(constants + M_3, i32x4.splat(3 << M_SHIFT));
}

// @ts-ignore: decorators of AssemblyScript
@inline
function constant(offset: usize): v128 {
  return v128.load(constants + offset);
}

// @ts-ignore: decorators of AssemblyScript
@inline
function rotate16(y: v128): v128 {
  return v128.shuffle<i16>(y, y, 1, 0, 3, 2, 5, 4, 7, 6);
}

const forks: usize = memory.data(16, 16);
const marks: usize = memory.data(16, 16);

// @ts-ignore: decorators of AssemblyScript
@inline
function rotate24(y: v128): v128 {
  return v128.swizzle(y, constant(ROTATE_24));
}

// @ts-ignore: decorators of AssemblyScript
@inline
function mix(x: v128, y: v128, bits: i32): v128 {
  return v128.xor(v128.or(i32x4.shl(y, bits), i32x4.shr_u(y, 32 - bits)), x);
}

/**
 * Computes eight threads: two fours whose rounds alternate, since one four waits for each of its own steps
 * (three cycles a round, on a processor that could start nine instructions in them).
 * @param root they are roots: their records start with them, one after the other from `record`
 * @param width the most children one of them may have; 0: none may
 * @param counting also count children by (tree, depth), at `row` + a quarter of the record's address
 * @param x first counter word, plus key0
 * @param entries of the eight: where the addresses of their records are read
 * @param top where their children's entries go; up to `width` entries behind the last child are overwritten
 * @returns top, moved past the children
 */
// @ts-ignore: decorators of AssemblyScript
@inline
function eight(
  root: bool, width: i32, counting: bool,
  x: v128, key0: v128, key1: v128, start: v128, records: v128,
  u: v128, also0: v128, also1: v128, start2: v128, records2: v128,
  entries: usize, record: usize, top: usize, row: usize,
): usize {
  const key2 = v128.xor(v128.xor(key0, key1), constant(PARITY));
  const also2 = v128.xor(v128.xor(also0, also1), constant(PARITY));
  let y = key1;
  let v = also1;
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 13); v = mix(u, v, 13);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 15); v = mix(u, v, 15);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 26); v = mix(u, v, 26);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 6); v = mix(u, v, 6);
  x = i32x4.add(x, key1); y = i32x4.add(y, i32x4.add(key2, constant(ADD_1)));
  u = i32x4.add(u, also1); v = i32x4.add(v, i32x4.add(also2, constant(ADD_1)));
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 17); v = mix(u, v, 17);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 29); v = mix(u, v, 29);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = v128.xor(rotate16(y), x); v = v128.xor(rotate16(v), u);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = v128.xor(rotate24(y), x); v = v128.xor(rotate24(v), u);
  x = i32x4.add(x, key2); y = i32x4.add(y, i32x4.add(key0, constant(ADD_2)));
  u = i32x4.add(u, also2); v = i32x4.add(v, i32x4.add(also0, constant(ADD_2)));
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 13); v = mix(u, v, 13);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 15); v = mix(u, v, 15);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 26); v = mix(u, v, 26);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 6); v = mix(u, v, 6);
  x = i32x4.add(x, key0); y = i32x4.add(y, i32x4.add(key1, constant(ADD_3)));
  u = i32x4.add(u, also0); v = i32x4.add(v, i32x4.add(also1, constant(ADD_3)));
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 17); v = mix(u, v, 17);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 29); v = mix(u, v, 29);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = v128.xor(rotate16(y), x); v = v128.xor(rotate16(v), u);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = v128.xor(rotate24(y), x); v = v128.xor(rotate24(v), u);
  x = i32x4.add(x, key1); y = i32x4.add(y, i32x4.add(key2, constant(ADD_4)));
  u = i32x4.add(u, also1); v = i32x4.add(v, i32x4.add(also2, constant(ADD_4)));
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 13); v = mix(u, v, 13);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 15); v = mix(u, v, 15);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 26); v = mix(u, v, 26);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 6); v = mix(u, v, 6);
  x = i32x4.add(x, key2); y = i32x4.add(y, i32x4.add(key0, constant(ADD_5)));
  u = i32x4.add(u, also2); v = i32x4.add(v, i32x4.add(also0, constant(ADD_5)));
  top = four(root, width, counting, x, y, start, records, entries, record, top, row);
  return four(root, width, counting, u, v, start2, records2, entries + 64, record + 64, top, row);
}

/** What follows from the states (a, b) of four threads; the arguments are those of `eight`. */
// @ts-ignore: decorators of AssemblyScript
@inline
function four(
  root: bool, width: i32, counting: bool,
  a: v128, b: v128, start: v128, records: v128,
  entries: usize, record: usize, top: usize, row: usize,
): usize {
  // a mod workRange: the quotient is the high half of a · inverse or one more.
  const even = i64x2.extmul_low_i32x4_u(a, p.workInverses);
  const odd = i64x2.extmul_high_i32x4_u(a, p.workInverses);
  const quotient = v128.shuffle<i32>(even, odd, 1, 3, 5, 7);
  const over = i32x4.sub(a, i32x4.mul(quotient, p.workRanges));
  const ticks = i32x4.add(i32x4.min_u(over, i32x4.sub(over, p.workRanges)), p.workMins);
  const end = i32x4.add(start, ticks);

  const zero = i32x4.splat(0);
  // Children, in units.
  let count = zero;
  if (width > 0) {
    const hits = v128.and(i8x16.le_u(b, p.limits), p.chances);
    count = i32x4.dot_i16x8_s(i16x8.extadd_pairwise_i8x16_u(hits), constant(ONES_16));
  }

  // {work low, work high, threads, span} of each.
  const counted = root ? i32x4.add(count, p.firstThreads) : count;
  const lowWork = v128.shuffle<i32>(ticks, zero, 0, 4, 1, 5);
  const highWork = v128.shuffle<i32>(ticks, zero, 2, 6, 3, 7);
  const lowRest = v128.shuffle<i32>(counted, end, 0, 4, 1, 5);
  const highRest = v128.shuffle<i32>(counted, end, 2, 6, 3, 7);
  const add0 = v128.shuffle<i64>(lowWork, lowRest, 0, 2);
  const add1 = v128.shuffle<i64>(lowWork, lowRest, 1, 3);
  const add2 = v128.shuffle<i64>(highWork, highRest, 0, 2);
  const add3 = v128.shuffle<i64>(highWork, highRest, 1, 3);
  let record0 = record;
  let record1 = record + 16;
  let record2 = record + 32;
  let record3 = record + 48;
  if (root) {
    v128.store(record0, add0);
    v128.store(record1, add1);
    v128.store(record2, add2);
    v128.store(record3, add3);
    if (counting) mark(v128.or(v128.or(add0, add1), v128.or(add2, add3)));
  } else {
    record0 = <usize>load<u32>(entries, 12);
    record1 = <usize>load<u32>(entries, 28);
    record2 = <usize>load<u32>(entries, 44);
    record3 = <usize>load<u32>(entries, 60);
    const new0 = add(record0, add0);
    const new1 = add(record1, add1);
    const new2 = add(record2, add2);
    const new3 = add(record3, add3);
    if (counting) mark(v128.or(v128.or(new0, new1), v128.or(new2, new3)));
  }
  if (width == 0) return top;

  v128.store(forks, count);
  const bytes0 = <usize>load<u32>(forks);
  const bytes1 = <usize>load<u32>(forks, 4);
  const bytes2 = <usize>load<u32>(forks, 8);
  const bytes3 = <usize>load<u32>(forks, 12);
  if (counting) {
    addCount(row + (record0 >> 2), bytes0);
    addCount(row + (record1 >> 2), bytes1);
    addCount(row + (record2 >> 2), bytes2);
    addCount(row + (record3 >> 2), bytes3);
  }
  // floor(ticks · (m + 1) / (k + 1)): see the head comment of `split`.
  const inverse = f32x4.div(
    constant(FLOAT_UNITS),
    f32x4.convert_i32x4_s(i32x4.add(count, constant(UNITS))),
  );
  const part = f32x4.mul(f32x4.convert_i32x4_s(ticks), inverse);
  const base = i32x4.sub(start, constant(ROUNDER_BITS));
  const lowState = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const highState = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const top1 = top + bytes0;
  const top2 = top1 + bytes1;
  const top3 = top2 + bytes2;
  // From the last child on: what is written of a thread's child m that is not forked lies where a child m or
  // less of a later thread belongs, and that is written later, since threads go up within one m.
  if (width > 3) child(3, part, base, records, lowState, highState, top, top1, top2, top3);
  if (width > 2) child(2, part, base, records, lowState, highState, top, top1, top2, top3);
  if (width > 1) child(1, part, base, records, lowState, highState, top, top1, top2, top3);
  child(0, part, base, records, lowState, highState, top, top1, top2, top3);
  return top3 + bytes3;
}

// @ts-ignore: decorators of AssemblyScript
@inline
function add(record: usize, value: v128): v128 {
  const old = v128.load(record);
  const sum = v128.shuffle<i32>(i64x2.add(old, value), i32x4.max_u(old, value), 0, 1, 2, 7);
  v128.store(record, sum);
  return sum;
}

// @ts-ignore: decorators of AssemblyScript
@inline
function mark(records: v128): void {
  v128.store(marks, v128.or(v128.load(marks), records));
}

/** Whether a tree has grown past max_threads since this was last asked. */
export function overflowed(): bool {
  const past = load<i32>(marks, 8) < 0;
  v128.store(marks, i32x4.splat(0));
  return past;
}

// @ts-ignore: decorators of AssemblyScript
@inline
function addCount(address: usize, units: usize): void {
  store<u32>(address, load<u32>(address) + <u32>units);
}

/** The m-th child of each of four: written whether or not it is forked, and overwritten if not. */
// @ts-ignore: decorators of AssemblyScript
@inline
function child(
  m: i32, part: v128, base: v128, records: v128, lowState: v128, highState: v128,
  top0: usize, top1: usize, top2: usize, top3: usize,
): void {
  const exact = m == 0 ? part : f32x4.mul(part, constant(FLOAT_2 + 16 * <usize>(m - 1)));
  const rounded = f32x4.add(f32x4.add(exact, constant(CENTRE)), constant(ROUNDER));
  const start = i32x4.add(rounded, m == 0 ? base : i32x4.add(base, constant(M_1 + 16 * <usize>(m - 1))));
  const low = v128.shuffle<i32>(start, records, 0, 4, 1, 5);
  const high = v128.shuffle<i32>(start, records, 2, 6, 3, 7);
  const offset: usize = 16 * <usize>m;
  v128.store(top0 + offset, v128.shuffle<i64>(lowState, low, 0, 2));
  v128.store(top1 + offset, v128.shuffle<i64>(lowState, low, 1, 3));
  v128.store(top2 + offset, v128.shuffle<i64>(highState, high, 0, 2));
  v128.store(top3 + offset, v128.shuffle<i64>(highState, high, 1, 3));
}

// @ts-ignore: decorators of AssemblyScript
@inline
function block(width: i32, counting: bool, from: usize, to: usize, top: usize, row: usize): usize {
  for (let at = from; at < to; at += 8 * ENTRY_BYTES) {
    const row00 = v128.load(at, 0);
    const row01 = v128.load(at, 16);
    const row02 = v128.load(at, 32);
    const row03 = v128.load(at, 48);
    const state001 = v128.shuffle<i32>(row00, row01, 0, 4, 1, 5);
    const state023 = v128.shuffle<i32>(row02, row03, 0, 4, 1, 5);
    const rest001 = v128.shuffle<i32>(row00, row01, 2, 6, 3, 7);
    const rest023 = v128.shuffle<i32>(row02, row03, 2, 6, 3, 7);
    const key0 = v128.shuffle<i64>(state001, state023, 0, 2);
    const key1 = v128.shuffle<i64>(state001, state023, 1, 3);
    const place0 = v128.shuffle<i64>(rest001, rest023, 0, 2);
    const records = v128.shuffle<i64>(rest001, rest023, 1, 3);
    const x = i32x4.add(key0, i32x4.shr_u(place0, M_SHIFT));
    const start = v128.and(place0, constant(START_BITS));
    const row10 = v128.load(at, 64);
    const row11 = v128.load(at, 80);
    const row12 = v128.load(at, 96);
    const row13 = v128.load(at, 112);
    const state101 = v128.shuffle<i32>(row10, row11, 0, 4, 1, 5);
    const state123 = v128.shuffle<i32>(row12, row13, 0, 4, 1, 5);
    const rest101 = v128.shuffle<i32>(row10, row11, 2, 6, 3, 7);
    const rest123 = v128.shuffle<i32>(row12, row13, 2, 6, 3, 7);
    const also0 = v128.shuffle<i64>(state101, state123, 0, 2);
    const also1 = v128.shuffle<i64>(state101, state123, 1, 3);
    const place1 = v128.shuffle<i64>(rest101, rest123, 0, 2);
    const records2 = v128.shuffle<i64>(rest101, rest123, 1, 3);
    const u = i32x4.add(also0, i32x4.shr_u(place1, M_SHIFT));
    const start2 = v128.and(place1, constant(START_BITS));
    top = eight(
      false, width, counting, x, key0, key1, start, records, u, also0, also1, start2, records2, at, 0, top, row,
    );
  }
  return top;
}

/**
 * Computes the roots [root, root + count), count rounded up to whole fours: their records from `record`, their
 * children's entries from `top`.
 */
// @ts-ignore: decorators of AssemblyScript
@inline
function rootBlock(width: i32, counting: bool, root: u32, count: i32, record: usize, top: usize, row: usize): usize {
  const key0 = i32x4.splat(p.seed0);
  const key1 = i32x4.splat(p.seed1);
  const first = i32x4.add(i32x4.splat(root + p.seed0), i32x4(0, 1, 2, 3));
  for (let done = 0; done < count; done += 8) {
    const x = i32x4.add(first, i32x4.splat(done));
    const u = i32x4.add(x, i32x4.splat(4));
    const at = record + (<usize>done << 4);
    const zero = i32x4.splat(0);
    const records = i32x4.add(i32x4.splat(<i32>at), i32x4(0, 16, 32, 48));
    const records2 = i32x4.add(records, i32x4.splat(64));
    top = eight(
      true, width, counting, x, key0, key1, zero, records, u, key0, key1, zero, records2, 0, at, top, row,
    );
  }
  return top;
}

export function roots(root: u32, count: i32, record: usize, top: usize, row: usize): usize {
  if (p.maxDepth == 0) return rootBlock(0, false, root, count, record, top, row);
  if (p.mayOverflow) return rootBlock(4, true, root, count, record, top, row);
  return rootBlock(4, false, root, count, record, top, row);
}

/** Computes the threads [from, to), whole fours of entries, at max_depth: they have no children. */
export function leaves(from: usize, to: usize): void {
  block(0, false, from, to, 0, 0);
}

/** Computes the threads [from, to), whole fours of entries; their children's entries go to `top`. */
export function parents(from: usize, to: usize, top: usize, row: usize): usize {
  if (p.mayOverflow) {
    if (p.maxChildren == 1) return count1(from, to, top, row);
    if (p.maxChildren == 2) return count2(from, to, top, row);
    if (p.maxChildren == 3) return count3(from, to, top, row);
    return count4(from, to, top, row);
  }
  if (p.maxChildren == 1) return grow1(from, to, top);
  if (p.maxChildren == 2) return grow2(from, to, top);
  if (p.maxChildren == 3) return grow3(from, to, top);
  return grow4(from, to, top);
}

function grow1(from: usize, to: usize, top: usize): usize {
  return block(1, false, from, to, top, 0);
}

function grow2(from: usize, to: usize, top: usize): usize {
  return block(2, false, from, to, top, 0);
}

function grow3(from: usize, to: usize, top: usize): usize {
  return block(3, false, from, to, top, 0);
}

function grow4(from: usize, to: usize, top: usize): usize {
  return block(4, false, from, to, top, 0);
}

function count1(from: usize, to: usize, top: usize, row: usize): usize {
  return block(1, true, from, to, top, row);
}

function count2(from: usize, to: usize, top: usize, row: usize): usize {
  return block(2, true, from, to, top, row);
}

function count3(from: usize, to: usize, top: usize, row: usize): usize {
  return block(3, true, from, to, top, row);
}

function count4(from: usize, to: usize, top: usize, row: usize): usize {
  return block(4, true, from, to, top, row);
}
