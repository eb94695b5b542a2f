// Numbers of 128 bits as four 32-bit limbs, the lowest in x. WGSL has no u64 and no high multiply: products
// are made of 16-bit halves. Callers keep results below 2^128.

// No branches here: they are in the inner loops, and lanes seldom agree.
fn limbs_greater(a: vec4<u32>, b: vec4<u32>) -> bool {
  let greater = a > b;
  let equal = a == b;
  return select(select(select(greater.x, greater.y, !equal.y), greater.z, !equal.z), greater.w, !equal.w);
}

fn limbs_add(a: vec4<u32>, b: u32) -> vec4<u32> {
  let x = a.x + b;
  let carry_x = u32(x < b);
  let y = a.y + carry_x;
  let carry_y = u32(y < carry_x);
  let z = a.z + carry_y;
  return vec4<u32>(x, y, z, a.w + u32(z < carry_y));
}

// a · m + d for m <= 3^10 and d < 2^17: the first sum is at most 65535 · 59049 + 131071 < 2^32.
fn limbs_multiply_add(a: vec4<u32>, m: u32, d: u32) -> vec4<u32> {
  let x0 = (a.x & 0xffffu) * m + d;
  let x1 = (a.x >> 16u) * m + (x0 >> 16u);
  let y0 = (a.y & 0xffffu) * m + (x1 >> 16u);
  let y1 = (a.y >> 16u) * m + (y0 >> 16u);
  let z0 = (a.z & 0xffffu) * m + (y1 >> 16u);
  let z1 = (a.z >> 16u) * m + (z0 >> 16u);
  let w = a.w * m + (z1 >> 16u);
  return vec4<u32>(
    (x0 & 0xffffu) | (x1 << 16u),
    (y0 & 0xffffu) | (y1 << 16u),
    (z0 & 0xffffu) | (z1 << 16u),
    w,
  );
}

// a >> bits for 0 < bits < 32.
fn limbs_shift_right(a: vec4<u32>, bits: u32) -> vec4<u32> {
  return (a >> vec4<u32>(bits)) | (vec4<u32>(a.yzw, 0u) << vec4<u32>(32u - bits));
}

// a << bits for 0 < bits < 32.
fn limbs_shift_left(a: vec4<u32>, bits: u32) -> vec4<u32> {
  return (a << vec4<u32>(bits)) | (vec4<u32>(0u, a.xyz) >> vec4<u32>(32u - bits));
}

// 0 for 0, else the position of the highest bit + 1.
fn limbs_bit_length(a: vec4<u32>) -> u32 {
  if (a.w != 0u) { return 97u + firstLeadingBit(a.w); }
  if (a.z != 0u) { return 65u + firstLeadingBit(a.z); }
  if (a.y != 0u) { return 33u + firstLeadingBit(a.y); }
  if (a.x != 0u) { return 1u + firstLeadingBit(a.x); }
  return 0u;
}

// 2^(bits - 1) - 1: one less than any number of that bit length; 0 for 0. bits <= 128.
fn limbs_below(bits: u32) -> vec4<u32> {
  if (bits == 0u) { return vec4<u32>(0u); }
  let position = bits - 1u;
  let limb = vec4<u32>(position >> 5u);
  let index = vec4<u32>(0u, 1u, 2u, 3u);
  let part = select(vec4<u32>(0u), vec4<u32>((1u << (position & 31u)) - 1u), index == limb);
  return select(part, vec4<u32>(0xffffffffu), index < limb);
}

// 3a + 1
fn limbs_triple(a: vec4<u32>) -> vec4<u32> {
  return limbs_multiply_add(a, 3u, 1u);
}

// Strips the trailing zero bits of a != 0.
fn limbs_strip(a: vec4<u32>) -> vec4<u32> {
  var r = a;
  while (r.x == 0u) { r = vec4<u32>(r.yzw, 0u); }
  let zeros = firstTrailingBit(r.x);
  if (zeros != 0u) { r = limbs_shift_right(r, zeros); }
  return r;
}
