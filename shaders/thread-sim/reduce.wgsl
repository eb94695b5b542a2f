// The second entry point of kernel.wgsl: all sums and maxima over the trees of a piece.

// Sums of 64 bits for four numbers of processors.
struct Sums {
  low: vec4<u32>,
  high: vec4<u32>,
}

fn add64(sum: vec2<u32>, value: vec2<u32>) -> vec2<u32> {
  let low = sum.x + value.x;
  return vec2(low, sum.y + value.y + select(0u, 1u, low < value.x));
}

fn subtract64(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  return vec2(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}

// ceil(work / 2^shift), low and high words; 1 <= shift <= 31. Not WIDE: work + 2^shift fits one word.
fn shares(work: vec2<u32>, shift: vec4<u32>) -> Sums {
  let round_up = (vec4(1u) << shift) - vec4(1u);
  let low = vec4(work.x) + round_up;
  if (!WIDE) { return Sums(low >> shift, vec4(0u)); }
  let high = vec4(work.y) + select(vec4(0u), vec4(1u), low < round_up);
  return Sums((low >> shift) | (high << (vec4(32u) - shift)), high >> shift);
}

// Adds max(span, share).
fn add_lower(sums: Sums, share: Sums, span: u32) -> Sums {
  var value = max(share.low, vec4(span));
  if (WIDE) { value = select(value, share.low, share.high != vec4(0u)); }
  let total = sums.low + value;
  let carry = select(vec4(0u), vec4(1u), total < value);
  if (!WIDE) { return Sums(total, sums.high + carry); }
  return Sums(total, sums.high + share.high + carry);
}

// The words of an output before LARGEST are pairs: its sums.
const PAIRS_OF_SUMS = LARGEST / 2u;

struct Singles {
  count: u32,
  work: u32,
  most: u32,
  // The first tree that has it.
  first: u32,
}

// A lane's share of a piece where nobody forks, two trees at a time. It takes at most 2^16 / 32 of them of 2^20 ticks,
// so one word holds the sum. Through the scratch, as other trees, they took ten times as long.
fn singles(first_root: u32, length: u32, lane: u32) -> Singles {
  let shape = read_shape();
  var work = 0u;
  var most = 0u;
  var first = 0u;
  for (var tree = lane; tree < length; tree += 2u * WALKERS) {
    let trees = vec2(tree, tree + WALKERS);
    let state = threefry(vec2(shape.seed.x), vec2(shape.seed.y), vec2(first_root) + trees);
    let ticks = select(vec2(0u), ticks_of(shape, state.a), trees < vec2(length));
    work += ticks.x + ticks.y;
    first = select(first, trees.x, ticks.x > most);
    most = max(most, ticks.x);
    first = select(first, trees.y, ticks.y > most);
    most = max(most, ticks.y);
  }
  let count = select(0u, (length - lane + WALKERS - 1u) / WALKERS, lane < length);
  return Singles(count, work, most, first);
}

// As in `walk`, no workgroup memory, so that the loop's variables live in registers: the maxima are found in the
// output itself, word by word, since atomics are 32 bits wide. A lane takes whole trees, all machines at once.
//
// With W work, S span, X = W - S, and c(i) the number of trees whose X has bit i:
// - the sum of S + floor(X / 2^j) is the sum of S + (the sum of X - the sum of c(i) * 2^i over i < j) / 2^j, so ten
//   counts tell all upper bounds: 19 operations a tree for what took 44 with a sum for each;
// - max(S, ceil(W / 2^j)) is S for all j from 5 on where ceil(W / 2^5) <= S, as in most programs.
@compute @workgroup_size(WALKERS)
fn reduce(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  if (group.x != 0u) { return; }
  let length = pieces[group.y].length;
  let result = group.y * OUTPUT_WORDS;
  let own_scratch = group.y * parameters[10];

  var all_threads = vec2(0u);
  var all_work = vec2(0u);
  var all_span = vec2(0u);
  // Of bits i and 5 + i: two counts of 16 bits, since a lane takes fewer than 2^16 trees.
  var bits: array<u32, 5>;
  var lower1 = Sums(vec4(0u), vec4(0u));
  var lower5 = Sums(vec4(0u), vec4(0u));
  var lower9 = Sums(vec4(0u), vec4(0u));
  // Of the trees that are in lower5 and lower9; in the others' place stands their span.
  var wide_span = vec2(0u);
  // What the lane adds to the output.
  var sums: array<vec2<u32>, PAIRS_OF_SUMS>;
  // The largest, high word last, and the first tree that has it.
  var most_threads = vec2(0u);
  var most_work = vec3(0u);
  var most_span = vec2(0u);
  if (SINGLES) {
    let found = singles(pieces[group.y].start.x, length, lane);
    most_work = vec3(found.most, 0u, found.first);
    most_span = vec2(found.most, found.first);
    most_threads = vec2(select(0u, 1u, found.count != 0u), lane);
    all_threads.x = found.count;
    all_work.x = found.work;
    all_span.x = found.work;
    // Work = span is the lower bound for every machine, and the excess is 0.
    lower1.low = vec4(found.work);
    sums[BY_DEPTH / 2u].x = found.count;
    sums[BY_SIZE / 2u].x = found.count;
  }
  let trees = select(length, 0u, SINGLES);
  for (var tree = lane; tree < trees; tree += WALKERS) {
    let found = read_tree(own_scratch, tree);
    if (found.threads == 0u) { continue; }
    let work = found.work;
    let span = found.span;
    let threads = found.threads;
    all_threads = add64(all_threads, vec2(threads, 0u));
    all_work = add64(all_work, work);
    all_span = add64(all_span, vec2(span, 0u));
    // Its exponent, as at most 2^16 is exact in 24 bits; lavapipe takes 25 instructions for firstLeadingBit.
    sums[BY_SIZE / 2u - 127u + (bitcast<u32>(f32(threads)) >> 23u)].x++;
    most_threads = select(most_threads, vec2(threads, tree), threads > most_threads.x);
    most_span = select(most_span, vec2(span, tree), span > most_span.x);
    let more_work = work.y > most_work.y || (work.y == most_work.y && work.x > most_work.x);
    most_work = select(most_work, vec3(work, tree), more_work);

    let excess = work.x - span;
    let ten = (excess & 31u) | ((excess & 992u) << 11u);
    bits[0] += ten & 0x00010001u;
    bits[1] += (ten >> 1u) & 0x00010001u;
    bits[2] += (ten >> 2u) & 0x00010001u;
    bits[3] += (ten >> 3u) & 0x00010001u;
    bits[4] += (ten >> 4u) & 0x00010001u;
    lower1 = add_lower(lower1, shares(work, vec4(1u, 2u, 3u, 4u)), span);
    let share5 = shares(work, vec4(5u, 6u, 7u, 8u));
    if (share5.high.x != 0u || share5.low.x > span) {
      lower5 = add_lower(lower5, share5, span);
      lower9 = add_lower(lower9, shares(work, vec4(9u, 10u, 11u, 12u)), span);
      wide_span = add64(wide_span, vec2(span, 0u));
    }
  }
  let narrow_span = subtract64(all_span, wide_span);
  sums[THREADS / 2u] = all_threads;
  sums[WORK / 2u] = all_work;
  sums[SPAN / 2u] = all_span;
  sums[LOWER / 2u] = all_work;
  for (var entry = 0u; entry < 4u; entry++) {
    let at = LOWER / 2u + 1u + entry;
    sums[at] = vec2(lower1.low[entry], lower1.high[entry]);
    sums[at + 4u] = add64(vec2(lower5.low[entry], lower5.high[entry]), narrow_span);
    // The last two are written over by the upper bounds.
    sums[at + 8u] = add64(vec2(lower9.low[entry], lower9.high[entry]), narrow_span);
  }
  sums[UPPER / 2u] = all_work;
  var excess = subtract64(all_work, all_span);
  var counts = bits;
  for (var machine = 1u; machine <= 10u; machine++) {
    // The sum of floor(X / 2^(machine - 1)), less the trees where it is odd, halved.
    let bit = machine - 1u;
    let odd = select(counts[bit % 5u] & 0xffffu, counts[bit % 5u] >> 16u, bit >= 5u);
    let even = subtract64(excess, vec2(odd, 0u));
    excess = vec2((even.x >> 1u) | (even.y << 31u), even.y >> 1u);
    sums[UPPER / 2u + machine] = add64(excess, all_span);
  }
  // All by one loop: 25 calls of their own took lavapipe 3 s to compile.
  for (var pair = THREADS / 2u; pair < PAIRS_OF_SUMS; pair++) {
    if (any(sums[pair] != vec2(0u))) { add_output(result + 2u * pair, sums[pair]); }
  }

  let largest = result + LARGEST;
  atomicMax(&output[largest], most_threads.x);
  atomicMax(&output[largest + 4u], most_work.y);
  atomicMax(&output[largest + 6u], most_span.x);
  storageBarrier();
  if (most_work.y == atomicLoad(&output[largest + 4u])) { atomicMax(&output[largest + 3u], most_work.x); }
  storageBarrier();
  // The first tree is the largest complement. A lane without trees has values 0, which no tree has.
  let work = vec2(atomicLoad(&output[largest + 3u]), atomicLoad(&output[largest + 4u]));
  if (most_threads.x != 0u) {
    if (most_threads.x == atomicLoad(&output[largest])) { atomicMax(&output[largest + 2u], ~most_threads.y); }
    if (all(most_work.xy == work)) { atomicMax(&output[largest + 5u], ~most_work.z); }
    if (most_span.x == atomicLoad(&output[largest + 6u])) { atomicMax(&output[largest + 8u], ~most_span.y); }
  }
  if (lane == 0u) { atomicStore(&output[result + QUEUE], 0u); }
  storageBarrier();
  if (lane < 3u) {
    let complement = atomicLoad(&output[largest + 3u * lane + 2u]);
    if (complement != 0u) { atomicStore(&output[largest + 3u * lane + 2u], ~complement); }
  }

  // Sort the deferred roots by counting who comes before: all of them are there if they fit.
  let left = atomicLoad(&output[result + DEFERRED]);
  if (left > CAPACITY) { return; }
  for (var place = lane; place < left; place += WALKERS) {
    let tree = scratch[own_scratch + place];
    var rank = 0u;
    for (var other = 0u; other < left; other++) {
      rank += select(0u, 1u, scratch[own_scratch + other] < tree);
    }
    atomicStore(&output[result + DEFERRED + 1u + rank], tree);
  }
}
