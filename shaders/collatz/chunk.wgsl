// What both collatz kernels share: bindings, the chunk of a workgroup, the jump of 10 steps, the list of
// numbers handed back, and the peak that the workgroup has reached so far.
// @include lib/pieces.wgsl
// @include lib/limbs.wgsl

@group(0) @binding(3) var<storage, read> constants: array<u32>;

const LANES = 64u;
const JUMP_BITS = 10u;
const JUMPS = 1024u;
const LINES = 1024u;
const CONSTANTS = 3072u;
// A jump from below 2^118 stays below 2^126, values of T on the way included: 1.5 · 3 · 1.5^9 < 2^8.
const TOO_WIDE = 1u << 22u;
const GROWTH_BITS = 8u;
// As in chunks.ts.
const LIST_CAPACITY = 16u;
const HEADER_WORDS = 32u;
const CHUNK_WORDS = 8u;
const MAX_CHUNKS = 1024u;

var<workgroup> jumps: array<u32, 1024>;
// Bits of the largest peak that any lane has committed. What can't reach half of it needs no exact peak: most
// lanes have only a few dozen numbers, too few for a useful maximum of their own.
var<workgroup> peak_bits: atomic<u32>;

fn load_jumps(lane: u32) {
  for (var i = lane; i < JUMPS; i += LANES) { jumps[i] = constants[i]; }
}

// Steps of T in a jump with this word: 10 + c, where 3^c is its high half.
fn jump_steps(word: u32) -> u32 {
  return JUMP_BITS + ((firstLeadingBit(word >> 16u) * 161u + 255u) >> 8u);
}

// U^10(v) for v below 2^118. Below 2^58 in two limbs.
fn jump_from(v: vec4<u32>, word: u32) -> vec4<u32> {
  let m = word >> 16u;
  let d = word & 0xffffu;
  if ((v.z | v.w) == 0u && v.y < 0x4000000u) {
    let h0 = (v.x >> JUMP_BITS) | (v.y << (32u - JUMP_BITS));
    let x0 = (h0 & 0xffffu) * m + d;
    let x1 = (h0 >> 16u) * m + (x0 >> 16u);
    let y = (v.y >> JUMP_BITS) * m + (x1 >> 16u);
    return vec4<u32>((x0 & 0xffffu) | (x1 << 16u), y, 0u, 0u);
  }
  return limbs_multiply_add(limbs_shift_right(v, JUMP_BITS), m, d);
}

// The largest value of T in a jump from v >= 2^16, v included: h·A + B.
fn jump_peak(v: vec4<u32>) -> vec4<u32> {
  let r = v.x & (JUMPS - 1u);
  let half_slope = constants[LINES + 2u * r];
  let constant = constants[LINES + 2u * r + 1u];
  let half = limbs_multiply_add(limbs_shift_right(v, JUMP_BITS), half_slope, constant >> 1u);
  return limbs_shift_left(half, 1u) | vec4<u32>(constant & 1u, 0u, 0u, 0u);
}

// A peak that is not above this can't be the chunk's with the lowest offset: the lane's best, which an earlier
// number has, or something below the workgroup's best.
fn known_peak(best: vec4<u32>) -> vec4<u32> {
  let below_group = limbs_below(atomicLoad(&peak_bits));
  if (limbs_greater(below_group, best)) { return below_group; }
  return best;
}

fn hand_back(base: u32, offset: u32) {
  let slot = atomicAdd(&output[base], 1u);
  if (slot < LIST_CAPACITY) { atomicStore(&output[base + 1u + slot], offset); }
}

// Numbers per chunk of a piece: depends on its length alone.
fn chunk_length(length: u32, items: u32) -> u32 {
  return max(items, (length + MAX_CHUNKS - 1u) / MAX_CHUNKS);
}
