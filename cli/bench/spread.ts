/** What several rounds of one measurement say: the middle one, and how far apart they are. */

export interface Spread {
  readonly median: number;
  /** (largest − smallest) / median; 0 for a single value. */
  readonly spread: number;
  readonly least: number;
  readonly most: number;
}

/** @throws RangeError without values */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const [least] = sorted;
  const most = sorted.at(-1);
  if (least === undefined || most === undefined) throw new RangeError('a spread of nothing');
  const median = medianOf(sorted);
  return { median, spread: median === 0 ? 0 : (most - least) / median, least, most };
}

/** Of an even number of values, the mean of the two in the middle. */
function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/**
 * The ratio of two things measured in turn: the median over the rounds of each round's own ratio, so that a machine
 * that slows down for a while slows down both sides of a ratio.
 * @throws RangeError if the rounds don't pair
 */
export function ratioOf(above: readonly number[], below: readonly number[]): Spread {
  if (above.length !== below.length) throw new RangeError(`${above.length} rounds against ${below.length}`);
  return spreadOf(above.map((value, round) => value / (below[round] ?? NaN)));
}
