// Numbers of 128 bits as four 32-bit limbs, the lowest in x. WGSL has no u64 and no high multiply: products
// are made of 16-bit halves. Callers keep results below 2^128.

fn limbs_greater(a: vec4<u32>, b: vec4<u32>) -> bool {
  if (a.w != b.w) { return a.w > b.w; }
  if (a.z != b.z) { return a.z > b.z; }
  if (a.y != b.y) { return a.y > b.y; }
  return a.x > b.x;
}

fn limbs_add(a: vec4<u32>, b: u32) -> vec4<u32> {
  var r = a;
  r.x += b;
  if (r.x < b) {
    r.y += 1u;
    if (r.y == 0u) {
      r.z += 1u;
      if (r.z == 0u) { r.w += 1u; }
    }
  }
  return r;
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

// 2^(bits - 1 - shift), or 0 where that is no whole number. bits <= 128.
fn limbs_power(bits: u32, shift: u32) -> vec4<u32> {
  var r = vec4<u32>(0u);
  if (bits <= shift) { return r; }
  let position = bits - 1u - shift;
  r[position >> 5u] = 1u << (position & 31u);
  return r;
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
