/** A half-open range of numbers (or root indices): `start` is in it, `end` is not. */
export interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

export function rangeLength(range: Range): bigint {
  return range.end - range.start;
}

export function isWithin(inner: Range, outer: Range): boolean {
  return inner.start >= outer.start && inner.end <= outer.end && inner.start < inner.end;
}

export function overlaps(a: Range, b: Range): boolean {
  return a.start < b.end && b.start < a.end;
}

/** Cuts `range` into consecutive tiles of `tileLength` (the last may be shorter). O(length / tileLength). */
export function* cutTiles(range: Range, tileLength: bigint): Generator<Range> {
  if (tileLength <= 0n) throw new RangeError(`tile length must be positive, got ${tileLength}`);
  for (let start = range.start; start < range.end; start += tileLength) {
    const end = start + tileLength;
    yield { start, end: end < range.end ? end : range.end };
  }
}
