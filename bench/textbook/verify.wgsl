// Yardstick: `collatz` verify as a textbook has it, one number per invocation at a time: no sieve, every number walked
// until its first value below itself. Only what is to be a maximum is asked whether it is a candidate.
//
// The constants are one bit per residue mod 2^24, whether it survives (workloads.md). One row per lane: see
// cli/bench/textbook.ts.

// @include bench/textbook/walk.wgsl

@group(0) @binding(3) var<storage, read> constants: array<u32>;

const ROW_WORDS = 8u;

fn is_candidate(n: vec4<u32>) -> bool {
  if (n.x < 0x4000000u && all(n.yzw == vec3<u32>(0u))) { return (n.x & 3u) == 3u; }
  // 2^32 mod 9 = 4, 2^64 mod 9 = 7, 2^96 mod 9 = 1.
  let nines = n % vec4<u32>(9u);
  let nine = (nines.x + 4u * nines.y + 7u * nines.z + nines.w) % 9u;
  // Of the classes 0 to 8 mod 9: 0, 1, 3, 6, 7.
  if (((0xcbu >> nine) & 1u) == 0u) { return false; }
  let residue = n.x & 0xffffffu;
  return ((constants[residue >> 5u] >> (residue & 31u)) & 1u) != 0u;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let piece = pieces[group.y];
  let lanes = groups.x * LANES;
  var settled = 0u;
  var peak = vec4<u32>(0u);
  var peak_at = 0u;
  var overflows = 0u;
  for (var offset = group.x * LANES + lane; offset < piece.length; offset += lanes) {
    let n = offset_from(piece.start, offset);
    // 1 has nothing below it and is settled.
    let one = all(n == vec4<u32>(1u, 0u, 0u, 0u));
    let walked = walk(n, select(n, vec4<u32>(2u, 0u, 0u, 0u), one));
    if (walked.overflowed) {
      overflows += 1u;
      continue;
    }
    settled += 1u;
    if (!at_least(peak, walked.peak) && is_candidate(n)) {
      peak = walked.peak;
      peak_at = offset;
    }
  }
  let words = array<u32, ROW_WORDS>(settled, 0u, peak.x, peak.y, peak.z, peak.w, peak_at, overflows);
  let row = (group.y * LANES * MOST_GROUPS + group.x * LANES + lane) * ROW_WORDS;
  for (var word = 0u; word < ROW_WORDS; word += 1u) {
    atomicStore(&output[row + word], words[word]);
  }
}
