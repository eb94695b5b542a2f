// One number of the 3n + 1 map walked step by step in 128 bits: four 32-bit limbs, the lowest first. Exact below 2^126:
// a walk that reaches it stops, and is counted in its row for the caller to refuse.

// @include lib/pieces.wgsl

const LANES = 64u;
// As cli/bench/textbook.ts has it: a piece's rows are those of its largest dispatch.
const MOST_GROUPS = 64u;

struct Walk {
  steps: u32,
  overflowed: bool,
  peak: vec4<u32>,
}

fn at_least(a: vec4<u32>, b: vec4<u32>) -> bool {
  if (a.w != b.w) { return a.w > b.w; }
  if (a.z != b.z) { return a.z > b.z; }
  if (a.y != b.y) { return a.y > b.y; }
  return a.x >= b.x;
}

fn plus(a: vec4<u32>, b: vec4<u32>, carry_in: u32) -> vec4<u32> {
  var sum = a + b;
  var carry = vec4<u32>(sum < a);
  sum.x += carry_in;
  carry.x += u32(sum.x < carry_in);
  sum.y += carry.x;
  carry.y += u32(sum.y < carry.x);
  sum.z += carry.y;
  carry.z += u32(sum.z < carry.y);
  sum.w += carry.z;
  return sum;
}

fn offset_from(start: vec4<u32>, offset: u32) -> vec4<u32> {
  return plus(start, vec4<u32>(offset, 0u, 0u, 0u), 0u);
}

// Walks n until its first value below the bound (at most n, or 2), by an odd step and then a shift by the count of
// trailing zeros. For the bound 2 the steps are the delay.
fn walk(n: vec4<u32>, bound: vec4<u32>) -> Walk {
  var x = n;
  var peak = n;
  var steps = 0u;
  while (at_least(x, bound)) {
    if ((x.x & 1u) != 0u) {
      if (x.w >= 0x40000000u) { return Walk(steps, true, peak); }
      // 3x + 1 = x + 2x + 1
      let twice = (x << vec4<u32>(1u)) | (vec4<u32>(0u, x.xyz) >> vec4<u32>(31u));
      x = plus(x, twice, 1u);
      steps += 1u;
      if (at_least(x, peak)) { peak = x; }
    }
    // 1 to 31: more zeros are left to the next round.
    let zeros = min(firstTrailingBit(x.x), 31u);
    x = (x >> vec4<u32>(zeros)) | (vec4<u32>(x.yzw, 0u) << vec4<u32>(32u - zeros));
    steps += zeros;
  }
  return Walk(steps, false, peak);
}
