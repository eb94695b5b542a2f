/**
 * Job ids sort by the order of submission and can't be guessed: 9 characters of milliseconds in base 36 (until
 * the year 5188), 2 that count within the millisecond, then 80 random bits in base 32.
 */
const TIME_CHARACTERS = 9;
const COUNT_CHARACTERS = 2;
const MAX_COUNT = 36 ** COUNT_CHARACTERS - 1;
const RANDOM_BYTES = 10;
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

export class JobIds {
  readonly #randomBytes: (length: number) => Uint8Array;
  #lastMs = 0;
  #count = 0;

  constructor(randomBytes: (length: number) => Uint8Array) {
    this.#randomBytes = randomBytes;
  }

  next(nowMs: number): string {
    const ms = Math.floor(nowMs);
    this.#count = ms === this.#lastMs ? Math.min(this.#count + 1, MAX_COUNT) : 0;
    this.#lastMs = ms;
    const time = ms.toString(36).padStart(TIME_CHARACTERS, '0');
    return time + this.#count.toString(36).padStart(COUNT_CHARACTERS, '0') + this.#random();
  }

  #random(): string {
    let bits = 0n;
    for (const byte of this.#randomBytes(RANDOM_BYTES)) bits = (bits << 8n) | BigInt(byte);
    let characters = '';
    for (let i = 0; i < (RANDOM_BYTES * 8) / 5; i++) {
      characters += ALPHABET.charAt(Number(bits & 31n));
      bits >>= 5n;
    }
    return characters;
  }
}
