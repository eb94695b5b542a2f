// collatz, mode statistics: a histogram of delays per piece, and per unit (statistics-plan.wgsl) the longest delay
// and the largest peak, each with the lowest index that has it.
//
// `main` walks all classes and counts their delays (statistics-walk.wgsl). Of peaks it knows only the highest limbs at
// the jumps. `settle`, dispatched twice, first walks again, in four limbs, what outgrew the limbs of `main`, and counts it; and those whose
// `high` is at least half of the highest, for exact peaks to compare with, which are some 5 times higher. In a jump
// from v no value exceeds 2 · 1.5^10 · (v + 1) < 116 · (v + 1): so the second time it walks again, with exact peaks, the few
// whose `high` is within a factor of 128 of the highest peak known in their row and in the rows before: some 10 of
// 246,912 in the first row, fewer in each later one. Nothing else can be a record: if `high` is below t/128, all
// values are below t, and a number of this row or of one before reaches t.
//
// Without those exact peaks the second time took a third of the time from 2^68 on, where all n share 20 and more low bits with
// small numbers and few peaks stand out; now it takes 1 % there as elsewhere.
// @include collatz/statistics-walk.wgsl

const SETTLE_SHIFT = 7u;
// Values from here on are handed back: a jump from below 2^118 stays below 2^126, values of T included.
const TOO_WIDE = 1u << 22u;
// As in statistics-plan.ts.
const LIST_CAPACITY = 62u;
const HIGH_BITS_WORD = 63u;

var<workgroup> unit_key: atomic<u32>;
var<workgroup> unit_top: atomic<u32>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane_index: u32,
) {
  let piece = pieces[group.y];
  let plan = plan_of(piece);
  if (group.x >= plan.units) { return; }
  let output_at = group.y * OUTPUT_WORDS;
  if (group.x == 0u && lane_index == 0u) {
    atomicStore(&output[output_at + HIGH_BITS_WORD], HIGH_BITS);
  }
  for (var i = lane_index; i < JUMPS / 2u; i += LANES) {
    let pair = constants[i];
    jumps[2u * i] = pair.x;
    jumps[2u * i + 1u] = pair.y;
  }
  for (var i = lane_index; i < LOCAL_BINS; i += LANES) { atomicStore(&bins[i], 0u); }
  for (var index = group.x; index < plan.units; index += groups.x) {
    let unit = unit_of(plan, piece.length, index);
    let start = limbs_add(piece.start, unit.offset);
    let high_part = quotient(start, unit.bits);
    for (var c = lane_index; c < 21u; c += LANES) {
      let base = times_power(high_part, c);
      bases[c] = base.xy;
      upper_bases[c] = base.zw;
    }
    if (lane_index == 0u) {
      atomicStore(&unit_key, 0u);
      atomicStore(&unit_top, 0u);
    }
    workgroupBarrier();
    let lane = walk_unit(unit, chord_log(start), lane_index);
    atomicMax(&unit_key, lane.key);
    atomicMax(&unit_top, lane.top);
    let scratch_at = group.y * SCRATCH_WORDS + index * UNIT_SCRATCH;
    let lane_at = scratch_at + lane_index;
    scratch[lane_at] = lane.high;
    scratch[lane_at + MAX_LANES] = lane.high_at;
    scratch[lane_at + 2u * MAX_LANES] = lane.second;
    scratch[lane_at + 3u * MAX_LANES] = lane.second_at;
    scratch[lane_at + 4u * MAX_LANES] = lane.third;
    workgroupBarrier();
    if (lane_index == 0u) {
      let unit_at = output_at + UNITS_AT + index * UNIT_WORDS;
      atomicStore(&output[unit_at + KEY], atomicLoad(&unit_key));
      atomicStore(&output[unit_at + TOP], atomicLoad(&unit_top));
      scratch[scratch_at + RECOUNTED] = 0u;
    }
    workgroupBarrier();
  }
  for (var i = lane_index; i < LOCAL_BINS; i += LANES) {
    let count = atomicLoad(&bins[i]);
    if (count != 0u) { atomicAdd(&output[output_at + HEADER_WORDS + i], count); }
  }
}

// Walks to walk again: single ones by index, and all walks of a lane.
var<workgroup> singles: array<u32, 256>;
var<workgroup> lanes: array<u32, 128>;
var<workgroup> single_count: atomic<u32>;
var<workgroup> lane_count: atomic<u32>;
var<workgroup> row_top: atomic<u32>;
var<workgroup> lane_peak: array<vec4<u32>, 128>;
var<workgroup> lane_peak_at: array<u32, 128>;

struct Peak {
  value: vec4<u32>,
  // Index + 1; 0: none
  at: u32,
}

fn higher(a: Peak, b: Peak) -> bool {
  return b.at == 0u || limbs_greater(a.value, b.value) || (all(a.value == b.value) && a.at < b.at);
}

struct Walk {
  // The last value; below TAIL unless the walk was given up.
  end: vec4<u32>,
  delay: u32,
  peak: vec4<u32>,
  // As `main` saw it; UNSOUND: not counted there.
  high: u32,
}

fn walk_exactly(unit: Unit, class_words: vec2<u32>, high_part: vec4<u32>) -> Walk {
  let c = class_words.y & 31u;
  var v = limbs_add(times_power(high_part, c), class_words.x);
  var peak = v;
  var high = 0u;
  var steps = 0u;
  var delay = unit.bits + c;
  loop {
    high = max(high, high_of(v));
    if ((v.x < TAIL && (v.y | v.z | v.w) == 0u) || v.w >= TOO_WIDE || delay >= BINS) { break; }
    let r = v.x & (JUMPS - 1u);
    let pair = constants[r >> 1u];
    let word = select(pair.x, pair.y, (r & 1u) != 0u);
    let line = constants[JUMP_LINES_AT + r];
    let part = limbs_shift_right(v, JUMP_BITS);
    // The largest value of T in the jump, h·A + B: see jump-tables.ts.
    let half = limbs_multiply_add(part, line.x, line.y >> 1u);
    let reached = limbs_shift_left(half, 1u) | vec4<u32>(line.y & 1u, 0u, 0u, 0u);
    if (limbs_greater(reached, peak)) { peak = reached; }
    v = limbs_multiply_add(part, word >> 16u, word & 0xffffu);
    // 3^odd is the high half; its bit length gives odd.
    delay += JUMP_BITS + ((firstLeadingBit(word >> 16u) * 161u + 255u) >> 8u);
    steps += JUMP_BITS;
  }
  let tail = constants[TAIL_AT + ((v.x & (TAIL - 1u)) >> 1u)];
  let whole_delay = delay + select(tail.x, tail.y, (v.x & 1u) != 0u);
  let sound = high < WIDE && steps <= MOST_STEPS && whole_delay < LOCAL_BINS;
  return Walk(v, whole_delay, peak, select(UNSOUND, high, sound));
}

// Where the words of a unit are, and floor(row start / 2^K).
struct Place {
  output_at: u32,
  unit_at: u32,
  high_part: vec4<u32>,
}

// Only what reaches `least` counts, lest the words tell which walks shared a lane.
fn walk_again(unit: Unit, index: u32, place: Place, counting: bool, least: u32, best: ptr<function, Peak>) {
  let class_words = class_of(unit, index);
  let walk = walk_exactly(unit, class_words, place.high_part);
  let small = walk.end.x < TAIL && (walk.end.y | walk.end.z | walk.end.w) == 0u;
  if (!small || walk.delay >= BINS) {
    if (!counting) { return; }
    let slot = atomicAdd(&output[place.output_at], 1u);
    if (slot < LIST_CAPACITY) {
      atomicStore(&output[place.output_at + 1u + slot], (unit.row << INDEX_BITS) | index);
    }
    return;
  }
  if (counting && walk.high == UNSOUND) {
    atomicAdd(&output[place.output_at + HEADER_WORDS + walk.delay], class_words.y >> 8u);
    atomicMax(&output[place.unit_at + KEY], (walk.delay << INDEX_BITS) + (INDICES - 1u - index));
  }
  let found = Peak(walk.peak, index + 1u);
  if (walk.high >= least && higher(found, *best)) { *best = found; }
}

// `high` of a value of any size, at most 2^32 - 1.
fn saturated_high(v: vec4<u32>) -> u32 {
  if (LIMBS == 2u) { return select(v.y, UNSOUND, (v.z | v.w) != 0u); }
  if (LIMBS == 3u) { return select(high_of(v), UNSOUND, v.w != 0u || (v.z >> (32u - HIGH_SHIFT)) != 0u); }
  return select(high_of(v), UNSOUND, (v.w >> (32u - HIGH_SHIFT)) != 0u);
}

// Walks again what `main` saw reach `least`; `counting`: the highest, for a better threshold, and what it did not count.
fn settle_unit(group: vec3<u32>, index: u32, unit: Unit, start: vec4<u32>, lane_index: u32) {
  let output_at = group.y * OUTPUT_WORDS;
  let unit_at = output_at + UNITS_AT + index * UNIT_WORDS;
  let scratch_at = group.y * SCRATCH_WORDS + index * UNIT_SCRATCH;
  // One text for both times: a second would take lavapipe another 2 s to compile.
  let counting = scratch[scratch_at + RECOUNTED] == 0u;
  if (lane_index == 0u) {
    atomicStore(&single_count, 0u);
    atomicStore(&lane_count, 0u);
    atomicStore(&row_top, 0u);
  }
  workgroupBarrier();
  // The highest of this row and of all before it. Below 128 a limb tells too little: statistics-plan.ts knows what
  // may then have been missed.
  var top = 0u;
  let row_end = unit.row_unit + select(1u, PARTS, unit.bits == 20u);
  let top_word = select(REACHED, TOP, counting);
  for (var i = lane_index; i < row_end; i += LANES) {
    top = max(top, atomicLoad(&output[output_at + UNITS_AT + i * UNIT_WORDS + top_word]));
  }
  atomicMax(&row_top, top);
  workgroupBarrier();
  let least = max(atomicLoad(&row_top) >> select(SETTLE_SHIFT, 1u, counting), 1u);
  let lane_at = scratch_at + lane_index;
  if (scratch[lane_at + 4u * MAX_LANES] >= least) {
    lanes[atomicAdd(&lane_count, 1u)] = lane_index;
  } else {
    if (scratch[lane_at] >= least) {
      singles[atomicAdd(&single_count, 1u)] = scratch[lane_at + MAX_LANES];
    }
    if (scratch[lane_at + 2u * MAX_LANES] >= least) {
      singles[atomicAdd(&single_count, 1u)] = scratch[lane_at + 3u * MAX_LANES];
    }
  }
  workgroupBarrier();
  let some = atomicLoad(&single_count);
  let lanes_of_walks = atomicLoad(&lane_count);
  var best: Peak;
  if (some + lanes_of_walks != 0u) {
    let place = Place(output_at, unit_at, quotient(start, unit.bits));
    // One loop for both kinds: what it calls is compiled once. A lane has so many walks at most.
    let most = (unit.end - unit.begin + LANES - 1u) / LANES;
    for (var i = lane_index; i < some + lanes_of_walks * most; i += LANES) {
      var walk_index = singles[min(i, 2u * MAX_LANES - 1u)];
      if (i >= some) {
        walk_index = unit.begin + lanes[(i - some) / most] + (i - some) % most * LANES;
        if (walk_index >= unit.end) { continue; }
      }
      walk_again(unit, walk_index, place, counting, least, &best);
    }
  }
  lane_peak[lane_index] = best.value;
  lane_peak_at[lane_index] = best.at;
  workgroupBarrier();
  if (lane_index == 0u) {
    for (var i = 1u; i < LANES; i++) {
      let found = Peak(lane_peak[i], lane_peak_at[i]);
      if (found.at != 0u && higher(found, best)) { best = found; }
    }
    if (counting) {
      let unit_top_word = atomicLoad(&output[unit_at + TOP]);
      atomicStore(&output[unit_at + REACHED], max(unit_top_word, saturated_high(best.value)));
      scratch[scratch_at + RECOUNTED] = 1u;
    } else {
      atomicStore(&output[unit_at + PEAK], best.value.x);
      atomicStore(&output[unit_at + PEAK + 1u], best.value.y);
      atomicStore(&output[unit_at + PEAK + 2u], best.value.z);
      atomicStore(&output[unit_at + PEAK + 3u], best.value.w);
      atomicStore(&output[unit_at + PEAK_AT], best.at);
    }
  }
  workgroupBarrier();
}

@compute @workgroup_size(LANES)
fn settle(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane_index: u32,
) {
  let piece = pieces[group.y];
  let plan = plan_of(piece);
  for (var index = group.x; index < plan.units; index += groups.x) {
    let unit = unit_of(plan, piece.length, index);
    settle_unit(group, index, unit, limbs_add(piece.start, unit.offset), lane_index);
  }
}
