// GPU kernel of `thread`, bit for bit the sums of assembly/kernel.ts. Layout of all words: kernel-words.ts.
//
// `walk`: a workgroup takes its share of a piece's roots; each lane fetches the next root when it has finished
// a tree, so lanes with small trees don't wait for large ones. One Threefry per turn of the loop, whether for a
// root, a first child or a sibling. It writes per tree (work, span, threads) to the scratch; by-depth counts and
// failures go to the output. A tree that is oversize or past the lane's budget must leave nothing behind, but
// adding each finished tree's counts by depth to a total is a loop in which all other lanes wait: for trees of
// 42 threads that was most of the time. So lanes count straight into their totals, remember each total as it
// was when the tree first reached that depth, and put the totals back when a tree fails.
//
// `reduce`: one workgroup per piece sums the scratch, takes the maxima and sorts the deferred roots, so that
// no word of the output depends on the order in which lanes ran.

// @include lib/pieces.wgsl

const WALKERS = 64u;
const REDUCERS = 256u;
const DEPTHS = 33u;
const SIZES = 25u;
const MACHINES = 11u;
// MACHINES, rounded up so that it divides REDUCERS.
const MACHINE_LANES = 16u;
const PARITY = 0x1bd11bdau;

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

// Per tree in the scratch: work low; work high << SPAN_BITS | span; threads. Work < 2^37, span < 2^26.
const SPAN_BITS = 26u;

struct Shape {
  seed: vec2<u32>,
  max_depth: u32,
  // Thresholds per chance: 0 for a chance that does not exist, so four compares count anyone's forks.
  chances: vec4<u32>,
  work_min: u32,
  work_range: u32,
  work_inverse: u32,
}

fn read_shape() -> Shape {
  let threshold = parameters[4];
  return Shape(
    vec2(parameters[0], parameters[1]),
    parameters[2],
    select(vec4(0u), vec4(threshold), vec4(parameters[3]) > vec4(0u, 1u, 2u, 3u)),
    parameters[5],
    parameters[6],
    parameters[7],
  );
}

// The high word of a product.
fn multiply_high(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let cross = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (cross & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (cross >> 16u) + (other >> 16u);
}

// TF(key; (counter, 0)), Threefry-2x32-20: see threefry.ts.
fn threefry(key: vec2<u32>, counter: u32) -> vec2<u32> {
  let key2 = PARITY ^ key.x ^ key.y;
  var x = counter + key.x;
  var y = key.y;
  x += y; y = ((y << 13u) | (y >> 19u)) ^ x;
  x += y; y = ((y << 15u) | (y >> 17u)) ^ x;
  x += y; y = ((y << 26u) | (y >> 6u)) ^ x;
  x += y; y = ((y << 6u) | (y >> 26u)) ^ x;
  x += key.y; y += key2 + 1u;
  x += y; y = ((y << 17u) | (y >> 15u)) ^ x;
  x += y; y = ((y << 29u) | (y >> 3u)) ^ x;
  x += y; y = ((y << 16u) | (y >> 16u)) ^ x;
  x += y; y = ((y << 24u) | (y >> 8u)) ^ x;
  x += key2; y += key.x + 2u;
  x += y; y = ((y << 13u) | (y >> 19u)) ^ x;
  x += y; y = ((y << 15u) | (y >> 17u)) ^ x;
  x += y; y = ((y << 26u) | (y >> 6u)) ^ x;
  x += y; y = ((y << 6u) | (y >> 26u)) ^ x;
  x += key.x; y += key.y + 3u;
  x += y; y = ((y << 17u) | (y >> 15u)) ^ x;
  x += y; y = ((y << 29u) | (y >> 3u)) ^ x;
  x += y; y = ((y << 16u) | (y >> 16u)) ^ x;
  x += y; y = ((y << 24u) | (y >> 8u)) ^ x;
  x += key.y; y += key2 + 4u;
  x += y; y = ((y << 13u) | (y >> 19u)) ^ x;
  x += y; y = ((y << 15u) | (y >> 17u)) ^ x;
  x += y; y = ((y << 26u) | (y >> 6u)) ^ x;
  x += y; y = ((y << 6u) | (y >> 26u)) ^ x;
  return vec2(x + key2, y + key.x + 5u);
}

fn ticks_of(shape: Shape, a: u32) -> u32 {
  // The estimated quotient is at most one too small.
  let rest = a - multiply_high(a, shape.work_inverse) * shape.work_range;
  return shape.work_min + select(rest, rest - shape.work_range, rest >= shape.work_range);
}

fn forks_of(shape: Shape, b: u32, depth: u32) -> u32 {
  let bytes = (vec4(b) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u);
  let hits = select(vec4(0u), vec4(1u), bytes < shape.chances);
  return select(0u, hits.x + hits.y + hits.z + hits.w, depth < shape.max_depth);
}

// floor(ticks · (child + 1) / (forks + 1)), by multiply-high with floor(2^32 / (forks + 1)) + 1: exact, since
// ticks · (child + 1) <= 2^22.
fn offset_of(ticks: u32, child: u32, forks: u32) -> u32 {
  var inverse = 0x80000001u;
  if (forks == 2u) { inverse = 0x55555556u; }
  if (forks == 3u) { inverse = 0x40000001u; }
  if (forks == 4u) { inverse = 0x33333334u; }
  return multiply_high(ticks * (child + 1u), inverse);
}

fn add_output(at: u32, value: vec2<u32>) {
  // Exact in any order: each wrap of the low word carries once.
  let before = atomicAdd(&output[at], value.x);
  let carry = select(0u, 1u, before + value.x < before);
  if (value.y + carry != 0u) { atomicAdd(&output[at + 1u], value.y + carry); }
}

var<workgroup> queue: atomic<u32>;
var<workgroup> totals: array<u32, 2112>; // DEPTHS x WALKERS: one column per lane
var<workgroup> depths: array<atomic<u32>, 33>;

@compute @workgroup_size(64)
fn walk(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let piece = pieces[group.y];
  let share = (piece.length + groups.x - 1u) / groups.x;
  let first = min(group.x * share, piece.length);
  let end = min(first + share, piece.length);
  let result = group.y * OUTPUT_WORDS;
  let own_scratch = group.y * parameters[10];
  let shape = read_shape();
  let max_threads = parameters[8];
  let budget = parameters[9];

  for (var d = 0u; d < DEPTHS; d++) { totals[d * WALKERS + lane] = 0u; }
  if (lane < DEPTHS) { atomicStore(&depths[lane], 0u); }
  if (lane == 0u) { atomicStore(&queue, first); }
  workgroupBarrier();

  // Threads with siblings still to come, at most one per depth: state, start, and in one word ticks (21 bits),
  // forks (3 bits) and which child is next.
  var waiting: array<vec4<u32>, 32>;
  var waiting_mask = 0u;
  var totals_before: array<u32, 33>;
  var tree = 0u;
  var key = vec2(0u);
  var counter = 0u;
  var start = 0u;
  var depth = 0u;
  // How many depths the tree has reached.
  var reached = 0u;
  var threads = 0u;
  var work = vec2(0u);
  var span = 0u;

  loop {
    if (threads == 0u) {
      tree = atomicAdd(&queue, 1u);
      if (tree >= end) { break; }
      key = shape.seed;
      counter = piece.start.x + tree;
      start = 0u;
      depth = 0u;
      reached = 0u;
      work = vec2(0u);
      span = 0u;
      waiting_mask = 0u;
    }
    let state = threefry(key, counter);
    threads += 1u;
    let at = own_scratch + CAPACITY + 3u * tree;
    if (threads > budget) {
      for (var d = 0u; d < reached; d++) { totals[d * WALKERS + lane] = totals_before[d]; }
      if (budget == max_threads) {
        add_output(result + OVERSIZE, vec2(1u, 0u));
      } else {
        let slot = atomicAdd(&output[result + DEFERRED], 1u);
        if (slot < CAPACITY) { scratch[own_scratch + slot] = tree; }
      }
      scratch[at + 2u] = 0u;
      threads = 0u;
      continue;
    }
    var ticks = ticks_of(shape, state.x);
    var forks = forks_of(shape, state.y, depth);
    work.x += ticks;
    work.y += select(0u, 1u, work.x < ticks);
    span = max(span, start + ticks);
    let total = totals[depth * WALKERS + lane];
    totals[depth * WALKERS + lane] = total + 1u;
    if (depth == reached) {
      totals_before[depth] = total;
      reached += 1u;
    }

    // The next thread: this one's first child, or the next sibling of the deepest that has any.
    key = state;
    counter = 0u;
    if (forks > 1u) {
      waiting[depth] = vec4(state, start, ticks | (forks << 21u) | (1u << 24u));
      waiting_mask |= 1u << depth;
    } else if (forks == 0u) {
      if (waiting_mask == 0u) {
        scratch[at] = work.x;
        scratch[at + 1u] = (work.y << SPAN_BITS) | span;
        scratch[at + 2u] = threads;
        threads = 0u;
        continue;
      }
      depth = firstLeadingBit(waiting_mask);
      let parent = waiting[depth];
      key = parent.xy;
      start = parent.z;
      ticks = parent.w & 0x1fffffu;
      forks = (parent.w >> 21u) & 7u;
      counter = parent.w >> 24u;
      if (counter + 1u == forks) {
        waiting_mask &= ~(1u << depth);
      } else {
        waiting[depth].w = parent.w + (1u << 24u);
      }
    }
    start += offset_of(ticks, counter, forks);
    depth += 1u;
  }
  for (var d = 0u; d < DEPTHS; d++) {
    let total = totals[d * WALKERS + lane];
    if (total != 0u) { atomicAdd(&depths[d], total); }
  }
  workgroupBarrier();
  if (lane < DEPTHS) {
    // A piece is at most 2^16 trees of 2^16 threads, so no depth of a workgroup passes 2^32 - 1.
    let count = atomicLoad(&depths[lane]);
    if (count != 0u) { add_output(result + BY_DEPTH + 2u * lane, vec2(count, 0u)); }
  }
}

// The value, high word first, and its tree; ordered by value, then by the smaller tree.
fn better(a: vec3<u32>, b: vec3<u32>) -> vec3<u32> {
  let b_wins = b.x > a.x || (b.x == a.x && (b.y > a.y || (b.y == a.y && b.z < a.z)));
  return select(a, b, b_wins);
}

fn add64(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let low = a.x + b.x;
  return vec2(low, a.y + b.y + select(0u, 1u, low < a.x));
}

// shift <= 31.
fn shift64(a: vec2<u32>, shift: u32) -> vec2<u32> {
  let low = (a.x >> shift) | (a.y << (32u - shift));
  return vec2(select(low, a.x, shift == 0u), a.y >> shift);
}

var<workgroup> sizes: array<atomic<u32>, 25>;
// Of threads, work and span: the largest value's high word, low word, and the smallest tree that has it.
var<workgroup> largest_high: array<atomic<u32>, 3>;
var<workgroup> largest_low: array<atomic<u32>, 3>;
var<workgroup> largest_tree: array<atomic<u32>, 3>;

struct Tree {
  work: vec2<u32>,
  span: u32,
  // 0: the tree does not count.
  threads: u32,
}

fn read_tree(own_scratch: u32, tree: u32) -> Tree {
  let at = own_scratch + CAPACITY + 3u * tree;
  let packed = scratch[at + 1u];
  return Tree(
    vec2(scratch[at], packed >> SPAN_BITS),
    packed & ((1u << SPAN_BITS) - 1u),
    scratch[at + 2u],
  );
}

@compute @workgroup_size(256)
fn reduce(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  if (group.x != 0u) { return; }
  let length = pieces[group.y].length;
  let result = group.y * OUTPUT_WORDS;
  let own_scratch = group.y * parameters[10];
  if (lane < SIZES) { atomicStore(&sizes[lane], 0u); }
  if (lane < 3u) {
    atomicStore(&largest_high[lane], 0u);
    atomicStore(&largest_low[lane], 0u);
    atomicStore(&largest_tree[lane], 0xffffffffu);
  }
  workgroupBarrier();

  var all_threads = vec2(0u);
  var all_work = vec2(0u);
  var all_span = vec2(0u);
  var most_threads = vec3(0u);
  var most_work = vec3(0u);
  var most_span = vec3(0u);
  for (var tree = lane; tree < length; tree += REDUCERS) {
    let found = read_tree(own_scratch, tree);
    if (found.threads == 0u) { continue; }
    all_threads = add64(all_threads, vec2(found.threads, 0u));
    all_work = add64(all_work, found.work);
    all_span = add64(all_span, vec2(found.span, 0u));
    atomicAdd(&sizes[firstLeadingBit(found.threads)], 1u);
    most_threads = better(most_threads, vec3(0u, found.threads, tree));
    most_work = better(most_work, vec3(found.work.yx, tree));
    most_span = better(most_span, vec3(0u, found.span, tree));
  }
  add_output(result + THREADS, all_threads);
  add_output(result + WORK, all_work);
  add_output(result + SPAN, all_span);

  // Word by word, since atomics are 32 bits wide: three barriers, where a tree of comparisons takes thirty,
  // which a software adapter compiled for 6 s.
  let most = array<vec3<u32>, 3>(most_threads, most_work, most_span);
  for (var kind = 0u; kind < 3u; kind++) { atomicMax(&largest_high[kind], most[kind].x); }
  workgroupBarrier();
  for (var kind = 0u; kind < 3u; kind++) {
    if (most[kind].x == atomicLoad(&largest_high[kind])) { atomicMax(&largest_low[kind], most[kind].y); }
  }
  workgroupBarrier();
  for (var kind = 0u; kind < 3u; kind++) {
    let value = vec2(atomicLoad(&largest_high[kind]), atomicLoad(&largest_low[kind]));
    // A lane without trees has value 0, which no tree has.
    if (all(most[kind].xy == value) && any(value != vec2(0u))) {
      atomicMin(&largest_tree[kind], most[kind].z);
    }
  }
  workgroupBarrier();
  if (lane < 3u && atomicLoad(&largest_tree[lane]) != 0xffffffffu) {
    let at = result + LARGEST + 3u * lane;
    atomicStore(&output[at], atomicLoad(&largest_low[lane]));
    atomicStore(&output[at + 1u], atomicLoad(&largest_high[lane]));
    atomicStore(&output[at + 2u], atomicLoad(&largest_tree[lane]));
  }
  if (lane < SIZES) { atomicStore(&output[result + BY_SIZE + 2u * lane], atomicLoad(&sizes[lane])); }

  // A lane sums the bounds for one machine over every 16th tree. With all machines in each lane, in two
  // arrays, a software adapter compiled for 10 s.
  let machine = lane % MACHINE_LANES;
  if (machine < MACHINES) {
    var lower = vec2(0u);
    var upper = vec2(0u);
    for (var tree = lane / MACHINE_LANES; tree < length; tree += REDUCERS / MACHINE_LANES) {
      let found = read_tree(own_scratch, tree);
      if (found.threads == 0u) { continue; }
      var share = shift64(add64(found.work, vec2((1u << machine) - 1u, 0u)), machine);
      if (share.y == 0u) { share.x = max(share.x, found.span); }
      lower = add64(lower, share);
      let excess = vec2(found.work.x - found.span, found.work.y - select(0u, 1u, found.work.x < found.span));
      upper = add64(upper, add64(shift64(excess, machine), vec2(found.span, 0u)));
    }
    add_output(result + LOWER + 2u * machine, lower);
    add_output(result + UPPER + 2u * machine, upper);
  }

  // Sort the deferred roots by counting who comes before: all of them are there if they fit.
  let left = atomicLoad(&output[result + DEFERRED]);
  if (left <= CAPACITY && lane < left) {
    let tree = scratch[own_scratch + lane];
    var rank = 0u;
    for (var other = 0u; other < left; other++) {
      rank += select(0u, 1u, scratch[own_scratch + other] < tree);
    }
    atomicStore(&output[result + DEFERRED + 1u + rank], tree);
  }
}
