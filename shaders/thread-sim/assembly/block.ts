/**
 * Computes a block of threads of one depth, their states eight at a time and what follows from them four at a time:
 * `parents` where they may fork, `leaves` at max_depth. Nothing branches on what was drawn.
 *
 * Tried, on a 2-core Xeon that was busy: states and what follows in two passes over a block, 5 % slower, 15 % on full
 * trees; one sum for four threads of one tree where they are, 10 % faster on giants and 10 % slower on small trees;
 * halves of entries stored by themselves, without shuffles, no difference; blocks of 64 or 256, no difference.
 *
 * An entry is a thread that waits to be computed, 16 bytes: its parent's a and b; its start and its number m among
 * its siblings; the address of its tree's record.
 *
 * A tree's record, 16 bytes: work (64 bits), threads in units (32 bits), span (32 bits). A thread's children are
 * counted together with it, so `threads` is ahead of what was computed, and a tree that grows past max_threads is
 * found out before its last threads are computed: bit 31 of its threads is set then (parameters.ts, noThreads).
 */
import {
  CENTRE, FLOATS, FLOAT_UNITS, M_FIELDS, M_SHIFT, ONES_16, ROUNDER, ROUNDER_BITS, START_FIELD, UNITS, constant,
} from './constants.ts';
import * as p from './parameters.ts';
import * as states from './states.ts';

/** What goes through memory, since it is needed lane by lane: children of four threads; addresses of four records. */
const forks: usize = memory.data(16, 16);
const addresses: usize = memory.data(16, 16);
/** The states of eight threads. */
const drawn: usize = memory.data(64, 16);
/** All records that were written since `overflowed` was asked, or-ed: bit 31 of the third word tells. */
const marks: usize = memory.data(16, 16);

/** Work of four threads: workMin + a mod workRange. */
// @ts-ignore: decorators of AssemblyScript
@inline
export function ticksOf(a: v128): v128 {
  // The quotient is the high half of a · inverse or one more.
  const even = i64x2.extmul_low_i32x4_u(a, p.workInverses);
  const odd = i64x2.extmul_high_i32x4_u(a, p.workInverses);
  const quotient = v128.shuffle<i32>(even, odd, 1, 3, 5, 7);
  const rest = i32x4.sub(a, i32x4.mul(quotient, p.workRanges));
  // What is below workRange wraps to a large number when it is subtracted.
  return i32x4.add(i32x4.min_u(rest, i32x4.sub(rest, p.workRanges)), p.workMins);
}

/**
 * Work, end and children of four threads.
 * @param width the most children that one of them may have; 0: none may
 * @param counting also count children by tree, at `row` + a quarter of the record's address, and mark trees that overflow
 * @param drawn their states: four times a, four times b
 * @param owners where the addresses of their records are, `stride` bytes apart
 */
// @ts-ignore: decorators of AssemblyScript
@inline
function four(
  width: i32, counting: bool, drawn: usize, start: v128, records: v128, owners: usize, stride: usize,
  top: usize, row: usize,
): usize {
  const a = v128.load(drawn);
  const b = v128.load(drawn, 16);
  const record0 = <usize>load<u32>(owners);
  const record1 = <usize>load<u32>(owners + stride);
  const record2 = <usize>load<u32>(owners + 2 * stride);
  const record3 = <usize>load<u32>(owners + 3 * stride);
  const zero = i32x4.splat(0);
  const ticks = ticksOf(a);
  const end = i32x4.add(start, ticks);

  // Children, in units.
  let count = zero;
  if (width > 0) {
    const hits = v128.and(i8x16.le_u(b, p.limits), p.chances);
    count = i32x4.dot_i16x8_s(i16x8.extadd_pairwise_i8x16_u(hits), constant(ONES_16));
    v128.store(forks, count);
  }

  // {work, 0, children, end} of each.
  const lowWork = v128.shuffle<i32>(ticks, zero, 0, 4, 1, 5);
  const highWork = v128.shuffle<i32>(ticks, zero, 2, 6, 3, 7);
  const lowRest = v128.shuffle<i32>(count, end, 0, 4, 1, 5);
  const highRest = v128.shuffle<i32>(count, end, 2, 6, 3, 7);
  const sum0 = add(record0, v128.shuffle<i64>(lowWork, lowRest, 0, 2));
  const sum1 = add(record1, v128.shuffle<i64>(lowWork, lowRest, 1, 3));
  const sum2 = add(record2, v128.shuffle<i64>(highWork, highRest, 0, 2));
  const sum3 = add(record3, v128.shuffle<i64>(highWork, highRest, 1, 3));
  if (width == 0) return top;

  const bytes0 = <usize>load<u32>(forks);
  const bytes1 = <usize>load<u32>(forks, 4);
  const bytes2 = <usize>load<u32>(forks, 8);
  const bytes3 = <usize>load<u32>(forks, 12);
  if (counting) {
    const sums = v128.or(v128.or(sum0, sum1), v128.or(sum2, sum3));
    v128.store(marks, v128.or(v128.load(marks), sums));
    addCount(row + (record0 >> 2), bytes0);
    addCount(row + (record1 >> 2), bytes1);
    addCount(row + (record2 >> 2), bytes2);
    addCount(row + (record3 >> 2), bytes3);
  }
  // Ticks / (k + 1): `child` makes the starts of it.
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

/**
 * Computes the threads of the entries of [from, to), whole eights; the parameters are those of `four`.
 * @param top where their children's entries go; up to `width` entries behind the last child are overwritten
 * @returns top, moved past the children
 */
// @ts-ignore: decorators of AssemblyScript
@inline
function block(width: i32, counting: bool, from: usize, to: usize, top: usize, row: usize): usize {
  for (let at = from; at < to; at += 128) {
    const entry0 = v128.load(at, 0);
    const entry1 = v128.load(at, 16);
    const entry2 = v128.load(at, 32);
    const entry3 = v128.load(at, 48);
    const states001 = v128.shuffle<i32>(entry0, entry1, 0, 4, 1, 5);
    const states023 = v128.shuffle<i32>(entry2, entry3, 0, 4, 1, 5);
    const places001 = v128.shuffle<i32>(entry0, entry1, 2, 6, 3, 7);
    const places023 = v128.shuffle<i32>(entry2, entry3, 2, 6, 3, 7);
    const key0 = v128.shuffle<i64>(states001, states023, 0, 2);
    const key1 = v128.shuffle<i64>(states001, states023, 1, 3);
    const place0 = v128.shuffle<i64>(places001, places023, 0, 2);
    const records0 = v128.shuffle<i64>(places001, places023, 1, 3);
    const entry4 = v128.load(at, 64);
    const entry5 = v128.load(at, 80);
    const entry6 = v128.load(at, 96);
    const entry7 = v128.load(at, 112);
    const states101 = v128.shuffle<i32>(entry4, entry5, 0, 4, 1, 5);
    const states123 = v128.shuffle<i32>(entry6, entry7, 0, 4, 1, 5);
    const places101 = v128.shuffle<i32>(entry4, entry5, 2, 6, 3, 7);
    const places123 = v128.shuffle<i32>(entry6, entry7, 2, 6, 3, 7);
    const also0 = v128.shuffle<i64>(states101, states123, 0, 2);
    const also1 = v128.shuffle<i64>(states101, states123, 1, 3);
    const place1 = v128.shuffle<i64>(places101, places123, 0, 2);
    const records1 = v128.shuffle<i64>(places101, places123, 1, 3);
    const x = i32x4.add(key0, i32x4.shr_u(place0, M_SHIFT));
    const u = i32x4.add(also0, i32x4.shr_u(place1, M_SHIFT));
    states.threefry(x, key0, key1, u, also0, also1, drawn);
    const field = constant(START_FIELD);
    const start0 = v128.and(place0, field);
    const start1 = v128.and(place1, field);
    top = four(width, counting, drawn, start0, records0, at + 12, 16, top, row);
    top = four(width, counting, drawn + 32, start1, records1, at + 76, 16, top, row);
  }
  return top;
}

/**
 * Computes the trees' first threads: their states in [from, to), whole eights as `states.ofRoots` leaves them, their
 * records one after the other from `record`. Roots are few, so one variant is enough: it counts, and it takes any width.
 */
export function roots(from: usize, to: usize, record: usize, top: usize, row: usize): usize {
  const zero = i32x4.splat(0);
  for (let at = from; at < to; at += 32) {
    const records = i32x4.add(i32x4.splat(<i32>record), i32x4(0, 16, 32, 48));
    v128.store(addresses, records);
    top = four(4, true, at, zero, records, addresses, 4, top, row);
    record += 64;
  }
  return top;
}

/** Adds {work, 0, children, end} to a record: three lanes are summed, the last is a maximum. */
// @ts-ignore: decorators of AssemblyScript
@inline
function add(record: usize, value: v128): v128 {
  const old = v128.load(record);
  const sum = v128.shuffle<i32>(i64x2.add(old, value), i32x4.max_u(old, value), 0, 1, 2, 7);
  v128.store(record, sum);
  return sum;
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

/**
 * The m-th child of each of four: written whether or not it is forked, and overwritten if not.
 *
 * Its offset ⌊w·(m+1)/(k+1)⌋ by single floats: the exact quotient is a whole number n plus a multiple of 1/2, 1/3, 1/4
 * or 1/5, at most 4/5; less 0.4 it is within 0.4 of n, and nearer to n than to any other while the error stays below
 * 0.1. The quotient is below 2^20 · 4/5, so each of the roundings (the reciprocal, the product, m + 1 times it, the
 * difference) adds at most 1/32, and none where the product is with a power of two: together below 0.1. Over all w up
 * to 2^20, k and m the largest is 0.075. Adding ROUNDER rounds to n.
 */
// @ts-ignore: decorators of AssemblyScript
@inline
function child(
  m: i32, part: v128, base: v128, records: v128, lowState: v128, highState: v128,
  top0: usize, top1: usize, top2: usize, top3: usize,
): void {
  const quotient = m == 0 ? part : f32x4.mul(part, constant(FLOATS + 16 * <usize>(m + 1)));
  const rounded = f32x4.add(f32x4.add(quotient, constant(CENTRE)), constant(ROUNDER));
  const start = i32x4.add(rounded, m == 0 ? base : i32x4.add(base, constant(M_FIELDS + 16 * <usize>m)));
  const low = v128.shuffle<i32>(start, records, 0, 4, 1, 5);
  const high = v128.shuffle<i32>(start, records, 2, 6, 3, 7);
  const offset: usize = 16 * <usize>m;
  v128.store(top0 + offset, v128.shuffle<i64>(lowState, low, 0, 2));
  v128.store(top1 + offset, v128.shuffle<i64>(lowState, low, 1, 3));
  v128.store(top2 + offset, v128.shuffle<i64>(highState, high, 0, 2));
  v128.store(top3 + offset, v128.shuffle<i64>(highState, high, 1, 3));
}

/** Computes the threads of the entries of [from, to), whole eights, at max_depth: they have no children. */
export function leaves(from: usize, to: usize): void {
  block(0, false, from, to, 0, 0);
}

/** Computes the threads of the entries of [from, to), whole eights; their children's entries go to `top`. */
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
