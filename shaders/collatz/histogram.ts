/**
 * How many numbers have each delay. Entries may pass 2^53 in a large job (a range has up to 2^96 numbers), so
 * each is low + high·2^48 in doubles, both below 2^48 after a carry: exact, and folds add plain numbers. A
 * fold of two batches near 2^40 (about 900 entries) takes 4 µs; with big integers it took 40.
 */

const BASE = 2 ** 48;
const BASE_BITS = 48n;
const HALF = 2 ** 24;

export class Histogram {
  readonly #low: Float64Array;
  readonly #high: Float64Array;

  private constructor(low: Float64Array, high: Float64Array) {
    this.#low = low;
    this.#high = high;
  }

  static readonly empty = new Histogram(new Float64Array(0), new Float64Array(0));

  /** From counts below 2^53, without trailing zeros; longer counts come by `add`. */
  static of(counts: ArrayLike<number>): Histogram {
    let length = counts.length;
    while (length > 0 && counts[length - 1] === 0) length--;
    const low = new Float64Array(length);
    const high = new Float64Array(length);
    for (let d = 0; d < length; d++) {
      const count = counts[d] ?? 0;
      high[d] = Math.floor(count / BASE);
      low[d] = count % BASE;
    }
    return new Histogram(low, high);
  }

  /** From exact entries; the last must not be 0. Undefined if one is 2^96 or more. */
  static parse(entries: readonly bigint[]): Histogram | undefined {
    const low = new Float64Array(entries.length);
    const high = new Float64Array(entries.length);
    for (const [d, entry] of entries.entries()) {
      const upper = entry >> BASE_BITS;
      if (upper >> BASE_BITS !== 0n) return undefined;
      high[d] = Number(upper);
      low[d] = Number(entry - (upper << BASE_BITS));
    }
    return new Histogram(low, high);
  }

  /** One past the largest delay; 0 if nothing was counted. */
  get length(): number {
    return this.#low.length;
  }

  has(d: number): boolean {
    return (this.#low[d] ?? 0) !== 0 || (this.#high[d] ?? 0) !== 0;
  }

  plus(other: Histogram): Histogram {
    const [longer, shorter] = this.length >= other.length ? [this, other] : [other, this];
    const low = longer.#low.slice();
    const high = longer.#high.slice();
    for (let d = 0; d < shorter.length; d++) {
      const sum = (low[d] ?? 0) + (shorter.#low[d] ?? 0);
      const carry = sum >= BASE ? 1 : 0;
      low[d] = sum - carry * BASE;
      high[d] = (high[d] ?? 0) + (shorter.#high[d] ?? 0) + carry;
    }
    return new Histogram(low, high);
  }

  /** Σ count and Σ d · count. In halves of 24 bits, so that no double passes 2^53: d and the length are < 2^13. */
  sums(): { readonly total: bigint; readonly weighted: bigint } {
    let total0 = 0;
    let total1 = 0;
    let weighted0 = 0;
    let weighted1 = 0;
    let totalHigh = 0n;
    let weightedHigh = 0n;
    for (let d = 0; d < this.#low.length; d++) {
      const low = this.#low[d] ?? 0;
      const high = this.#high[d] ?? 0;
      const upper = Math.floor(low / HALF);
      const lower = low - upper * HALF;
      total0 += lower;
      total1 += upper;
      weighted0 += lower * d;
      weighted1 += upper * d;
      if (high !== 0) {
        totalHigh += BigInt(high);
        weightedHigh += BigInt(high) * BigInt(d);
      }
    }
    return {
      total: BigInt(total0) + (BigInt(total1) << 24n) + (totalHigh << BASE_BITS),
      weighted: BigInt(weighted0) + (BigInt(weighted1) << 24n) + (weightedHigh << BASE_BITS),
    };
  }

  /** Decimal strings, one per delay. */
  encode(): string[] {
    const entries = new Array<string>(this.length);
    for (let d = 0; d < this.length; d++) {
      const low = this.#low[d] ?? 0;
      const high = this.#high[d] ?? 0;
      entries[d] = high === 0 ? String(low) : ((BigInt(high) << BASE_BITS) + BigInt(low)).toString();
    }
    return entries;
  }
}
