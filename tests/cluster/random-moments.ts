/** Seeded random moments: TEST_SEED repeats them. */
const SEED = process.env['TEST_SEED'] ?? String(Math.floor(Math.random() * 2 ** 31));

export const testSeed: string = SEED;
export const testFull: boolean = process.env['TEST_FULL'] === '1';

/** mulberry32: 0 ≤ x < 1 */
export function seededRandom(name: string): () => number {
  let state = 0;
  for (const character of `${SEED} ${name}`)
    state = (Math.imul(state, 31) + (character.codePointAt(0) ?? 0)) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
