/**
 * Vector constants lie in memory: V8 makes one that is in the text anew at each use, by three to five instructions,
 * even in a loop.
 */
const table: usize = memory.data(16 * 32, 16);

/** INTEGERS + 16 · i: 32-bit lanes of i, for i = 0 … 5. */
export const INTEGERS: usize = table;
/** FLOATS + 16 · i: lanes of i, for i = 0 … 4. */
export const FLOATS: usize = table + 16 * 6;
/** M_FIELDS + 16 · m: m where an entry has it, for m = 0 … 3. */
export const M_FIELDS: usize = table + 16 * 11;
export const START_FIELD: usize = table + 16 * 15;
export const PARITY: usize = table + 16 * 16;
export const ROTATION_24: usize = table + 16 * 17;
export const ONES_16: usize = table + 16 * 18;
export const UNITS: usize = table + 16 * 19;
export const FLOAT_UNITS: usize = table + 16 * 20;
export const CENTRE: usize = table + 16 * 21;
export const ROUNDER: usize = table + 16 * 22;
export const ROUNDER_BITS: usize = table + 16 * 23;

/** An entry's third word: start in ticks (28 bits; at most 33 · 2^20), m above it. */
export const M_SHIFT: i32 = 28;
/** Threads are counted in 16ths, so that a count of children is the bytes of their entries. */
export const UNIT: i32 = 16;
export const UNIT_SHIFT: i32 = 4;

export function prepare(): void {
  for (let i = 0; i < 6; i++) v128.store(INTEGERS + (<usize>i << 4), i32x4.splat(i));
  for (let i = 0; i < 5; i++) v128.store(FLOATS + (<usize>i << 4), f32x4.splat(<f32>i));
  for (let m = 0; m < 4; m++) v128.store(M_FIELDS + (<usize>m << 4), i32x4.splat(m << M_SHIFT));
  v128.store(START_FIELD, i32x4.splat((1 << M_SHIFT) - 1));
  v128.store(PARITY, i32x4.splat(0x1bd11bda));
  v128.store(ROTATION_24, i8x16(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12));
  v128.store(ONES_16, i16x8.splat(1));
  v128.store(UNITS, i32x4.splat(UNIT));
  v128.store(FLOAT_UNITS, f32x4.splat(<f32>UNIT));
  v128.store(CENTRE, f32x4.splat(-0.4));
  // 3 · 2^22: added to a float of less than 2^21, it leaves the nearest whole number in the low 22 bits.
  v128.store(ROUNDER, f32x4.splat(12582912));
  v128.store(ROUNDER_BITS, i32x4.splat(0x4b400000));
}

// @ts-ignore: decorators of AssemblyScript
@inline
export function constant(address: usize): v128 {
  return v128.load(address);
}
