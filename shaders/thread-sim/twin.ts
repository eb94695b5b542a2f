/**
 * The plain twin of the WebAssembly kernel (assembly/): the trees of a range one after the other, each depth first.
 * Its words are the kernel's, word for word, since no order of walking shows in them.
 *
 * Plain numbers, exact: the work of a tree is at most 2^24 · 2^20 ticks, its span 33 · 2^20; `Sums` keeps what is
 * added up over trees. Where `| 0` and `>>> 0` stand without need, they tell V8 that a number is a 32-bit integer.
 */
import type { KernelTwin } from '../../protocol/workload.ts';
import { HEAD_WORDS } from './kernel-words.ts';
import { MAX_DEPTH } from './limits.ts';
import { PROCESSORS } from './makespan.ts';

const PARITY = 0x1bd11bda;
const DEPTHS = MAX_DEPTH + 1;
const SIZES = 25;
/** Of the number of processes that a thread's time is cut into: one more than its children. */
const RECIPROCALS = Float64Array.of(1, 1 / 2, 1 / 3, 1 / 4, 1 / 5);

/** One tree at a time: the fields are what was found of the last. */
class Tree {
  threads = 0;
  /** Ticks. */
  work = 0;
  /** Ticks, from the root's start to the last end. */
  span = 0;
  deepest = 0;
  /** Threads at each depth, added up until someone clears it. */
  readonly byDepth = new Float64Array(DEPTHS);

  readonly #parameters: Uint32Array;
  /** Children that wait, as (parent's a, parent's b, start, 4 · depth + m): depth first, at most 4 per depth. */
  readonly #waiting = new Int32Array(4 * 4 * DEPTHS);

  /** @param parameters the words that kernel-words.ts describes */
  constructor(parameters: Uint32Array) {
    this.#parameters = parameters;
  }

  /** Walks the tree of a root; false if it is oversize. */
  walk(root: number): boolean {
    const parameter = (index: number) => this.#parameters[index] ?? 0;
    const maxDepth = parameter(2) | 0;
    // What the byte of a chance must be below: nothing is below 0, where there is no such chance.
    const threshold = (chance: number) => (chance < parameter(3) ? parameter(4) : 0) | 0;
    const threshold0 = threshold(0);
    const threshold1 = threshold(1);
    const threshold2 = threshold(2);
    const threshold3 = threshold(3);
    const workMin = parameter(5) | 0;
    const workRange = parameter(6) | 0;
    const workInverse = 1 / workRange;
    const maxThreads = parameter(8) | 0;
    const waiting = this.#waiting;
    const byDepth = this.byDepth;

    let threads = 0;
    let work = 0;
    let span = 0;
    let deepest = 0;
    let start = 0;
    let depth = 0;
    let top = 0;
    let key0 = parameter(0) | 0;
    let key1 = parameter(1) | 0;
    let counter = root | 0;
    for (;;) {
      // Threefry (threefry.ts), written out: through a function and an array for its two words, half as fast.
      const key2 = PARITY ^ key0 ^ key1;
      let x = (counter + key0) | 0;
      let y = key1;
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
      const a = (x + key2) | 0;
      const b = (y + key0 + 5) | 0;

      threads = (threads + 1) | 0;
      if (threads > maxThreads) return false;
      // a mod workRange. Exact: the quotient of a + 1/2 is 2^-21 from any whole number, its rounding error below 2^-20
      // / workRange. The operator % halved the speed, as a division of floating-point numbers.
      const quotient = (((a >>> 0) + 0.5) * workInverse) >>> 0;
      const ticks = (workMin + a - Math.imul(quotient, workRange)) | 0;
      const end = (start + ticks) | 0;
      work += ticks;
      if (end > span) span = end;
      if (depth > deepest) deepest = depth;
      byDepth[depth] = (byDepth[depth] ?? 0) + 1;
      if (depth < maxDepth) {
        // The sign of byte − threshold, as 0 or 1.
        const forks =
          (((b & 255) - threshold0) >>> 31) +
          ((((b >>> 8) & 255) - threshold1) >>> 31) +
          ((((b >>> 16) & 255) - threshold2) >>> 31) +
          (((b >>> 24) - threshold3) >>> 31);
        const reciprocal = RECIPROCALS[forks] ?? 0;
        for (let child = 0; child < forks; child++) {
          waiting[top] = a;
          waiting[top + 1] = b;
          waiting[top + 2] = start + (((ticks * (child + 1) + 0.5) * reciprocal) | 0);
          waiting[top + 3] = 4 * (depth + 1) + child;
          top = (top + 4) | 0;
        }
      }
      if (top === 0) break;
      top = (top - 4) | 0;
      start = waiting[top + 2] ?? 0;
      const place = waiting[top + 3] ?? 0;
      depth = place >> 2;
      counter = place & 3;
      key0 = waiting[top] ?? 0;
      key1 = waiting[top + 1] ?? 0;
    }
    this.threads = threads;
    this.work = work;
    this.span = span;
    this.deepest = deepest;
    return true;
  }
}

// Where each sum lies, in the order of the words: totals, then entries by depth, size and machine.
const OVERSIZE = 0;
const THREADS = 1;
const WORK = 2;
const SPAN = 3;
const AT_DEPTHS = 4;
const AT_SIZES = AT_DEPTHS + DEPTHS;
const AT_LOWER = AT_SIZES + SIZES;
const AT_UPPER = AT_LOWER + PROCESSORS.length;
const SUMS = AT_UPPER + PROCESSORS.length;

/** Work, in ticks, from which on the recent sums are settled: seldom enough, and a tree more stays far below 2^53. */
const SETTLED_FROM = 2 ** 40;

/** All sums over trees, which may pass 2^53. */
class Sums {
  /** Each below 2^45: none is larger than the work or, of oversize trees, their number. */
  readonly #recent = new Float64Array(SUMS);
  readonly #settled = new BigUint64Array(SUMS);

  addOversize(): void {
    this.#add(OVERSIZE, 1);
  }

  /** Takes the tree's counts by depth away from it. */
  add({ threads, work, span, deepest, byDepth }: Tree): void {
    if ((this.#recent[WORK] ?? 0) > SETTLED_FROM) this.#settle();
    this.#add(THREADS, threads);
    this.#add(WORK, work);
    this.#add(SPAN, span);
    for (let depth = 0; depth <= deepest; depth++) {
      this.#add(AT_DEPTHS + depth, byDepth[depth] ?? 0);
      byDepth[depth] = 0;
    }
    this.#add(AT_SIZES + 31 - Math.clz32(threads), 1);
    // makespanBounds in makespan.ts; a division by a power of two is exact.
    let share = work;
    let excess = work - span;
    for (let machine = 0; machine < PROCESSORS.length; machine++) {
      this.#add(AT_LOWER + machine, Math.max(span, Math.ceil(share)));
      this.#add(AT_UPPER + machine, span + Math.floor(excess));
      share /= 2;
      excess /= 2;
    }
  }

  /** Two words each, the low one first. */
  store(words: Uint32Array): void {
    this.#settle();
    for (const [index, sum] of this.#settled.entries()) {
      words[2 * index] = Number(sum & 0xffffffffn);
      words[2 * index + 1] = Number(sum >> 32n);
    }
  }

  #add(index: number, value: number): void {
    this.#recent[index] = (this.#recent[index] ?? 0) + value;
  }

  #settle(): void {
    for (const [index, sum] of this.#recent.entries()) {
      this.#settled[index] = (this.#settled[index] ?? 0n) + BigInt(sum);
    }
    this.#recent.fill(0);
  }
}

/** The largest value so far and the first root, counted from the range's start, that has it. */
class Largest {
  #value = 0;
  #offset = 0;

  /** Offsets ascend, so only a larger value moves it. */
  compare(value: number, offset: number): void {
    if (value <= this.#value) return;
    this.#value = value;
    this.#offset = offset;
  }

  words(): readonly number[] {
    return [this.#value % 2 ** 32, Math.floor(this.#value / 2 ** 32), this.#offset];
  }
}

export const threadTwin: KernelTwin = (parameterWords) => {
  const tree = new Tree(parameterWords);
  return ({ start, end }) => {
    const sums = new Sums();
    const [threads, work, span] = [new Largest(), new Largest(), new Largest()];
    const first = Number(start);
    const length = Number(end - start);
    for (let offset = 0; offset < length; offset++) {
      if (tree.walk(first + offset)) {
        sums.add(tree);
        threads.compare(tree.threads, offset);
        work.compare(tree.work, offset);
        span.compare(tree.span, offset);
      } else {
        sums.addOversize();
        tree.byDepth.fill(0);
      }
    }
    const words = new Uint32Array(HEAD_WORDS);
    sums.store(words);
    words.set([...threads.words(), ...work.words(), ...span.words()], 2 * SUMS);
    return words;
  };
};
