/** Seeded chance for simulated workers, and the distributions that real ones were found to follow. */

/** No device is further from the median: one that is alone as fast as hundreds would be a queue of its own. */
const MOST_SIGMA = 2.5;

/** A name has a stream of its own, so that one worker more, or one draw more of it, changes no other's draws. */
export class Chance {
  #a: number;
  #b: number;
  #c = 0xdeadbeef;
  #d = 1;

  /** sfc32 (PractRand), seeded by an FNV-1a hash of the text. */
  constructor(seed: string) {
    let hash = 0x811c9dc5;
    for (const character of seed) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
    this.#a = hash >>> 0;
    this.#b = Math.imul(hash, 0x9e3779b1) >>> 0;
    for (let i = 0; i < 16; i++) this.word();
  }

  /** 32 bits. */
  readonly word = (): number => {
    const sum = (this.#a + this.#b + this.#d) >>> 0;
    this.#d = (this.#d + 1) >>> 0;
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0;
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0;
    return sum;
  };

  /** 0 ≤ x < 1 */
  readonly unit = (): number => this.word() / 2 ** 32;

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** The time to the next of events that come at random. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.unit());
  }

  /** Speeds of devices: half of all are below the median, a few are many times as fast. */
  logNormal(median: number, sigma: number): number {
    // Box and Muller; the second value is thrown away, since who draws it would depend on who drew before.
    const radius = Math.sqrt(-2 * Math.log(1 - this.unit()));
    const normal = radius * Math.cos(2 * Math.PI * this.unit());
    return median * Math.exp(sigma * Math.max(-MOST_SIGMA, Math.min(MOST_SIGMA, normal)));
  }

  /** How long visitors stay: most leave soon, a few stay very long. With a shape of at most 2 the variance has no bound. */
  pareto(least: number, shape: number): number {
    return least / (1 - this.unit()) ** (1 / shape);
  }

  hex(bytes: number): string {
    let text = '';
    while (text.length < 2 * bytes) text += this.word().toString(16).padStart(8, '0');
    return text.slice(0, 2 * bytes);
  }
}
