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

fn add_output(at: u32, value: vec2<u32>) {
  // Exact in any order: each wrap of the low word carries once.
  let before = atomicAdd(&output[at], value.x);
  let carry = select(0u, 1u, before + value.x < before);
  if (value.y + carry != 0u) { atomicAdd(&output[at + 1u], value.y + carry); }
}

// A tree that has ended, between `walk` and `reduce`.
struct Tree {
  work: vec2<u32>,
  span: u32,
  // 0: it does not count.
  threads: u32,
}

// At most 2^16 threads of 2^20 ticks to depth 32: work < 2^37, span < 2^26. Not WIDE: work < 2^31, span < 2^16.
const SPAN_BITS = 26u;

// Three words a tree in the scratch, two of them used if not WIDE: lavapipe takes each word of each lane by itself,
// and where trees are a single thread that is most of the time.
fn write_tree(own_scratch: u32, tree: u32, found: Tree) {
  let at = own_scratch + CAPACITY + 3u * tree;
  scratch[at] = found.work.x;
  if (WIDE) {
    scratch[at + 1u] = (found.work.y << SPAN_BITS) | found.span;
    scratch[at + 2u] = found.threads;
  } else {
    scratch[at + 1u] = (found.span << 16u) | (found.threads - 1u);
  }
}

fn write_no_tree(own_scratch: u32, tree: u32) {
  let at = own_scratch + CAPACITY + 3u * tree;
  // Every thread works, so no tree has work 0.
  if (WIDE) { scratch[at + 2u] = 0u; } else { scratch[at] = 0u; }
}

fn read_tree(own_scratch: u32, tree: u32) -> Tree {
  let at = own_scratch + CAPACITY + 3u * tree;
  let low = scratch[at];
  let packed = scratch[at + 1u];
  if (WIDE) {
    return Tree(vec2(low, packed >> SPAN_BITS), packed & ((1u << SPAN_BITS) - 1u), scratch[at + 2u]);
  }
  return Tree(vec2(low, 0u), packed >> 16u, select((packed & 0xffffu) + 1u, 0u, low == 0u));
}
