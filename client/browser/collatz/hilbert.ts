/**
 * Hilbert's curve: numbers that are near each other in the range are near each other on the map, and neighbours on
 * the curve are neighbours on the map.
 */
export interface Cell {
  readonly x: number;
  readonly y: number;
}

/** Cells along one side of the smallest square, a power of two, that holds `count` cells. */
export function sideFor(count: number): number {
  let side = 1;
  while (side * side < count) side *= 2;
  return side;
}

/** Where the cell with this index lies on a square of `side` × `side`, a power of two; index 0 is at (0, 0). */
export function cellAt(index: number, side: number): Cell {
  let x = 0;
  let y = 0;
  let rest = index;
  for (let size = 1; size < side; size *= 2) {
    const right = 1 & (rest >> 1);
    const down = 1 & (rest ^ right);
    if (down === 0) {
      if (right === 1) {
        x = size - 1 - x;
        y = size - 1 - y;
      }
      [x, y] = [y, x];
    }
    x += size * right;
    y += size * down;
    rest >>= 2;
  }
  return { x, y };
}

/** The inverse of `cellAt`. */
export function indexAt(cell: Cell, side: number): number {
  let { x, y } = cell;
  let index = 0;
  for (let size = side / 2; size >= 1; size /= 2) {
    const right = (x & size) > 0 ? 1 : 0;
    const down = (y & size) > 0 ? 1 : 0;
    index += size * size * ((3 * right) ^ down);
    if (down === 0) {
      if (right === 1) {
        x = side - 1 - x;
        y = side - 1 - y;
      }
      [x, y] = [y, x];
    }
  }
  return index;
}
