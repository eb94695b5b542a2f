// The words that both entry points write, as in kernel-words.ts.

// Word offsets in a piece's output.
const OVERSIZE = 0u;
const THREADS = 2u;
const WORK = 4u;
const SPAN = 6u;
const BY_DEPTH = 8u;
const BY_SIZE = 74u;
const LOWER = 124u;
const UPPER = 146u;
const LARGEST = 168u;
const DEFERRED = 177u;
const CAPACITY = 256u;
const OUTPUT_WORDS = 434u;
// The next root that no lane has taken, while `walk` runs; `reduce` clears it before it writes the list.
const QUEUE = DEFERRED + CAPACITY;
const SIZES = 25u;

// Per tree in the scratch: work low; work high << SPAN_BITS | span; threads, 0 for a tree that does not count.
// At most 2^16 threads of 2^20 ticks to depth 32: work < 2^37, span < 2^26.
const SPAN_BITS = 26u;

fn add_output(at: u32, value: vec2<u32>) {
  // Exact in any order: each wrap of the low word carries once.
  let before = atomicAdd(&output[at], value.x);
  let carry = select(0u, 1u, before + value.x < before);
  if (value.y + carry != 0u) { atomicAdd(&output[at + 1u], value.y + carry); }
}
