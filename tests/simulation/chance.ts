/** Seeded chance. Each part of a simulation has a stream of its own, so that one more draw in one part does
 * not change what the others draw. */

export class Chance {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** sfc32 (PractRand), seeded by an FNV-1a hash of the text. */
  constructor(seed: string) {
    let hash = 0x811c9dc5;
    for (const character of seed) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
    this.#a = hash >>> 0;
    this.#b = Math.imul(hash, 0x9e3779b1) >>> 0;
    this.#c = 0xdeadbeef;
    this.#d = 1;
    for (let i = 0; i < 16; i++) this.word();
  }

  /** A 32-bit word. */
  word(): number {
    const sum = (this.#a + this.#b + this.#d) >>> 0;
    this.#d = (this.#d + 1) >>> 0;
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0;
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0;
    return sum;
  }

  /** 0 ≤ x < 1 */
  readonly unit = (): number => this.word() / 2 ** 32;

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** A whole number, low ≤ x ≤ high. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  between(low: number, high: number): number {
    return low + this.unit() * (high - low);
  }

  /** Exponentially distributed: the time to the next of events that come at random. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.unit());
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.whole(0, items.length - 1)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  readonly bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => this.word() & 0xff);

  /** A stream of its own. */
  fork(name: string): Chance {
    return new Chance(`${name} ${this.word()} ${this.word()}`);
  }
}
