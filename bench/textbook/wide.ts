/**
 * One number of the 3n + 1 map walked step by step, in a 64-bit word while it fits and in two otherwise, and the row of
 * words in which the textbook kernels answer.
 *
 * Exact below 2^126: a walk that reaches it stops, and is told in the row's last word for the caller to refuse.
 */

/** Values from here on are walked in two words: 3n + 1 of a smaller one fits one. */
export const NARROW: u64 = 1 << 62;
/** From two words back to one below this, and not sooner: the next climb does not change back at once. */
const NARROW_AGAIN: u64 = NARROW >> 8;
/** High words from here on: 3n + 1 might pass 2^128. */
export const TOO_HIGH: u64 = 1 << 62;

export const ROW_WORDS: u32 = 12;
export const row: usize = memory.data(4 * 12, 16);

/** Instead of a number of steps. */
export const OVERFLOWED: u32 = 0xffffffff;
/** Of the last walk: its largest value. */
export let peakHigh: u64 = 0;
export let peakLow: u64 = 0;

/** Where the last stretch ended; its value is (valueHigh, valueLow). */
let valueHigh: u64 = 0;
let valueLow: u64 = 0;

/**
 * Walks n until its first value below `bound` (bound <= n, or 2), by an odd step and then a shift by the count of
 * trailing zeros. Leaves the peak in peakHigh, peakLow; returns the steps taken to the end of that run of halvings,
 * which for bound = 2 is the delay.
 */
export function walk(nHigh: u64, nLow: u64, boundHigh: u64, boundLow: u64): u32 {
  peakHigh = nHigh;
  peakLow = nLow;
  // n itself may be even.
  let steps: u32 = 0;
  valueHigh = nHigh;
  valueLow = nLow;
  if (valueLow == 0) {
    valueLow = valueHigh;
    valueHigh = 0;
    steps = 64;
  }
  const zeros: u64 = ctz(valueLow);
  if (zeros != 0) {
    valueLow = (valueLow >> zeros) | (valueHigh << (64 - zeros));
    valueHigh >>= zeros;
    steps += <u32>zeros;
  }
  while (valueHigh > boundHigh || (valueHigh == boundHigh && valueLow >= boundLow)) {
    if (valueHigh == 0 && valueLow < NARROW) {
      steps += walkNarrow(boundLow);
    } else {
      const taken = walkWide(boundHigh, boundLow);
      if (taken == OVERFLOWED) return OVERFLOWED;
      steps += taken;
    }
  }
  return steps;
}

/** From an odd value below NARROW to one below the bound, or from NARROW on. */
function walkNarrow(boundLow: u64): u32 {
  let x = valueLow;
  let steps: u32 = 0;
  const before = peakHigh != 0 ? u64.MAX_VALUE : peakLow;
  let peak = before;
  // x - bound < NARROW - bound as unsigned numbers: bound <= x < NARROW by one compare.
  const width = NARROW - boundLow;
  while (x - boundLow < width) {
    x = 3 * x + 1;
    peak = max<u64>(peak, x);
    const zeros: u64 = ctz(x);
    x >>= zeros;
    steps += 1 + <u32>zeros;
  }
  if (peak > before) peakLow = peak;
  valueLow = x;
  return steps;
}

/** From an odd value to one below the bound, or so far below NARROW that it will hardly be back. */
function walkWide(boundHigh: u64, boundLow: u64): u32 {
  let high = valueHigh;
  let low = valueLow;
  let mostHigh = peakHigh;
  let mostLow = peakLow;
  let steps: u32 = 0;
  do {
    if (high >= TOO_HIGH) return OVERFLOWED;
    // 3x + 1 = x + (2x + 1)
    const twiceLow = (low << 1) | 1;
    const sum = low + twiceLow;
    high += ((high << 1) | (low >> 63)) + <u64>(sum < low);
    low = sum;
    if (high > mostHigh || (high == mostHigh && low > mostLow)) {
      mostHigh = high;
      mostLow = low;
    }
    steps++;
    if (low == 0) {
      low = high;
      high = 0;
      steps += 64;
    }
    const zeros: u64 = ctz(low);
    // In two shifts: zeros may be 0 after the line above, and a shift by 64 is one by 0.
    low = (low >> zeros) | ((high << 1) << (63 - zeros));
    high >>= zeros;
    steps += <u32>zeros;
  } while (
    (high > boundHigh || (high == boundHigh && low >= boundLow)) && (high != 0 || low >= NARROW_AGAIN)
  );
  peakHigh = mostHigh;
  peakLow = mostLow;
  valueHigh = high;
  valueLow = low;
  return steps;
}
