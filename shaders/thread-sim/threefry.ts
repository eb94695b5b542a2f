/**
 * Threefry-2x32 with 20 rounds: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * SC'11. Key and counter to two words, both 32 bits wide; known answers in threefry.test.ts.
 */
const PARITY = 0x1bd11bda;

/**
 * TF((key0, key1); (counter, 0)): all that the trees need, since the second counter word is always 0 there.
 * @param out receives the two words; a typed array, because a tuple per thread halves the walk's speed
 */
export function threefry(key0: number, key1: number, counter: number, out: Uint32Array): void {
  threefryFull(key0, key1, counter, 0, out);
}

/** TF((key0, key1); (counter0, counter1)). */
export function threefryFull(
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
  out: Uint32Array,
): void {
  const key2 = PARITY ^ key0 ^ key1;
  let x = (counter0 + key0) | 0;
  let y = (counter1 + key1) | 0;
  // Each line is one round: add, rotate, xor. Rotations 13 15 26 6 | 17 29 16 24, in turn.
  y = ((y << 13) | (y >>> 19)) ^ (x = (x + y) | 0);
  y = ((y << 15) | (y >>> 17)) ^ (x = (x + y) | 0);
  y = ((y << 26) | (y >>> 6)) ^ (x = (x + y) | 0);
  y = ((y << 6) | (y >>> 26)) ^ (x = (x + y) | 0);
  x = (x + key1) | 0;
  y = (y + key2 + 1) | 0;
  y = ((y << 17) | (y >>> 15)) ^ (x = (x + y) | 0);
  y = ((y << 29) | (y >>> 3)) ^ (x = (x + y) | 0);
  y = ((y << 16) | (y >>> 16)) ^ (x = (x + y) | 0);
  y = ((y << 24) | (y >>> 8)) ^ (x = (x + y) | 0);
  x = (x + key2) | 0;
  y = (y + key0 + 2) | 0;
  y = ((y << 13) | (y >>> 19)) ^ (x = (x + y) | 0);
  y = ((y << 15) | (y >>> 17)) ^ (x = (x + y) | 0);
  y = ((y << 26) | (y >>> 6)) ^ (x = (x + y) | 0);
  y = ((y << 6) | (y >>> 26)) ^ (x = (x + y) | 0);
  x = (x + key0) | 0;
  y = (y + key1 + 3) | 0;
  y = ((y << 17) | (y >>> 15)) ^ (x = (x + y) | 0);
  y = ((y << 29) | (y >>> 3)) ^ (x = (x + y) | 0);
  y = ((y << 16) | (y >>> 16)) ^ (x = (x + y) | 0);
  y = ((y << 24) | (y >>> 8)) ^ (x = (x + y) | 0);
  x = (x + key1) | 0;
  y = (y + key2 + 4) | 0;
  y = ((y << 13) | (y >>> 19)) ^ (x = (x + y) | 0);
  y = ((y << 15) | (y >>> 17)) ^ (x = (x + y) | 0);
  y = ((y << 26) | (y >>> 6)) ^ (x = (x + y) | 0);
  y = ((y << 6) | (y >>> 26)) ^ (x = (x + y) | 0);
  out[0] = x + key2;
  out[1] = y + key0 + 5;
}
