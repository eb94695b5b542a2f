/** Where nothing may fork, a tree is one thread: no wave, no records, and a root takes as long as its state. */
import { ticksOf } from './block.ts';
import * as p from './parameters.ts';
import * as states from './states.ts';
import * as totals from './totals.ts';

const BLOCK: i32 = 128;
const drawn: usize = memory.data(8 * 128, 16);
/** The most work so far. */
let longest: u32 = 0;

/** Adds the trees of the roots [root, root + length). */
export function compute(root: u32, length: u64): void {
  longest = 0;
  let work: u64 = 0;
  for (let done: u64 = 0; done < length; done += BLOCK) {
    const count = <i32>min<u64>(BLOCK, length - done);
    states.ofRoots(p.seed0, p.seed1, root + <u32>done, count, drawn);
    work += add(count, <u32>done);
  }
  totals.addSingles(length, work);
}

/** The work of `count` single threads, the first of them the tree of the `offset`-th root. */
function add(count: i32, offset: u32): u64 {
  let sums = i64x2.splat(0);
  let most = i32x4.splat(0);
  const whole = count & ~3;
  for (let done = 0; done < whole; done += 4) {
    const ticks = ticksOf(v128.load(drawn + (<usize>done << 3)));
    sums = i64x2.add(sums, i64x2.add(i64x2.extend_low_i32x4_u(ticks), i64x2.extend_high_i32x4_u(ticks)));
    most = i32x4.max_u(most, ticks);
  }
  let work = <u64>i64x2.extract_lane(sums, 0) + <u64>i64x2.extract_lane(sums, 1);
  for (let rest = whole; rest < count; rest++) work += ticksAt(rest);
  if (whole == count && !v128.any_true(i32x4.gt_u(most, i32x4.splat(longest)))) return work;
  for (let index = 0; index < count; index++) {
    const ticks = ticksAt(index);
    totals.compareSingle(ticks, offset + index);
    longest = max<u32>(longest, ticks);
  }
  return work;
}

function ticksAt(index: i32): u32 {
  const four = drawn + (<usize>(index & ~3) << 3);
  return workOf(load<u32>(four + (<usize>(index & 3) << 2)));
}

function workOf(a: u32): u32 {
  return i32x4.extract_lane(ticksOf(i32x4.splat(a)), 0);
}
