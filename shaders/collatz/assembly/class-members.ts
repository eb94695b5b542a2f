/**
 * The residues of a class: all r with U^K(r) = d and c odd values on the way, found by walking back from d. Any
 * such r is below 2^K: h·2^K + r comes to h·3^c + d' with d' ≥ 0, which is below 3^c for h = 0 alone. A value has
 * the predecessor 2x, and (2x − 1)/3 where that is whole; about (4/3)^K leaves, some hundreds. Only classes that
 * may hold a record are looked at so closely.
 */
let lowest: u64 = 0;
let found: usize = 0;
let capacity: u32 = 0;
export let length: u32 = 0;

export function lowestMember(c: u32, d: u64, k: u32): u64 {
  collect(c, d, k);
  return lowest;
}

/** Afterwards `length` members are to be read by `member`, in no particular order. */
export function collect(c: u32, d: u64, k: u32): void {
  lowest = u64.MAX_VALUE;
  length = 0;
  back(c, d, k);
}

export function member(index: u32): u64 {
  return load<u64>(found + (<usize>index << 3));
}

function back(c: u32, x: u64, k: u32): void {
  if (k == 0) {
    add(x);
    return;
  }
  if (c < k) back(c, x << 1, k - 1);
  if (c > 0 && x % 3 == 2) back(c - 1, (2 * x - 1) / 3, k - 1);
}

function add(r: u64): void {
  if (length == capacity) {
    const grown = capacity == 0 ? 256 : capacity * 2;
    const larger = heap.alloc(<usize>grown << 3);
    memory.copy(larger, found, <usize>length << 3);
    found = larger;
    capacity = grown;
  }
  store<u64>(found + (<usize>length << 3), r);
  length++;
  lowest = min(lowest, r);
}
