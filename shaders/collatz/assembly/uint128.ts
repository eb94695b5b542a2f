/**
 * 128-bit numbers as (hi, lo) pairs of u64. WebAssembly returns one value, so results of two words are left
 * in `hi` and `lo`. Everything below is exact for the stated bounds; callers check them.
 */

export let hi: u64 = 0;
export let lo: u64 = 0;

// @ts-ignore: decorator
@inline
export function set(valueHi: u64, valueLo: u64): void {
  hi = valueHi;
  lo = valueLo;
}

// @ts-ignore: decorator
@inline
export function greater(aHi: u64, aLo: u64, bHi: u64, bLo: u64): bool {
  return aHi > bHi || (aHi == bHi && aLo > bLo);
}

/** (aHi, aLo) · m + d for m < 2^32, d < 2^32; the product must stay below 2^128. */
// @ts-ignore: decorator
@inline
export function multiplyAdd(aHi: u64, aLo: u64, m: u64, d: u64): void {
  const low = (aLo & 0xffffffff) * m + d;
  const middle = (aLo >> 32) * m + (low >> 32);
  lo = (middle << 32) | (low & 0xffffffff);
  hi = aHi * m + (middle >> 32);
}

/** (aHi, aLo) >> bits for 0 ≤ bits < 64. */
// @ts-ignore: decorator
@inline
export function shiftRight(aHi: u64, aLo: u64, bits: u64): void {
  lo = bits == 0 ? aLo : (aLo >> bits) | (aHi << (64 - bits));
  hi = aHi >> bits;
}

/** Strips all trailing zero bits of (aHi, aLo) ≠ 0; returns how many. */
export function stripZeros(aHi: u64, aLo: u64): u64 {
  if (aLo == 0) {
    const zeros = ctz(aHi);
    lo = aHi >> zeros;
    hi = 0;
    return zeros + 64;
  }
  const zeros = ctz(aLo);
  shiftRight(aHi, aLo, zeros);
  return zeros;
}
