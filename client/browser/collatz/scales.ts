/** Axes and colour scales. */

/** About `most` ticks from 0 to `max` at 1, 2 or 5 times a power of ten. */
export function linearTicks(max: number, most: number): number[] {
  if (!(max > 0)) return [0];
  const step = niceStep(max / most);
  return Array.from({ length: Math.floor(max / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** 1, 2 or 5 times a power of ten, at least 1 and at least `least`. */
export function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= least - 1e-9) ?? 10;
  return factor * power;
}

/** Exponents of ten from 0 to at least `highest`, at most about `most` of them: the ticks of a log scale. */
export function decadeTicks(highest: number, most: number): number[] {
  const top = Math.max(1, Math.ceil(highest - 1e-9));
  const step = niceStep(top / most);
  return Array.from({ length: Math.ceil(top / step) + 1 }, (_, i) => i * step);
}

export interface ColourScale {
  readonly low: number;
  readonly high: number;
  /** 0 … steps − 1; values beyond the ends get the end's colour. */
  index(value: number): number;
}

/** From the 2nd to the 98th percentile, so that a few odd values don't take all the colours. */
export function colourScale(values: readonly number[], steps: number): ColourScale {
  const sorted = Float64Array.from(values).toSorted();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  const low = at(0.02);
  const high = at(0.98);
  return {
    low,
    high,
    index: (value) => {
      if (!(high > low)) return Math.floor((steps - 1) / 2);
      const share = (value - low) / (high - low);
      return Math.max(0, Math.min(steps - 1, Math.floor(share * steps)));
    },
  };
}

/** Lowest and highest height within each of `columns` equal pieces of a curve, for curves longer than the picture. */
export function envelope(
  heights: Float64Array,
  columns: number,
): { readonly low: number; readonly high: number }[] {
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * heights.length) / columns);
    const to = Math.max(from + 1, Math.floor(((column + 1) * heights.length) / columns));
    let low = Infinity;
    let high = -Infinity;
    for (let i = from; i < to; i++) {
      const height = heights[i] ?? 0;
      if (height < low) low = height;
      if (height > high) high = height;
    }
    return { low, high };
  });
}
