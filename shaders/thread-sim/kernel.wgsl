// GPU kernel of `thread`, bit for bit the sums of assembly/kernel.ts. Layout of all words: kernel-words.ts.
//
// `walk`: lanes fetch the next root of the piece when they are done with one, so that none waits for a large
// tree. A lane walks two trees at once, depth first: a Threefry is 20 rounds of which each needs the one before,
// and the second tree fills the gaps. One turn of the loop takes STEPS steps of one thread each, without a branch
// or a memory access between them; a tree that ends among them stands still until the turn is over.
//
// What was measured on Mesa lavapipe (8 lanes are a vector of the CPU, each loop is masked), and what follows:
// - A barrier in the kernel splits it into coroutines whose variables live in memory; so does workgroup memory,
//   since it must be cleared. Without both they live in registers: the first kernel without was 1.4 to 2.8 times as
//   fast. Therefore the queue of roots is a word of the output and the counts by depth are a lane's own.
// - Every variable that the loop carries is blended with its mask once or twice a turn: with one step a turn
//   that cost more than the step. 2 steps a turn; 3, 4, 6 and 8 gain no more, stand still longer and compile
//   longer. Trees of few threads take 1.
// - Arrays with computed indices are read and written lane by lane, 5 instructions each. So the stack's top is a
//   window of SLOTS variables that are shifted by selects: with 10 slots half of a step's instructions, and no
//   tree of up to 10 levels has more. Deeper ones have 8 and the rest in memory (best of 5 or 6 rounds: 6 slots
//   13 to 20 % slower, 10 slots 3 to 18 %).
// - A block of an `if` is skipped where no lane of the vector takes it, so that what is rare may be long.
//
// `reduce`: one workgroup per piece sums the trees' words in the scratch, takes the maxima and sorts the deferred
// roots, so that no word of the output depends on the order in which lanes ran.

// @include lib/pieces.wgsl
// @include thread-sim/output.wgsl
// @include thread-sim/definition.wgsl
// @include thread-sim/reduce.wgsl

override WALKERS: u32 = 64u;
// Of the shape of the trees; see gpu-variant.ts.
override SLOTS: u32 = 8u;
override DEEP: bool = true;
override WORDS: u32 = 9u;
override STEPS: u32 = 2u;
override TAKE: u32 = 1u;
override WIDE: bool = true;
// Nobody forks.
override SINGLES: bool = false;

// A thread that has children still to come: its state (a, b), its start, and in one word, from bit 0: ticks - 1
// (20 bits), which child is next (2), forks - 1 (2), levels below the children (6), and
// - ROOT: the tree's root is the only child: the state is the seed and the root's number the counter. One tick,
//   so that the root starts floor(1 / 2) = 0 after it;
// - HERE: it is one. The empty slot is 0.
const CHILD_SHIFT = 20u;
const FORKS_SHIFT = 22u;
const LEVELS_SHIFT = 24u;
const ROOT = 0x40000000u;
const HERE = 0x80000000u;

// The top of one tree's stack, topmost first. The last is never used: what is shifted in from below.
alias Window = array<vec4<u32>, 11>;
// Threads by levels below, a byte each.
alias Counts = array<vec2<u32>, 9>;

// What steps change. All pairs are of a lane's two trees.
struct Walk {
  first: Window,
  second: Window,
  counts: Counts,
  threads: vec2<u32>,
  work: vec2<u32>,
  span: vec2<u32>,
}

// The topmost thread has got a child. Its children come next, then its siblings, then those of its parent.
fn advance(w: Window, child: vec4<u32>, parent: vec4<u32>, has_children: bool, has_siblings: bool) -> Window {
  let push = has_children && has_siblings;
  let pop = !has_children && !has_siblings;
  var next: Window;
  next[0] = select(select(w[1], parent, has_siblings), child, has_children);
  if (SLOTS > 1u) { next[1] = select(select(w[1], w[2], pop), parent, push); }
  if (SLOTS > 2u) { next[2] = select(select(w[2], w[3], pop), w[1], push); }
  if (SLOTS > 3u) { next[3] = select(select(w[3], w[4], pop), w[2], push); }
  if (SLOTS > 4u) { next[4] = select(select(w[4], w[5], pop), w[3], push); }
  if (SLOTS > 5u) { next[5] = select(select(w[5], w[6], pop), w[4], push); }
  if (SLOTS > 6u) { next[6] = select(select(w[6], w[7], pop), w[5], push); }
  if (SLOTS > 7u) { next[7] = select(select(w[7], w[8], pop), w[6], push); }
  if (SLOTS > 8u) { next[8] = select(select(w[8], w[9], pop), w[7], push); }
  if (SLOTS > 9u) { next[9] = select(select(w[9], w[10], pop), w[8], push); }
  return next;
}

// One more thread of each tree that has not ended.
fn step(shape: Shape, roots: vec2<u32>, s: Walk) -> Walk {
  let rest = vec2(s.first[0].w, s.second[0].w);
  var alive = rest >> vec2(31u);
  var full = vec2(false);
  if (DEEP) {
    // It might push, so it waits until the turn is over.
    full = vec2(s.first[SLOTS - 1u].w, s.second[SLOTS - 1u].w) != vec2(0u);
    alive = select(alive, vec2(0u), full);
  }
  let counted = vec2(0u) - alive;
  let child = (rest >> vec2(CHILD_SHIFT)) & vec2(3u);
  let more = (rest >> vec2(FORKS_SHIFT)) & vec2(3u);
  let levels = (rest >> vec2(LEVELS_SHIFT)) & vec2(63u);
  let counter = select(child, roots, (rest & vec2(ROOT)) != vec2(0u));
  let state = threefry(vec2(s.first[0].x, s.second[0].x), vec2(s.first[0].y, s.second[0].y), counter);
  let parent_ticks = (rest & vec2((1u << CHILD_SHIFT) - 1u)) + vec2(1u);
  let start = vec2(s.first[0].z, s.second[0].z) + offset_of(parent_ticks, child, more);
  let ticks = ticks_of(shape, state.a);
  let forks = forks_of(shape, state.b);

  var next = s;
  next.threads += alive;
  next.work += ticks & counted;
  next.span = max(s.span, (start + ticks) & counted);
  let one = alive << ((levels & vec2(3u)) << vec2(3u));
  let word = levels >> vec2(2u);
  next.counts[0] += select(vec2(0u), one, word == vec2(0u));
  next.counts[1] += select(vec2(0u), one, word == vec2(1u));
  next.counts[2] += select(vec2(0u), one, word == vec2(2u));
  if (WORDS > 3u) { next.counts[3] += select(vec2(0u), one, word == vec2(3u)); }
  if (WORDS > 4u) { next.counts[4] += select(vec2(0u), one, word == vec2(4u)); }
  if (WORDS > 5u) { next.counts[5] += select(vec2(0u), one, word == vec2(5u)); }
  if (WORDS > 6u) { next.counts[6] += select(vec2(0u), one, word == vec2(6u)); }
  if (WORDS > 7u) { next.counts[7] += select(vec2(0u), one, word == vec2(7u)); }
  if (WORDS > 8u) { next.counts[8] += select(vec2(0u), one, word == vec2(8u)); }

  let has_children = (forks != vec2(0u)) & (levels != vec2(0u)) & !full;
  let has_siblings = (child < more) | full;
  let parent = rest + (alive << vec2(CHILD_SHIFT));
  // Used only where forks and levels are not 0.
  let own = (ticks - vec2(1u))
    | ((forks - vec2(1u)) << vec2(FORKS_SHIFT))
    | ((levels - vec2(1u)) << vec2(LEVELS_SHIFT))
    | vec2(HERE);
  next.first = advance(
    s.first,
    vec4(state.a.x, state.b.x, start.x, own.x),
    vec4(s.first[0].xyz, parent.x),
    has_children.x,
    has_siblings.x,
  );
  next.second = advance(
    s.second,
    vec4(state.a.y, state.b.y, start.y, own.y),
    vec4(s.second[0].xyz, parent.y),
    has_children.y,
    has_siblings.y,
  );
  return next;
}

// What is below the windows, 32 for each tree: a tree has at most one entry per depth. Rare, so in memory.
var<private> stack: array<vec4<u32>, 64>;

struct Spilled {
  window: Window,
  // Where the next goes.
  at: u32,
}

// Leaves 4 in a window that was full or almost.
fn spill(window: Window, spilled: u32) -> Spilled {
  var w = window;
  var at = spilled;
  if (SLOTS > 9u && w[9].w != 0u) { stack[at] = w[9]; at++; w[9] = vec4(0u); }
  if (SLOTS > 8u && w[8].w != 0u) { stack[at] = w[8]; at++; w[8] = vec4(0u); }
  if (SLOTS > 7u && w[7].w != 0u) { stack[at] = w[7]; at++; w[7] = vec4(0u); }
  if (SLOTS > 6u && w[6].w != 0u) { stack[at] = w[6]; at++; w[6] = vec4(0u); }
  if (SLOTS > 5u && w[5].w != 0u) { stack[at] = w[5]; at++; w[5] = vec4(0u); }
  if (SLOTS > 4u && w[4].w != 0u) { stack[at] = w[4]; at++; w[4] = vec4(0u); }
  return Spilled(w, at);
}

// Up to 2 back into a window of 0 or 1.
fn reload(window: Window, bottom: u32, spilled: u32) -> Spilled {
  var w = window;
  var at = spilled;
  if (w[0].w == 0u) { at--; w[0] = stack[at]; }
  if (at != bottom) { at--; w[1] = stack[at]; }
  return Spilled(w, at);
}

// The counts of finished trees into the lane's own, two of 16 bits a word.
fn settle(
  word: u32,
  counts: vec2<u32>,
  finished: vec2<bool>,
  ended: vec2<bool>,
  settled: ptr<function, array<u32, 18>>,
) -> vec2<u32> {
  let even = select(vec2(0u), counts, finished) & vec2(PAIRS);
  let odd = (select(vec2(0u), counts, finished) >> vec2(8u)) & vec2(PAIRS);
  (*settled)[2u * word] += even.x + even.y;
  (*settled)[2u * word + 1u] += odd.x + odd.y;
  return select(counts, vec2(0u), ended);
}

// The counts of trees under way, before a byte passes 255. No depth has more than 4/5 of a tree's threads (4 times
// those of the depth above), so 16 bits are enough for 2^16 threads.
fn hold(word: u32, counts: vec2<u32>, held: ptr<function, array<vec2<u32>, 18>>) -> vec2<u32> {
  (*held)[2u * word] += counts & vec2(PAIRS);
  (*held)[2u * word + 1u] += (counts >> vec2(8u)) & vec2(PAIRS);
  return vec2(0u);
}

fn flush(result: u32, max_depth: u32, settled: ptr<function, array<u32, 18>>) {
  for (var levels = 0u; levels <= max_depth; levels++) {
    let at = 2u * (levels >> 2u) + (levels & 1u);
    let shift = 8u * (levels & 2u);
    let count = ((*settled)[at] >> shift) & 0xffffu;
    if (count != 0u) { add_output(result + BY_DEPTH + 2u * (max_depth - levels), vec2(count, 0u)); }
    (*settled)[at] &= ~(0xffffu << shift);
  }
}

// `work` in ticks, `work_high` in units of 2^20.
fn report(own_scratch: u32, tree: u32, work: u32, work_high: u32, span: u32, threads: u32) {
  let high = work_high + (work >> 20u);
  write_tree(own_scratch, tree, Tree(vec2((high << 20u) | (work & 0xfffffu), high >> 12u), span, threads));
}

// An oversize tree, or one that is left to the CPU.
fn give_up(result: u32, own_scratch: u32, tree: u32) {
  if (parameters[9] == parameters[8]) {
    add_output(result + OVERSIZE, vec2(1u, 0u));
  } else {
    let slot = atomicAdd(&output[result + DEFERRED], 1u);
    if (slot < CAPACITY) { scratch[own_scratch + slot] = tree; }
  }
  write_no_tree(own_scratch, tree);
}

@compute @workgroup_size(WALKERS)
fn walk(@builtin(workgroup_id) group: vec3<u32>) {
  // A tree is one thread: `reduce` makes them itself.
  if (SINGLES) { return; }
  let length = pieces[group.y].length;
  let first_root = pieces[group.y].start.x;
  let result = group.y * OUTPUT_WORDS;
  let own_scratch = group.y * parameters[10];
  let shape = read_shape();
  let limit = parameters[9];

  var s: Walk;
  var spilled = vec2(0u, 32u);
  // Ticks that were taken off `work`, in units of 2^20.
  var work_high = vec2(0u);
  var tree = vec2(0u);
  var busy = vec2(false);
  var over = vec2(false);
  var ended = vec2(true);
  // Has counts in `held`.
  var long = vec2(false);
  var held: array<vec2<u32>, 18>;
  var settled: array<u32, 18>;
  var settled_threads = 0u;
  var unheld_steps = 0u;
  // Roots that the lane has taken.
  var taken = 0u;
  var taken_end = 0u;
  loop {
    if (any(ended)) {
      let finished = ended & busy & !over;
      if (finished.x) { report(own_scratch, tree.x, s.work.x, work_high.x, s.span.x, s.threads.x); }
      if (finished.y) { report(own_scratch, tree.y, s.work.y, work_high.y, s.span.y, s.threads.y); }
      if (any(over)) {
        var empty: Window;
        if (over.x) { give_up(result, own_scratch, tree.x); s.first = empty; }
        if (over.y) { give_up(result, own_scratch, tree.y); s.second = empty; }
        spilled = select(spilled, vec2(0u, 32u), over);
      }
      // 16 bits are enough for 2^16 - 1 threads, and as above for the 2^16 of a single tree.
      let finished_threads = select(vec2(0u), s.threads, finished);
      let more_threads = finished_threads.x + finished_threads.y;
      if (settled_threads + more_threads > 0xffffu) {
        flush(result, shape.max_depth, &settled);
        settled_threads = 0u;
      }
      settled_threads += more_threads;
      s.counts[0] = settle(0u, s.counts[0], finished, ended, &settled);
      s.counts[1] = settle(1u, s.counts[1], finished, ended, &settled);
      s.counts[2] = settle(2u, s.counts[2], finished, ended, &settled);
      if (WORDS > 3u) { s.counts[3] = settle(3u, s.counts[3], finished, ended, &settled); }
      if (WORDS > 4u) { s.counts[4] = settle(4u, s.counts[4], finished, ended, &settled); }
      if (WORDS > 5u) { s.counts[5] = settle(5u, s.counts[5], finished, ended, &settled); }
      if (WORDS > 6u) { s.counts[6] = settle(6u, s.counts[6], finished, ended, &settled); }
      if (WORDS > 7u) { s.counts[7] = settle(7u, s.counts[7], finished, ended, &settled); }
      if (WORDS > 8u) { s.counts[8] = settle(8u, s.counts[8], finished, ended, &settled); }
      if (any(ended & long)) {
        for (var word = 0u; word < 2u * WORDS; word++) {
          let counts = select(vec2(0u), held[word], finished & long);
          settled[word] += counts.x + counts.y;
          held[word] = select(held[word], vec2(0u), ended);
        }
        long &= !ended;
      }
      if (ended.x) {
        if (taken == taken_end) {
          taken = atomicAdd(&output[result + QUEUE], TAKE);
          taken_end = taken + TAKE;
        }
        tree.x = taken;
        taken++;
      }
      if (ended.y) {
        if (taken == taken_end) {
          taken = atomicAdd(&output[result + QUEUE], TAKE);
          taken_end = taken + TAKE;
        }
        tree.y = taken;
        taken++;
      }
      busy = tree < vec2(length);
      let root = select(vec2(0u), vec2(HERE | ROOT | (shape.max_depth << LEVELS_SHIFT)), busy);
      s.first[0] = select(s.first[0], vec4(shape.seed, 0u, root.x), ended.x);
      s.second[0] = select(s.second[0], vec4(shape.seed, 0u, root.y), ended.y);
      s.threads = select(s.threads, vec2(0u), ended);
      s.work = select(s.work, vec2(0u), ended);
      work_high = select(work_high, vec2(0u), ended);
      s.span = select(s.span, vec2(0u), ended);
      if (!any(busy)) { break; }
    }
    let roots = vec2(first_root) + tree;
    s = step(shape, roots, s);
    if (STEPS > 1u) { s = step(shape, roots, s); }
    if (DEEP) {
      let full = vec2(s.first[SLOTS - 1u].w, s.second[SLOTS - 1u].w) != vec2(0u);
      let short = (vec2(s.first[1].w, s.second[1].w) == vec2(0u)) & (spilled != vec2(0u, 32u));
      if (full.x) { let left = spill(s.first, spilled.x); s.first = left.window; spilled.x = left.at; }
      if (full.y) { let left = spill(s.second, spilled.y); s.second = left.window; spilled.y = left.at; }
      if (short.x) { let back = reload(s.first, 0u, spilled.x); s.first = back.window; spilled.x = back.at; }
      if (short.y) { let back = reload(s.second, 32u, spilled.y); s.second = back.window; spilled.y = back.at; }
    }
    over = busy & (s.threads > vec2(limit));
    ended = busy & (over | (vec2(s.first[0].w, s.second[0].w) == vec2(0u)));
    unheld_steps += STEPS;
    if (unheld_steps > 255u - STEPS) {
      unheld_steps = 0u;
      s.counts[0] = hold(0u, s.counts[0], &held);
      s.counts[1] = hold(1u, s.counts[1], &held);
      s.counts[2] = hold(2u, s.counts[2], &held);
      if (WORDS > 3u) { s.counts[3] = hold(3u, s.counts[3], &held); }
      if (WORDS > 4u) { s.counts[4] = hold(4u, s.counts[4], &held); }
      if (WORDS > 5u) { s.counts[5] = hold(5u, s.counts[5], &held); }
      if (WORDS > 6u) { s.counts[6] = hold(6u, s.counts[6], &held); }
      if (WORDS > 7u) { s.counts[7] = hold(7u, s.counts[7], &held); }
      if (WORDS > 8u) { s.counts[8] = hold(8u, s.counts[8], &held); }
      long = vec2(true);
      // 255 steps are less than 2^28 ticks, so `work` stays below 2^32.
      work_high += s.work >> vec2(20u);
      s.work &= vec2(0xfffffu);
    }
  }
  flush(result, shape.max_depth, &settled);
}
