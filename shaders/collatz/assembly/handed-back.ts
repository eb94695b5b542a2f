/**
 * Offsets of the numbers that the host must compute, because they climb past 128 bits. The list grows: just below
 * a power of two n = 2^k − j follows the path of −j for a long time, and those end in cycles that climb for ever.
 */
let list: usize = 0;
let capacity: u32 = 0;
export let length: u32 = 0;

export function reset(): void {
  length = 0;
}

export function add(offset: u64): void {
  if (length == capacity) {
    const grown = capacity == 0 ? 1024 : capacity * 2;
    const larger = heap.alloc(<usize>grown << 3);
    memory.copy(larger, list, <usize>length << 3);
    list = larger;
    capacity = grown;
  }
  store<u64>(list + (<usize>length << 3), offset);
  length++;
}

/** Writes the offsets, ascending (2 words each); returns how many bytes. */
export function write(address: usize): usize {
  sort();
  memory.copy(address, list, <usize>length << 3);
  return <usize>length << 3;
}

/** Shell's sort: candidates are looked at out of order. */
function sort(): void {
  for (let gap = length >> 1; gap > 0; gap >>= 1) {
    for (let i = gap; i < length; i++) {
      const value = load<u64>(list + (<usize>i << 3));
      let at = i;
      while (at >= gap && load<u64>(list + (<usize>(at - gap) << 3)) > value) {
        store<u64>(list + (<usize>at << 3), load<u64>(list + (<usize>(at - gap) << 3)));
        at -= gap;
      }
      store<u64>(list + (<usize>at << 3), value);
    }
  }
}
