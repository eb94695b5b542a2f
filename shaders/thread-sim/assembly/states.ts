/** The random states of threads, eight at a time: Threefry-2x32 with 20 rounds (../threefry.ts says whose). */
import { INTEGERS, PARITY, ROTATION_24, constant } from './constants.ts';

// @ts-ignore: decorators of AssemblyScript
@inline
function mix(x: v128, y: v128, bits: i32): v128 {
  return v128.xor(v128.or(i32x4.shl(y, bits), i32x4.shr_u(y, 32 - bits)), x);
}

// Rotations by whole bytes are shuffles, of two instructions instead of three. V8 has none to rotate lanes.

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

/**
 * TF((key0, key1); (x − key0, 0)) and, of four more threads, TF((also0, also1); (u − also0, 0)): their a, b, a, b go to
 * `to`, four words each. Two fours in turn, since in one of them each step waits for the one before: 15 % faster.
 * An inlined function of AssemblyScript returns one value, so four go through memory.
 */
// @ts-ignore: decorators of AssemblyScript
@inline
export function threefry(x: v128, key0: v128, key1: v128, u: v128, also0: v128, also1: v128, to: usize): void {
  let add = constant(PARITY);
  const key2 = v128.xor(v128.xor(key0, key1), add);
  const also2 = v128.xor(v128.xor(also0, also1), add);
  let y = key1;
  let v = also1;
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 13); v = mix(u, v, 13);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 15); v = mix(u, v, 15);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 26); v = mix(u, v, 26);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 6); v = mix(u, v, 6);
  add = constant(INTEGERS + 16);
  x = i32x4.add(x, key1); y = i32x4.add(y, i32x4.add(key2, add));
  u = i32x4.add(u, also1); v = i32x4.add(v, i32x4.add(also2, add));
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 17); v = mix(u, v, 17);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 29); v = mix(u, v, 29);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = v128.xor(rotate16(y), x); v = v128.xor(rotate16(v), u);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = v128.xor(rotate24(y), x); v = v128.xor(rotate24(v), u);
  add = constant(INTEGERS + 32);
  x = i32x4.add(x, key2); y = i32x4.add(y, i32x4.add(key0, add));
  u = i32x4.add(u, also2); v = i32x4.add(v, i32x4.add(also0, add));
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 13); v = mix(u, v, 13);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 15); v = mix(u, v, 15);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 26); v = mix(u, v, 26);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 6); v = mix(u, v, 6);
  add = constant(INTEGERS + 48);
  x = i32x4.add(x, key0); y = i32x4.add(y, i32x4.add(key1, add));
  u = i32x4.add(u, also0); v = i32x4.add(v, i32x4.add(also1, add));
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 17); v = mix(u, v, 17);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 29); v = mix(u, v, 29);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = v128.xor(rotate16(y), x); v = v128.xor(rotate16(v), u);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = v128.xor(rotate24(y), x); v = v128.xor(rotate24(v), u);
  add = constant(INTEGERS + 64);
  x = i32x4.add(x, key1); y = i32x4.add(y, i32x4.add(key2, add));
  u = i32x4.add(u, also1); v = i32x4.add(v, i32x4.add(also2, add));
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 13); v = mix(u, v, 13);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 15); v = mix(u, v, 15);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 26); v = mix(u, v, 26);
  x = i32x4.add(x, y); u = i32x4.add(u, v); y = mix(x, y, 6); v = mix(u, v, 6);
  add = constant(INTEGERS + 80);
  x = i32x4.add(x, key2); y = i32x4.add(y, i32x4.add(key0, add));
  u = i32x4.add(u, also2); v = i32x4.add(v, i32x4.add(also0, add));
  v128.store(to, x);
  v128.store(to, y, 16);
  v128.store(to, u, 32);
  v128.store(to, v, 48);
}

/** The states of `count` roots from `root` on, rounded up to whole eights, to `to`: four times a, four times b. */
export function ofRoots(seed0: u32, seed1: u32, root: u32, count: i32, to: usize): void {
  const key0 = i32x4.splat(seed0);
  const key1 = i32x4.splat(seed1);
  let x = i32x4.add(i32x4.splat(seed0 + root), i32x4(0, 1, 2, 3));
  for (let done = 0; done < count; done += 8) {
    const u = i32x4.add(x, constant(INTEGERS + 64));
    threefry(x, key0, key1, u, key0, key1, to);
    x = i32x4.add(u, constant(INTEGERS + 64));
    to += 64;
  }
}
