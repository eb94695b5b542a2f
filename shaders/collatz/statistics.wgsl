// collatz, mode statistics: a histogram of delays per piece, and per chunk the longest delay and the largest
// peak, each with the lowest offset that has it. One chunk per workgroup; a lane takes every 64th number.
//
// Output of a piece: words 0-16 the numbers handed back; from 32, 4096 bins; then per chunk: delay + 1, its
// offset, the peak (4 limbs), its offset, unused. Constants: see jump-tables.ts.
//
// Mesa's lavapipe makes about 3 M numbers/s per core at 3·10^9 and at 2^40, 1.4 at 2^68.
// @include collatz/chunk.wgsl

const TAIL_DELAYS = CONSTANTS;
const TAIL_PEAKS = TAIL_DELAYS + 32768u;
const TAIL = 65536u;
// No path from below TAIL climbs higher than this.
const TAIL_PEAK_BOUND = 1u << 30u;
const BINS = 4096u;
const LOCAL_BINS = 2048u;
const ITEMS = 2048u;
const OUTPUT_WORDS = 32u + BINS + MAX_CHUNKS * CHUNK_WORDS;

// Longer delays are rare and go to the piece's bins directly: 4096 bins would fill the 16 KB there are.
var<workgroup> bins: array<atomic<u32>, 2048>;
var<workgroup> lane_delay: array<u32, 64>;
var<workgroup> lane_delay_at: array<u32, 64>;
var<workgroup> lane_peak: array<vec4<u32>, 64>;
var<workgroup> lane_peak_at: array<u32, 64>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let piece = pieces[group.y];
  let base = group.y * OUTPUT_WORDS;
  let chunk = chunk_length(piece.length, ITEMS);
  let first = group.x * chunk;
  if (first >= piece.length) { return; }
  let end = min(first + chunk, piece.length);

  load_jumps(lane);
  for (var i = lane; i < LOCAL_BINS; i += LANES) { atomicStore(&bins[i], 0u); }
  if (lane == 0u) { atomicStore(&peak_bits, 0u); }
  workgroupBarrier();

  var longest = 0u;
  var longest_at = 0u;
  var best = vec4<u32>(0u);
  var best_at = 0u;
  // One loop for all numbers of a lane: a lane that is done takes its next one at once.
  var offset = first + lane;
  var v = limbs_add(piece.start, offset);
  var delay = 0u;
  var peak = best;
  var threshold = vec4<u32>(0u);
  while (offset < end) {
    if ((v.y | v.z | v.w) == 0u && v.x < TAIL) {
      delay += (constants[TAIL_DELAYS + (v.x >> 1u)] >> ((v.x & 1u) * 16u)) & 0xffffu;
      if (delay < BINS) {
        if (delay < LOCAL_BINS) {
          atomicAdd(&bins[delay], 1u);
        } else {
          atomicAdd(&output[base + HEADER_WORDS + delay], 1u);
        }
        if (delay >= longest) {
          longest = delay + 1u;
          longest_at = offset;
        }
        if ((peak.y | peak.z | peak.w) == 0u && peak.x < TAIL_PEAK_BOUND) {
          peak.x = max(peak.x, constants[TAIL_PEAKS + v.x]);
        }
        if (limbs_greater(peak, best)) {
          best = peak;
          best_at = offset;
          atomicMax(&peak_bits, limbs_bit_length(best));
        }
      } else {
        hand_back(base, offset);
      }
      offset += LANES;
      v = limbs_add(piece.start, offset);
      delay = 0u;
      peak = best;
      threshold = limbs_shift_right(known_peak(best), GROWTH_BITS);
      continue;
    }
    if (v.w >= TOO_WIDE || delay >= BINS) {
      // Ends in the branch above, as a number whose delay is out of bounds.
      v = vec4<u32>(1u, 0u, 0u, 0u);
      delay = BINS;
      continue;
    }
    let word = jumps[v.x & (JUMPS - 1u)];
    if (limbs_greater(v, threshold)) {
      let reached = jump_peak(v);
      if (limbs_greater(reached, peak)) { peak = reached; }
    }
    v = jump_from(v, word);
    delay += jump_steps(word);
  }

  lane_delay[lane] = longest;
  lane_delay_at[lane] = longest_at;
  lane_peak[lane] = best;
  lane_peak_at[lane] = best_at;
  workgroupBarrier();
  for (var i = lane; i < LOCAL_BINS; i += LANES) {
    let count = atomicLoad(&bins[i]);
    if (count != 0u) { atomicAdd(&output[base + HEADER_WORDS + i], count); }
  }
  if (lane != 0u) { return; }
  for (var i = 1u; i < LANES; i++) {
    if (lane_delay[i] > longest || (lane_delay[i] == longest && lane_delay_at[i] < longest_at)) {
      longest = lane_delay[i];
      longest_at = lane_delay_at[i];
    }
    let other = lane_peak[i];
    if (limbs_greater(other, best) || (all(other == best) && lane_peak_at[i] < best_at)) {
      best = other;
      best_at = lane_peak_at[i];
    }
  }
  if (longest == 0u) { return; }
  let row = base + HEADER_WORDS + BINS + group.x * CHUNK_WORDS;
  atomicStore(&output[row], longest);
  atomicStore(&output[row + 1u], longest_at);
  atomicStore(&output[row + 2u], best.x);
  atomicStore(&output[row + 3u], best.y);
  atomicStore(&output[row + 4u], best.z);
  atomicStore(&output[row + 5u], best.w);
  atomicStore(&output[row + 6u], best_at);
}
