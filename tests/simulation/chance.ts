/**
 * Seeded chance. Each part of a simulation has a stream of its own, so that one more draw in one part does not change
 * what the others draw.
 */
import { Chance as Stream } from '../../cli/load/chance.ts';

export class Chance extends Stream {
  /** A whole number, low ≤ x ≤ high. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  between(low: number, high: number): number {
    return low + this.unit() * (high - low);
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
