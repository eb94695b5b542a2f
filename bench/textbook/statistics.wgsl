// Yardstick: `collatz` statistics as a textbook has it, one number per invocation at a time, walked to 1. Delays are
// summed, not sorted into a histogram.
//
// One row per lane: see cli/bench/textbook.ts.

// @include bench/textbook/walk.wgsl

const ROW_WORDS = 12u;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let piece = pieces[group.y];
  let lanes = groups.x * LANES;
  var sum = 0u;
  var sum_high = 0u;
  var delay = 0u;
  var delay_at = 0u;
  var peak = vec4<u32>(0u);
  var peak_at = 0u;
  var overflows = 0u;
  for (var offset = group.x * LANES + lane; offset < piece.length; offset += lanes) {
    let walked = walk(offset_from(piece.start, offset), vec4<u32>(2u, 0u, 0u, 0u));
    if (walked.overflowed) {
      overflows += 1u;
      continue;
    }
    sum += walked.steps;
    sum_high += u32(sum < walked.steps);
    if (walked.steps + 1u > delay) {
      delay = walked.steps + 1u;
      delay_at = offset;
    }
    if (!at_least(peak, walked.peak)) {
      peak = walked.peak;
      peak_at = offset;
    }
  }
  let words = array<u32, ROW_WORDS>(
    sum, sum_high, delay, delay_at, peak.x, peak.y, peak.z, peak.w, peak_at, overflows, 0u, 0u,
  );
  let row = (group.y * LANES * MOST_GROUPS + group.x * LANES + lane) * ROW_WORDS;
  for (var word = 0u; word < ROW_WORDS; word += 1u) {
    atomicStore(&output[row + word], words[word]);
  }
}
