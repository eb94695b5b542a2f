// The second entry point of kernel.wgsl: all sums and maxima over the trees of a piece.

// Sums of 64 bits for four numbers of processors.
struct Sums {
  low: vec4<u32>,
  high: vec4<u32>,
}

fn add64(sum: vec2<u32>, value: u32) -> vec2<u32> {
  let low = sum.x + value;
  return vec2(low, sum.y + select(0u, 1u, low < value));
}

fn add_sums(sums: Sums, low: vec4<u32>, high: vec4<u32>) -> Sums {
  let total = sums.low + low;
  let carry = select(vec4(0u), vec4(1u), total < low);
  if (!WIDE) { return Sums(total, sums.high + carry); }
  return Sums(total, sums.high + high + carry);
}

// value >> shift, low word; shift <= 31.
fn shifted(low: vec4<u32>, high: vec4<u32>, shift: vec4<u32>) -> vec4<u32> {
  if (!WIDE) { return low >> shift; }
  return (low >> shift) | ((high << (vec4(31u) - shift)) << vec4(1u));
}

// Adds max(span, ceil(work / 2^shift)).
fn add_lower(sums: Sums, work: vec2<u32>, span: u32, shift: vec4<u32>) -> Sums {
  let round_up = (vec4(1u) << shift) - vec4(1u);
  let low = vec4(work.x) + round_up;
  let high = vec4(work.y) + select(vec4(0u), vec4(1u), low < round_up);
  let share = shifted(low, high, shift);
  if (!WIDE) { return add_sums(sums, max(share, vec4(span)), vec4(0u)); }
  let share_high = high >> shift;
  return add_sums(sums, select(share, max(share, vec4(span)), share_high == vec4(0u)), share_high);
}

// Adds floor(excess / 2^shift).
fn add_upper(sums: Sums, excess: vec2<u32>, shift: vec4<u32>) -> Sums {
  return add_sums(sums, shifted(vec4(excess.x), vec4(excess.y), shift), vec4(excess.y) >> shift);
}

fn add_outputs(at: u32, sums: Sums, count: u32) {
  for (var entry = 0u; entry < count; entry++) {
    add_output(at + 2u * entry, vec2(sums.low[entry], sums.high[entry]));
  }
}

// As in `walk`, no workgroup memory, so that the loop's variables live in registers: the maxima are found in the
// output itself, word by word, since atomics are 32 bits wide. A lane takes whole trees, all machines at once.
@compute @workgroup_size(WALKERS)
fn reduce(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  if (group.x != 0u) { return; }
  let length = pieces[group.y].length;
  let result = group.y * OUTPUT_WORDS;
  let own_scratch = group.y * parameters[10];
  let machines = array(vec4(0u, 1u, 2u, 3u), vec4(4u, 5u, 6u, 7u), vec4(8u, 9u, 10u, 11u));

  var lower: array<Sums, 3>;
  var upper: array<Sums, 3>;
  var all_threads = vec2(0u);
  var all_span = vec2(0u);
  var sizes: array<u32, SIZES>;
  // The largest, high word last, and the first tree that has it.
  var most_threads = vec2(0u);
  var most_work = vec3(0u);
  var most_span = vec2(0u);
  for (var tree = lane; tree < length; tree += WALKERS) {
    let at = own_scratch + CAPACITY + 3u * tree;
    let threads = scratch[at + 2u];
    if (threads == 0u) { continue; }
    let packed = scratch[at + 1u];
    let work = vec2(scratch[at], packed >> SPAN_BITS);
    let span = packed & ((1u << SPAN_BITS) - 1u);
    all_threads = add64(all_threads, threads);
    all_span = add64(all_span, span);
    sizes[firstLeadingBit(threads)]++;
    most_threads = select(most_threads, vec2(threads, tree), threads > most_threads.x);
    most_span = select(most_span, vec2(span, tree), span > most_span.x);
    let more_work = work.y > most_work.y || (work.y == most_work.y && work.x > most_work.x);
    most_work = select(most_work, vec3(work, tree), more_work);
    let excess = vec2(work.x - span, work.y - select(0u, 1u, work.x < span));
    lower[0] = add_lower(lower[0], work, span, machines[0]);
    lower[1] = add_lower(lower[1], work, span, machines[1]);
    lower[2] = add_lower(lower[2], work, span, machines[2]);
    upper[0] = add_upper(upper[0], excess, machines[0]);
    upper[1] = add_upper(upper[1], excess, machines[1]);
    upper[2] = add_upper(upper[2], excess, machines[2]);
  }
  for (var size = 0u; size < SIZES; size++) {
    if (sizes[size] != 0u) { atomicAdd(&output[result + BY_SIZE + 2u * size], sizes[size]); }
  }
  add_output(result + THREADS, all_threads);
  add_output(result + WORK, vec2(lower[0].low.x, lower[0].high.x));
  add_output(result + SPAN, all_span);
  for (var some = 0u; some < 3u; some++) {
    // Of the last four there are three.
    let count = select(4u, 3u, some == 2u);
    add_outputs(result + LOWER + 8u * some, lower[some], count);
    let upper_sums = Sums(upper[some].low + vec4(all_span.x), upper[some].high + vec4(all_span.y));
    let carry = select(vec4(0u), vec4(1u), upper_sums.low < vec4(all_span.x));
    add_outputs(result + UPPER + 8u * some, Sums(upper_sums.low, upper_sums.high + carry), count);
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
