/** Reads a kernel's output words in order; whatever can't be that kernel's is a KernelFault. */
import type { Range } from '../../protocol/range.ts';
import { rangeLength } from '../../protocol/range.ts';
import { KernelFault } from '../../protocol/workload.ts';
import type { Records, RunningRecord } from './records.ts';
import { recordsProblem } from './records.ts';

const WORD = 2 ** 32;
const DELAY_RECORD_WORDS = 3;
const PEAK_RECORD_WORDS = 6;
const OFFSET_WORDS = 2;

export class KernelReader {
  readonly #range: Range;
  readonly #words: Uint32Array;
  #at = 0;

  constructor(range: Range, words: Uint32Array) {
    this.#range = range;
    this.#words = words;
  }

  word(): number {
    const word = this.#words[this.#at++];
    if (word === undefined) throw new KernelFault('the kernel gave too few words');
    return word;
  }

  /** 64 bits, of which 53 may be used. */
  count(): number {
    const low = this.word();
    const count = this.word() * WORD + low;
    if (!Number.isSafeInteger(count)) throw new KernelFault(`a count of ${count}`);
    return count;
  }

  /** A number of the range, from its 64-bit offset. */
  number(): bigint {
    const n = this.#range.start + BigInt(this.count());
    if (n >= this.#range.end) throw new KernelFault(`${n} lies outside the range`);
    return n;
  }

  /** 128 bits. */
  peak(): bigint {
    return wide(this.word(), this.word(), this.word(), this.word());
  }

  delayRecords(length: number): Records<number> {
    this.#need(length * DELAY_RECORD_WORDS);
    return this.#records('delay_records', length, () => this.word());
  }

  peakRecords(length: number): Records<bigint> {
    this.#need(length * PEAK_RECORD_WORDS);
    return this.#records('peak_records', length, () => this.peak());
  }

  /** Numbers handed back, ascending. */
  numbers(length: number): readonly bigint[] {
    this.#need(length * OFFSET_WORDS);
    const numbers = Array.from({ length }, () => this.number());
    if (numbers.some((n, index) => n <= (numbers[index - 1] ?? 0n))) {
      throw new KernelFault('the numbers handed back do not ascend');
    }
    return numbers;
  }

  end(): void {
    if (this.#at !== this.#words.length) throw new KernelFault('the kernel gave too many words');
  }

  #records<V extends number | bigint>(name: string, length: number, value: () => V): Records<V> {
    const list: RunningRecord<V>[] = [];
    for (let index = 0; index < length; index++) list.push({ n: this.number(), value: value() });
    const problem = recordsProblem(name, list, this.#range);
    if (problem !== undefined) throw new KernelFault(problem);
    return list;
  }

  #need(words: number): void {
    if (this.#at + words > this.#words.length) throw new KernelFault('the kernel gave too few words');
  }
}

/** The number with these 32-bit limbs, the lowest first. */
export function wide(x0: number, x1: number, x2: number, x3: number): bigint {
  const low = (BigInt(x1) << 32n) | BigInt(x0);
  return x2 === 0 && x3 === 0 ? low : (BigInt(x3) << 96n) | (BigInt(x2) << 64n) | low;
}

/** Must be so in every answer of this kernel. */
export function must(holds: boolean, message: string): void {
  if (!holds) throw new KernelFault(message);
}

export function lengthOf(range: Range): number {
  const length = rangeLength(range);
  must(length > 0n && length <= BigInt(Number.MAX_SAFE_INTEGER), `a range of ${length} numbers`);
  return Number(length);
}
