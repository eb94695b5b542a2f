/**
 * The random states of threads, four at a time: Threefry-2x32 with 20 rounds (threefry.ts one folder up says whose).
 *
 * A pass of its own over a block, whose results go through memory to the next pass: a state takes some 70 cycles of
 * steps that wait for each other, and what follows from it 60 more. In one loop, a processor that looks 512
 * instructions ahead sees the end of four threads and the begin of the next four, and has too little to do; in two
 * loops, each of 130 instructions, it always has several fours at hand.
 */
import { INTEGERS, M_SHIFT, PARITY, ROTATION_24, START_FIELD, constant } from './constants.ts';

// @ts-ignore: decorators of AssemblyScript
@inline
function mix(x: v128, y: v128, bits: i32): v128 {
  return v128.xor(v128.or(i32x4.shl(y, bits), i32x4.shr_u(y, 32 - bits)), x);
}

// @ts-ignore: decorators of AssemblyScript
@inline
function rotate16(y: v128): v128 {
  return v128.shuffle<i16>(y, y, 1, 0, 3, 2, 5, 4, 7, 6);
}

// @ts-ignore: decorators of AssemblyScript
@inline
function rotate24(y: v128): v128 {
  return v128.swizzle(y, constant(ROTATION_24));
}

/** Stores a and b of TF((key0, key1); (x − key0, 0)), four words each, at `to` and `to` + 16. */
// @ts-ignore: decorators of AssemblyScript
@inline
function threefry(x: v128, key0: v128, key1: v128, to: usize): void {
  const key2 = v128.xor(v128.xor(key0, key1), constant(PARITY));
  let y = key1;
  x = i32x4.add(x, y); y = mix(x, y, 13);
  x = i32x4.add(x, y); y = mix(x, y, 15);
  x = i32x4.add(x, y); y = mix(x, y, 26);
  x = i32x4.add(x, y); y = mix(x, y, 6);
  x = i32x4.add(x, key1); y = i32x4.add(y, i32x4.add(key2, constant(INTEGERS + 16)));
  x = i32x4.add(x, y); y = mix(x, y, 17);
  x = i32x4.add(x, y); y = mix(x, y, 29);
  x = i32x4.add(x, y); y = v128.xor(rotate16(y), x);
  x = i32x4.add(x, y); y = v128.xor(rotate24(y), x);
  x = i32x4.add(x, key2); y = i32x4.add(y, i32x4.add(key0, constant(INTEGERS + 32)));
  x = i32x4.add(x, y); y = mix(x, y, 13);
  x = i32x4.add(x, y); y = mix(x, y, 15);
  x = i32x4.add(x, y); y = mix(x, y, 26);
  x = i32x4.add(x, y); y = mix(x, y, 6);
  x = i32x4.add(x, key0); y = i32x4.add(y, i32x4.add(key1, constant(INTEGERS + 48)));
  x = i32x4.add(x, y); y = mix(x, y, 17);
  x = i32x4.add(x, y); y = mix(x, y, 29);
  x = i32x4.add(x, y); y = v128.xor(rotate16(y), x);
  x = i32x4.add(x, y); y = v128.xor(rotate24(y), x);
  x = i32x4.add(x, key1); y = i32x4.add(y, i32x4.add(key2, constant(INTEGERS + 64)));
  x = i32x4.add(x, y); y = mix(x, y, 13);
  x = i32x4.add(x, y); y = mix(x, y, 15);
  x = i32x4.add(x, y); y = mix(x, y, 26);
  x = i32x4.add(x, y); y = mix(x, y, 6);
  v128.store(to, i32x4.add(x, key2));
  v128.store(to, i32x4.add(y, i32x4.add(key0, constant(INTEGERS + 80))), 16);
}

/**
 * Turns the entries of [from, to), whole fours, into threads: four threads lie where four entries lay, as their a,
 * their b, their starts, and the addresses of their trees' records, four words each.
 */
export function ofEntries(from: usize, to: usize): void {
  for (let at = from; at < to; at += 64) {
    const entry0 = v128.load(at);
    const entry1 = v128.load(at, 16);
    const entry2 = v128.load(at, 32);
    const entry3 = v128.load(at, 48);
    const states01 = v128.shuffle<i32>(entry0, entry1, 0, 4, 1, 5);
    const states23 = v128.shuffle<i32>(entry2, entry3, 0, 4, 1, 5);
    const places01 = v128.shuffle<i32>(entry0, entry1, 2, 6, 3, 7);
    const places23 = v128.shuffle<i32>(entry2, entry3, 2, 6, 3, 7);
    const key0 = v128.shuffle<i64>(states01, states23, 0, 2);
    const key1 = v128.shuffle<i64>(states01, states23, 1, 3);
    const place = v128.shuffle<i64>(places01, places23, 0, 2);
    v128.store(at, v128.and(place, constant(START_FIELD)), 32);
    v128.store(at, v128.shuffle<i64>(places01, places23, 1, 3), 48);
    threefry(i32x4.add(key0, i32x4.shr_u(place, M_SHIFT)), key0, key1, at);
  }
}

/** Writes `count` roots from `root` on, rounded up to whole fours, as threads to `to`; their records follow each other. */
export function ofRoots(seed0: u32, seed1: u32, root: u32, count: i32, to: usize, record: usize): void {
  const key0 = i32x4.splat(seed0);
  const key1 = i32x4.splat(seed1);
  let x = i32x4.add(i32x4.splat(seed0 + root), i32x4(0, 1, 2, 3));
  let records = i32x4.add(i32x4.splat(<i32>record), i32x4(0, 16, 32, 48));
  for (let done = 0; done < count; done += 4) {
    threefry(x, key0, key1, to);
    v128.store(to, i32x4.splat(0), 32);
    v128.store(to, records, 48);
    x = i32x4.add(x, constant(INTEGERS + 64));
    records = i32x4.add(records, i32x4.splat(64));
    to += 64;
  }
}
