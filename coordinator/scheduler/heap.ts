/** A binary heap: the smallest item by `key` comes out first. */
export class MinHeap<T> {
  readonly #items: T[] = [];
  readonly #key: (item: T) => number;

  constructor(key: (item: T) => number) {
    this.#key = key;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    let hole = items.push(item) - 1;
    const key = this.#key(item);
    while (hole > 0) {
      const above = (hole - 1) >>> 1;
      const parent = items[above];
      if (parent === undefined || this.#key(parent) <= key) break;
      items[hole] = parent;
      hole = above;
    }
    items[hole] = item;
  }

  pop(): T | undefined {
    const items = this.#items;
    const smallest = items[0];
    const item = items.pop();
    if (item === undefined || items.length === 0) return smallest;
    const key = this.#key(item);
    let hole = 0;
    for (;;) {
      let below = 2 * hole + 1;
      let child = items[below];
      const right = items[below + 1];
      if (child !== undefined && right !== undefined && this.#key(right) < this.#key(child)) {
        below += 1;
        child = right;
      }
      if (child === undefined || key <= this.#key(child)) break;
      items[hole] = child;
      hole = below;
    }
    items[hole] = item;
    return smallest;
  }
}
