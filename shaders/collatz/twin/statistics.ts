/**
 * collatz, mode statistics, in plain TypeScript: the twin of assembly/statistics.ts, to be read first. One number after
 * the other walks to below 2^16 by jumps of 10 steps of the shortcut map, n = h·2^10 + r → h·3^c + d, and a table
 * answers the rest. No residue classes: what they must give is what this gives. Its words are those of the kernel.
 *
 * Numbers are doubles below 2^46, where a jump stays below 2^53 (2^36 · 3^10 < 2^52), and above three of them, limbs of 36,
 * 36 and 46 bits: a limb of h times 3^c < 2^16 plus a carry is exact again.
 */
import type { Range } from '../../../protocol/range.ts';
import type { KernelTwin } from '../../../protocol/workload.ts';
import type { WalkTables } from '../jump-tables.ts';
import { TAIL, walkTables } from '../jump-tables.ts';
import { DELAY_BINS } from '../statistics-kernel.ts';
import { walkToOne } from '../walk.ts';

const JUMP = 1024;
const DOUBLES_END = 2 ** 46;
const LIMB_BITS = 36n;
const LIMB = 2 ** 36;
/** 2^46 and 2^41 by the middle limb; a value stays in limbs to the second, so that it does not change over often. */
const LIMBS_FROM = 2 ** 10;
const LIMBS_TO = 2 ** 5;
/** End of the highest limb: within a jump from below 2^118 no value of T reaches 2^126. */
const HIGH_END = 2 ** 46;
/** What the lowest ten bits of a limb are to the one below. */
const CARRIED = LIMB / JUMP;
/** No value of T in a jump from v exceeds v times this: 1.5 · 3 · 1.5^9 < 2^7.5. The rest is for rounding. */
const JUMP_GROWTH = 2 ** 8;
const HEADER_WORDS = 3;
const DELAY_RECORD_WORDS = 3;
const PEAK_RECORD_WORDS = 6;
const OFFSET_WORDS = 2;
const WORD = 2 ** 32;

/** A number on its way. */
interface Traveller {
  low: number;
  middle: number;
  high: number;
  /** Steps of T so far. */
  delay: number;
  /** May its peak exceed the best? */
  doubtful: boolean;
}

interface Found {
  readonly histogram: Float64Array;
  readonly delayRecords: { readonly offset: number; readonly delay: number }[];
  readonly peakRecords: { readonly offset: number; readonly peak: bigint }[];
  readonly handedBack: number[];
  longest: number;
  best: bigint;
  /** `best`, rounded. */
  bestRounded: number;
  /** A jump from below this can't exceed `best`. */
  threshold: number;
}

export const statisticsTwin: KernelTwin = () => {
  const tables = walkTables();
  return (range) => wordsOf(computed(range, tables));
};

function computed({ start, end }: Range, tables: WalkTables): Found {
  const found: Found = {
    histogram: new Float64Array(DELAY_BINS),
    delayRecords: [],
    peakRecords: [],
    handedBack: [],
    longest: -1,
    best: 0n,
    bestRounded: 0,
    threshold: 0,
  };
  const x: Traveller = { low: 0, middle: 0, high: 0, delay: 0, doubtful: false };
  const length = Number(end - start);
  let low = Number(start % 2n ** LIMB_BITS);
  let middle = Number((start >> LIMB_BITS) % 2n ** LIMB_BITS);
  let high = Number(start >> (2n * LIMB_BITS));
  for (let offset = 0; offset < length; offset++) {
    x.low = low;
    x.middle = middle;
    x.high = high;
    x.delay = 0;
    x.doubtful = false;
    if (walk(x, tables, found)) count(found, start, offset, x);
    else found.handedBack.push(offset);
    if (++low === LIMB) {
      low = 0;
      if (++middle === LIMB) {
        middle = 0;
        high++;
      }
    }
  }
  return found;
}

/** To 1; false: the number is handed back, as it climbs too high or takes too long. */
function walk(x: Traveller, tables: WalkTables, found: Found): boolean {
  for (;;) {
    if ((x.high !== 0 || x.middle >= LIMBS_FROM) && !walkLimbs(x, tables, found)) return false;
    if (x.delay >= DELAY_BINS) return false;
    if (walkDouble(x, tables, found)) return x.delay < DELAY_BINS;
  }
}

/** Until the value is below 2^41; false: it climbs past the limbs, or takes too long. */
function walkLimbs(x: Traveller, tables: WalkTables, { threshold }: Found): boolean {
  const { factors, offsets, steps } = tables;
  let { low, middle, high, delay } = x;
  while (high !== 0 || middle >= LIMBS_TO) {
    if (high >= HIGH_END || delay >= DELAY_BINS) return false;
    if ((high * LIMB + middle) * LIMB + low > threshold) x.doubtful = true;
    const high1 = Math.floor(high / JUMP);
    const middle1 = Math.floor(middle / JUMP);
    const low1 = Math.floor(low / JUMP);
    const r = low - low1 * JUMP;
    const factor = factors[r] ?? 0;
    const p0 = (low1 + (middle - middle1 * JUMP) * CARRIED) * factor + (offsets[r] ?? 0);
    const carry0 = Math.floor(p0 / LIMB);
    const p1 = (middle1 + (high - high1 * JUMP) * CARRIED) * factor + carry0;
    const carry1 = Math.floor(p1 / LIMB);
    low = p0 - carry0 * LIMB;
    middle = p1 - carry1 * LIMB;
    high = high1 * factor + carry1;
    delay += steps[r] ?? 0;
  }
  x.low = low;
  x.middle = middle;
  x.high = 0;
  x.delay = delay;
  return true;
}

/** From below 2^46 to 1; false: the value climbs out of the doubles, and is in limbs again. */
function walkDouble(x: Traveller, tables: WalkTables, { threshold, bestRounded }: Found): boolean {
  const { factors, offsets, steps, tailDelays, tailPeaks } = tables;
  let v = x.middle * LIMB + x.low;
  let { delay } = x;
  while (v >= TAIL) {
    if (v >= DOUBLES_END) {
      x.middle = Math.floor(v / LIMB);
      x.low = v - x.middle * LIMB;
      x.delay = delay;
      return false;
    }
    if (v > threshold) x.doubtful = true;
    const h = Math.floor(v / JUMP);
    const r = v - h * JUMP;
    v = h * (factors[r] ?? 0) + (offsets[r] ?? 0);
    delay += steps[r] ?? 0;
  }
  x.delay = delay + (tailDelays[v] ?? 0);
  if ((tailPeaks[v] ?? 0) > bestRounded) x.doubtful = true;
  return true;
}

/** In the order of n: the records depend on it. */
function count(found: Found, start: bigint, offset: number, { delay, doubtful }: Traveller): void {
  found.histogram[delay] = (found.histogram[delay] ?? 0) + 1;
  if (delay > found.longest) {
    found.longest = delay;
    found.delayRecords.push({ offset, delay });
  }
  if (!doubtful) return;
  const { peak } = walkToOne(start + BigInt(offset));
  if (peak <= found.best) return;
  found.peakRecords.push({ offset, peak });
  found.best = peak;
  found.bestRounded = Number(peak);
  found.threshold = found.bestRounded / JUMP_GROWTH;
}

function wordsOf({ histogram, delayRecords, peakRecords, handedBack }: Found): Uint32Array {
  const words = new Uint32Array(
    HEADER_WORDS +
      2 * DELAY_BINS +
      delayRecords.length * DELAY_RECORD_WORDS +
      peakRecords.length * PEAK_RECORD_WORDS +
      handedBack.length * OFFSET_WORDS,
  );
  let at = 0;
  const word = (value: number) => (words[at++] = value);
  const double = (value: number) => {
    word(value % WORD);
    word(Math.floor(value / WORD));
  };
  word(delayRecords.length);
  word(peakRecords.length);
  word(handedBack.length);
  for (const numbers of histogram) double(numbers);
  for (const { offset, delay } of delayRecords) {
    double(offset);
    word(delay);
  }
  for (const { offset, peak } of peakRecords) {
    double(offset);
    for (let shift = 0n; shift < 128n; shift += 32n) word(Number((peak >> shift) & 0xffffffffn));
  }
  for (const offset of handedBack) double(offset);
  return words;
}
