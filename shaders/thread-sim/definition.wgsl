// A thread of `thread`: Threefry, ticks, forks, and when its children start. Two threads at a time.

const PARITY = 0x1bd11bdau;
// The lowest and the third byte of a word as two numbers of 16 bits; shifted by 8, the others.
const PAIRS = 0x00ff00ffu;

struct Shape {
  seed: vec2<u32>,
  max_depth: u32,
  // Per chance to fork 255 + threshold, or 255 where there is no such chance: chances 0 and 2, 1 and 3.
  even_chances: u32,
  odd_chances: u32,
  work_min: u32,
  work_range: u32,
  work_inverse: u32,
}

fn read_shape() -> Shape {
  let chances = vec4(255u) + select(vec4(0u), vec4(parameters[4]), vec4(parameters[3]) > vec4(0u, 1u, 2u, 3u));
  return Shape(
    vec2(parameters[0], parameters[1]),
    parameters[2],
    chances.x | (chances.z << 16u),
    chances.y | (chances.w << 16u),
    parameters[5],
    parameters[6],
    parameters[7],
  );
}

// The high words of two products.
fn multiply_high(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let a_low = a & vec2(0xffffu);
  let b_low = b & vec2(0xffffu);
  let a_high = a >> vec2(16u);
  let b_high = b >> vec2(16u);
  let cross = a_high * b_low + ((a_low * b_low) >> vec2(16u));
  let other = a_low * b_high + (cross & vec2(0xffffu));
  return a_high * b_high + (cross >> vec2(16u)) + (other >> vec2(16u));
}

struct States {
  a: vec2<u32>,
  b: vec2<u32>,
}

fn rotate(y: vec2<u32>, bits: u32) -> vec2<u32> {
  return (y << vec2(bits)) | (y >> vec2(32u - bits));
}

// TF((a, b); (counter, 0)) of two threads, Threefry-2x32-20: see threefry.ts.
fn threefry(a: vec2<u32>, b: vec2<u32>, counter: vec2<u32>) -> States {
  let c = vec2(PARITY) ^ a ^ b;
  var x = counter + a;
  var y = b;
  x += y; y = rotate(y, 13u) ^ x;
  x += y; y = rotate(y, 15u) ^ x;
  x += y; y = rotate(y, 26u) ^ x;
  x += y; y = rotate(y, 6u) ^ x;
  x += b; y += c + vec2(1u);
  x += y; y = rotate(y, 17u) ^ x;
  x += y; y = rotate(y, 29u) ^ x;
  x += y; y = rotate(y, 16u) ^ x;
  x += y; y = rotate(y, 24u) ^ x;
  x += c; y += a + vec2(2u);
  x += y; y = rotate(y, 13u) ^ x;
  x += y; y = rotate(y, 15u) ^ x;
  x += y; y = rotate(y, 26u) ^ x;
  x += y; y = rotate(y, 6u) ^ x;
  x += a; y += b + vec2(3u);
  x += y; y = rotate(y, 17u) ^ x;
  x += y; y = rotate(y, 29u) ^ x;
  x += y; y = rotate(y, 16u) ^ x;
  x += y; y = rotate(y, 24u) ^ x;
  x += b; y += c + vec2(4u);
  x += y; y = rotate(y, 13u) ^ x;
  x += y; y = rotate(y, 15u) ^ x;
  x += y; y = rotate(y, 26u) ^ x;
  x += y; y = rotate(y, 6u) ^ x;
  return States(x + c, y + a + vec2(5u));
}

fn ticks_of(shape: Shape, a: vec2<u32>) -> vec2<u32> {
  // The estimated quotient is at most one too small, so rest < 2 * range <= 2^21; where it is below the range,
  // rest - range wraps round and is the larger.
  let rest = a - multiply_high(a, vec2(shape.work_inverse)) * vec2(shape.work_range);
  return vec2(shape.work_min) + min(rest, rest - vec2(shape.work_range));
}

fn forks_of(shape: Shape, b: vec2<u32>) -> vec2<u32> {
  // Per chance, in 16 bits: 255 + threshold - byte, 0 to 511, so nothing is borrowed from the next; at least 256,
  // which is bit 8, exactly where byte < threshold.
  let even = vec2(shape.even_chances) - (b & vec2(PAIRS));
  let odd = vec2(shape.odd_chances) - ((b >> vec2(8u)) & vec2(PAIRS));
  let hits = (even & vec2(0x01000100u)) + (odd & vec2(0x01000100u));
  return ((hits >> vec2(8u)) + (hits >> vec2(24u))) & vec2(7u);
}

// floor(ticks * (child + 1) / (forks + 1)), by multiply-high with floor(2^32 / (forks + 1)) + 1: exact, since
// ticks * (child + 1) <= 2^22.
fn offset_of(ticks: vec2<u32>, child: vec2<u32>, more: vec2<u32>) -> vec2<u32> {
  // Trees without a stack: nobody forks more than one.
  if (SLOTS == 1u) { return ticks >> vec2(1u); }
  let few = select(vec2(0x80000001u), vec2(0x55555556u), more == vec2(1u));
  let many = select(vec2(0x40000001u), vec2(0x33333334u), more == vec2(3u));
  return multiply_high(ticks * (child + vec2(1u)), select(few, many, more > vec2(1u)));
}
