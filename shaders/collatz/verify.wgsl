// collatz, mode verify: counts the candidates of a piece, and per chunk finds the largest glide peak with the
// lowest offset that has it. One chunk per workgroup; a lane takes every 64th entry of the sieve.
//
// Output of a piece: words 0-16 the numbers handed back, 17 the candidates; from 32 per chunk: the peak
// (4 limbs), its offset, unused. Parameters: the surviving residues mod 2^24, ascending. Constants: see
// jump-tables.ts. Pieces that begin below 2^26 are left to the CPU.
//
// Mesa's lavapipe makes 330 M numbers/s per core at 2^40 (a piece of 2^31); a leaner prototype made 4,400.
// What costs most there: the branches of the loop are all executed, and each load is made lane by lane.
// @include collatz/chunk.wgsl

const SIEVE_BITS = 24u;
const BLOCK = 1u << 24u;
const ITEMS = 65536u;
const COUNT_WORD = 17u;
const OUTPUT_WORDS = 32u + MAX_CHUNKS * CHUNK_WORDS;
const MAX_JUMPS = 400u;
// Classes mod 9 of a candidate: 0, 1, 3, 6, 7.
const CLASSES = 0xcbu;

var<workgroup> lane_peak: array<vec4<u32>, 64>;
var<workgroup> lane_peak_at: array<u32, 64>;

// Index of the first residue that is not below r.
fn lower_bound(r: u32) -> u32 {
  var low = 0u;
  var high = arrayLength(&parameters);
  while (low < high) {
    let middle = (low + high) >> 1u;
    if (parameters[middle] < r) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}

const POWERS = array<u32, 9>(1u, 3u, 9u, 27u, 81u, 243u, 729u, 2187u, 6561u);

// U^24(n) for n = h·2^24 + r: h · 3^c + d, with 16 <= c <= 24 in three factors of at most 3^8.
fn sieve_jump(h: vec4<u32>, d0: u32, d1: u32, c: u32) -> vec4<u32> {
  let product = limbs_multiply_add(
    limbs_multiply_add(limbs_multiply_add(h, 6561u, 0u), 6561u, 0u),
    POWERS[c - 16u],
    0u,
  );
  let low = limbs_add(product, d0);
  let high = limbs_add(vec4<u32>(low.yzw, 0u), d1);
  return vec4<u32>(low.x, high.xyz);
}

// The largest value of T from n to the first below n; zero if it climbs too high to tell.
fn glide_peak(n: vec4<u32>) -> vec4<u32> {
  var x = n;
  var peak = n;
  var steps = 0u;
  while (!limbs_greater(n, x)) {
    if (x.w >= (1u << 30u) || steps > MAX_JUMPS * JUMP_BITS) { return vec4<u32>(0u); }
    x = limbs_triple(x);
    if (limbs_greater(x, peak)) { peak = x; }
    x = limbs_strip(x);
    steps++;
  }
  return peak;
}

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
  let size = min(chunk, piece.length - first);
  if ((piece.start.y | piece.start.z | piece.start.w) == 0u && piece.start.x < (1u << 26u)) { return; }

  load_jumps(lane);
  if (lane == 0u) { atomicStore(&peak_bits, 0u); }
  workgroupBarrier();

  // The sieve entries of the chunk: `entries` of them from index `index` of block `h` on, cyclic.
  let start = limbs_add(piece.start, first);
  let residues = arrayLength(&parameters);
  let low_end = start.x & (BLOCK - 1u);
  let high_end = low_end + size;
  let skipped = lower_bound(low_end);
  let entries = (high_end >> SIEVE_BITS) * residues + lower_bound(high_end & (BLOCK - 1u)) - skipped;
  var h = limbs_shift_right(start, SIEVE_BITS);
  // 2^24 = 1, 2^32 = 4 and 2^64 = 7 mod 9: n = h + r mod 9.
  var phase = (h.x % 9u + 4u * (h.y % 9u) + 7u * (h.z % 9u)) % 9u;
  // Offset of the block's residue 0; wraps for the first block, whose residues are not below `low_end`.
  var block_offset = first - low_end;
  var index = skipped + lane;
  var entry = lane;

  var best = vec4<u32>(0u);
  var best_at = 0u;
  var candidates = 0u;
  var walking = false;
  var doubtful = false;
  var n = vec4<u32>(0u);
  var v = vec4<u32>(0u);
  var offset = 0u;
  var jumped = 0u;
  var known = vec4<u32>(0u);
  var threshold = vec4<u32>(0u);
  loop {
    if (!walking) {
      // Skips entries of the wrong class.
      while (entry < entries) {
        while (index >= residues) {
          index -= residues;
          h = limbs_add(h, 1u);
          phase = select(phase + 1u, 0u, phase == 8u);
          block_offset += BLOCK;
        }
        let m = ((constants[CONSTANTS + 2u * index + 1u] >> 13u) & 0xfu) + phase;
        if (((CLASSES >> select(m, m - 9u, m >= 9u)) & 1u) != 0u) { break; }
        entry += LANES;
        index += LANES;
      }
      if (entry >= entries) { break; }
      let word = constants[CONSTANTS + 2u * index + 1u];
      let r = parameters[index];
      n = limbs_shift_left(h, SIEVE_BITS) | vec4<u32>(r, 0u, 0u, 0u);
      offset = block_offset + r;
      known = known_peak(best);
      threshold = limbs_shift_right(known, GROWTH_BITS);
      doubtful = false;
      // Where the 24 steps of the sieve may hold a new maximum, they are walked in jumps that are looked at.
      v = n;
      if (!limbs_greater(n, limbs_shift_right(known, word >> 17u))) {
        v = sieve_jump(h, constants[CONSTANTS + 2u * index], word & 0x7fu, (word >> 8u) & 0x1fu);
      }
      jumped = 0u;
      candidates++;
      walking = true;
      entry += LANES;
      index += LANES;
    }
    if (limbs_greater(n, v)) {
      walking = false;
      if (doubtful) {
        let peak = glide_peak(n);
        if (all(peak == vec4<u32>(0u))) {
          hand_back(base, offset);
        } else if (limbs_greater(peak, best)) {
          best = peak;
          best_at = offset;
          atomicMax(&peak_bits, limbs_bit_length(best));
        }
      }
    } else if (v.w >= TOO_WIDE || jumped >= MAX_JUMPS) {
      walking = false;
      hand_back(base, offset);
    } else {
      if (limbs_greater(v, threshold)) { doubtful = doubtful || limbs_greater(jump_peak(v), known); }
      v = jump_from(v, jumps[v.x & (JUMPS - 1u)]);
      jumped++;
    }
  }

  if (candidates != 0u) { atomicAdd(&output[base + COUNT_WORD], candidates); }
  lane_peak[lane] = best;
  lane_peak_at[lane] = best_at;
  workgroupBarrier();
  if (lane != 0u) { return; }
  for (var i = 1u; i < LANES; i++) {
    let other = lane_peak[i];
    if (limbs_greater(other, best) || (all(other == best) && lane_peak_at[i] < best_at)) {
      best = other;
      best_at = lane_peak_at[i];
    }
  }
  let row = base + HEADER_WORDS + group.x * CHUNK_WORDS;
  atomicStore(&output[row], best.x);
  atomicStore(&output[row + 1u], best.y);
  atomicStore(&output[row + 2u], best.z);
  atomicStore(&output[row + 3u], best.w);
  atomicStore(&output[row + 4u], best_at);
}
