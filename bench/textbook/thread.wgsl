// Yardstick: `thread` as a textbook has it, one tree per invocation at a time, depth first with a stack of its own.
// Oversize trees take up to max_threads steps of one lane: only for parameters whose max_threads is small.
//
// One row per lane: see cli/bench/textbook.ts.

// @include lib/pieces.wgsl

const LANES = 64u;
// As cli/bench/textbook.ts has it.
const MOST_GROUPS = 64u;
const ROW_WORDS = 8u;
const LEVELS = 33u;

// A thread whose children are being walked: its state, its ticks, its start, and which child is next of how many.
struct Frame {
  state: vec2<u32>,
  ticks: u32,
  start: u32,
  child: u32,
  forks: u32,
}

var<private> frames: array<Frame, LEVELS>;

fn round(state: vec2<u32>, bits: u32) -> vec2<u32> {
  let x = state.x + state.y;
  return vec2<u32>(x, ((state.y << bits) | (state.y >> (32u - bits))) ^ x);
}

fn four_rounds(state: vec2<u32>, bits: vec4<u32>) -> vec2<u32> {
  return round(round(round(round(state, bits.x), bits.y), bits.z), bits.w);
}

// TF(key; (counter, 0)), Threefry-2x32 with 20 rounds: Salmon et al., SC'11.
fn threefry(counter: u32, key: vec2<u32>) -> vec2<u32> {
  let even = vec4<u32>(13u, 15u, 26u, 6u);
  let odd = vec4<u32>(17u, 29u, 16u, 24u);
  let third = 0x1bd11bdau ^ key.x ^ key.y;
  var state = four_rounds(vec2<u32>(counter, 0u) + key, even) + vec2<u32>(key.y, third + 1u);
  state = four_rounds(state, odd) + vec2<u32>(third, key.x + 2u);
  state = four_rounds(state, even) + vec2<u32>(key.x, key.y + 3u);
  state = four_rounds(state, odd) + vec2<u32>(key.y, third + 4u);
  return four_rounds(state, even) + vec2<u32>(third, key.x + 5u);
}

fn forks_of(b: u32, depth: u32) -> u32 {
  if (depth >= parameters[2]) { return 0u; }
  var forks = 0u;
  for (var chance = 0u; chance < parameters[3]; chance += 1u) {
    forks += u32(((b >> (8u * chance)) & 255u) < parameters[4]);
  }
  return forks;
}

struct Tree {
  threads: u32,
  work: vec2<u32>,
  span: u32,
}

fn walk(root: u32) -> Tree {
  var tree = Tree(0u, vec2<u32>(0u), 0u);
  var state = threefry(root, vec2<u32>(parameters[0], parameters[1]));
  var start = 0u;
  var depth = 0u;
  loop {
    tree.threads += 1u;
    if (tree.threads > parameters[8]) { break; }
    let ticks = parameters[5] + state.x % parameters[6];
    tree.work.x += ticks;
    tree.work.y += u32(tree.work.x < ticks);
    tree.span = max(tree.span, start + ticks);
    frames[depth] = Frame(state, ticks, start, 0u, forks_of(state.y, depth));
    // Back up to a thread that has a child left.
    var done = false;
    while (frames[depth].child == frames[depth].forks) {
      if (depth == 0u) {
        done = true;
        break;
      }
      depth -= 1u;
    }
    if (done) { break; }
    let parent = frames[depth];
    frames[depth].child += 1u;
    state = threefry(parent.child, parent.state);
    start = parent.start + (parent.ticks * (parent.child + 1u)) / (parent.forks + 1u);
    depth += 1u;
  }
  return tree;
}

fn add(sum: vec2<u32>, value: vec2<u32>) -> vec2<u32> {
  let low = sum.x + value.x;
  return vec2<u32>(low, sum.y + value.y + u32(low < value.x));
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let piece = pieces[group.y];
  let lanes = groups.x * LANES;
  var threads = vec2<u32>(0u);
  var work = vec2<u32>(0u);
  var span = vec2<u32>(0u);
  var oversize = 0u;
  for (var offset = group.x * LANES + lane; offset < piece.length; offset += lanes) {
    let tree = walk(piece.start.x + offset);
    if (tree.threads > parameters[8]) {
      oversize += 1u;
      continue;
    }
    threads = add(threads, vec2<u32>(tree.threads, 0u));
    work = add(work, tree.work);
    span = add(span, vec2<u32>(tree.span, 0u));
  }
  let words = array<u32, ROW_WORDS>(threads.x, threads.y, work.x, work.y, span.x, span.y, oversize, 0u);
  let row = (group.y * LANES * MOST_GROUPS + group.x * LANES + lane) * ROW_WORDS;
  for (var word = 0u; word < ROW_WORDS; word += 1u) {
    atomicStore(&output[row + word], words[word]);
  }
}
