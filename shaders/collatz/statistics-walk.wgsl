// The hot loop of statistics.wgsl: every lane walks three numbers at a time and takes the next class when one ends.
//
// A walk is a sequence of jumps of 10 steps until the value is below TAIL. A jump needs only its value, so the loop
// keeps neither delay nor exact peak, but
//  - how many steps were taken. Odd steps follow at the end, since 3^odd = last value · 2^steps / first value, nearly;
//  - `high`, the highest limb seen (with bits of the next): whoever's could lead to the row's largest peak is walked
//    again, exactly, by `settle`. So is what outgrows the limbs.
//
// Three walks, because lavapipe gathers lane by lane through memory, some 60 cycles that only another walk can fill;
// the same hides the latency of a GPU's workgroup memory. Ended walks stand still until the look at the end of a
// round, where one of the three is counted and replaced: three walks of four jumps make 1.3 ends a round, so that
// nearly every lane has one, and the rare code runs full. It is free of branches: in lavapipe lanes that differ cost
// a misprediction per lane and access. Measured on lavapipe in one run at 2^40, M n/s: one walk, looked at every 12
// jumps 30; three walks, each looked at every 12 jumps 37; three, one of them replaced every 4 jumps 60. Four walks, one
// replaced every 3 or 4 jumps, make the same as three.
// @include collatz/statistics-plan.wgsl

// How many limbs values have, and how many bits of the second highest limb `high` counts: both follow from the
// range, see statistics-plan.ts.
override LIMBS: u32 = 4u;
override HIGH_SHIFT: u32 = 12u;
override LANES: u32 = 64u;

// Jumps between looks.
override ROUND: u32 = 4u;
// `high` from here on: the next jump may lose bits. The highest limb stays below 2^(26 - HIGH_SHIFT), a jump multiplies
// by less than 2^5.9, and `high_of` keeps 32 - HIGH_SHIFT bits of it: so the first value that is too large is seen.
const WIDE = 1u << 26u;
// Walks with more steps, or of longer delays than fit here, are left to `settle`.
const MOST_STEPS = 2700u;
const LOCAL_BINS = 2048u;
const UNSOUND = 0xffffffffu;

var<workgroup> jumps: array<u32, 1024>;
var<workgroup> bins: array<atomic<u32>, 2048>;
// floor(row start / 2^K) · 3^c, low and high limbs.
var<workgroup> bases: array<vec2<u32>, 21>;
var<workgroup> upper_bases: array<vec2<u32>, 21>;

struct Walker {
  x: u32,
  y: u32,
  z: u32,
  w: u32,
  steps: u32,
  high: u32,
  // weight · 2^18 + index in the row; 0: no walk
  entry: u32,
}

struct Lane {
  next: u32,
  // The largest key: delay · 2^18 + how far the index is from the last: the longest delay, the lowest index.
  key: u32,
  // The highest `high` (UNSOUND: of a walk that was not counted), its index, the next two.
  high: u32,
  high_at: u32,
  second: u32,
  second_at: u32,
  third: u32,
  // Highest `high` of a sound walk, or WIDE.
  top: u32,
}

// Bits of a value below those that `high` counts.
override HIGH_BITS: u32 = select(32u * (LIMBS - 1u) - HIGH_SHIFT, 32u, LIMBS == 2u);

fn high_of(v: vec4<u32>) -> u32 {
  if (LIMBS == 2u) { return v.y; }
  if (LIMBS == 3u) { return (v.z << HIGH_SHIFT) | (v.y >> (32u - HIGH_SHIFT)); }
  return (v.w << HIGH_SHIFT) | (v.z >> (32u - HIGH_SHIFT));
}

fn jump(p: ptr<function, Walker>) {
  let x = (*p).x;
  let y = (*p).y;
  let z = (*p).z;
  let w = (*p).w;
  let word = jumps[x & (JUMPS - 1u)];
  let m = word >> 16u;
  let walking = x >= TAIL || (y | z | w) != 0u;
  let h0 = (x >> JUMP_BITS) | (y << (32u - JUMP_BITS));
  let x0 = (h0 & 0xffffu) * m + (word & 0xffffu);
  let x1 = (h0 >> 16u) * m + (x0 >> 16u);
  (*p).high = max((*p).high, high_of(vec4<u32>(x, y, z, w)));
  (*p).steps += select(0u, JUMP_BITS, walking);
  (*p).x = select(x, (x0 & 0xffffu) | (x1 << 16u), walking);
  if (LIMBS == 2u) {
    (*p).y = select(y, (y >> JUMP_BITS) * m + (x1 >> 16u), walking);
    return;
  }
  let h1 = (y >> JUMP_BITS) | (z << (32u - JUMP_BITS));
  let y0 = (h1 & 0xffffu) * m + (x1 >> 16u);
  let y1 = (h1 >> 16u) * m + (y0 >> 16u);
  (*p).y = select(y, (y0 & 0xffffu) | (y1 << 16u), walking);
  if (LIMBS == 3u) {
    (*p).z = select(z, (z >> JUMP_BITS) * m + (y1 >> 16u), walking);
    return;
  }
  let h2 = (z >> JUMP_BITS) | (w << (32u - JUMP_BITS));
  let z0 = (h2 & 0xffffu) * m + (y1 >> 16u);
  let z1 = (h2 >> 16u) * m + (z0 >> 16u);
  (*p).z = select(z, (z0 & 0xffffu) | (z1 << 16u), walking);
  (*p).w = select(w, (w >> JUMP_BITS) * m + (z1 >> 16u), walking);
}

fn ended(p: Walker) -> bool {
  let small = p.x < TAIL && (p.y | p.z | p.w) == 0u;
  return p.entry != 0u && (small || p.high >= WIDE || p.steps > MOST_STEPS);
}

// The lane's next walk, taken if `wanted`.
fn next_walk(lane: ptr<function, Lane>, unit: Unit, wanted: bool) -> Walker {
  let index = (*lane).next;
  (*lane).next += select(0u, LANES, wanted);
  let entry = class_of(unit, index);
  let d = entry.x;
  let c = entry.y & 31u;
  var p: Walker;
  p.entry = select(((entry.y >> 8u) << INDEX_BITS) | index, 0u, index >= unit.end);
  let base = bases[c];
  p.x = base.x + d;
  let carry = u32(p.x < d);
  p.y = base.y + carry;
  if (LIMBS > 2u) {
    let upper = upper_bases[c];
    let carry_y = u32(p.y < carry);
    p.z = upper.x + carry_y;
    if (LIMBS > 3u) { p.w = upper.y + u32(p.z < carry_y); }
  }
  return p;
}

// log2 in 64ths, rounded down, a chord between powers of two: at most 0.0861 + 1/64 too small. 0 < a.
fn chord_log(a: vec4<u32>) -> u32 {
  var top = a.x;
  var below = 0u;
  var base = 0u;
  if (a.y != 0u) { top = a.y; below = a.x; base = 32u; }
  if (a.z != 0u) { top = a.z; below = a.y; base = 64u; }
  if (a.w != 0u) { top = a.w; below = a.z; base = 96u; }
  let bit = firstLeadingBit(top);
  var mantissa = top << (31u - bit);
  if (bit < 31u) { mantissa |= below >> (bit + 1u); }
  return ((base + bit) << 6u) + ((mantissa & 0x7fffffffu) >> 25u);
}

// Odd values on the way from n to v < TAIL in `steps` steps of U, given chord_log of the start of n's row.
//
// log2 v = log2 n + odd · log2 3 - steps + e, where e sums log2(1 + 1/3x) < 0.481/x over the odd values x:
//  - in the first K <= 20 steps from n >= 2^24 the value after i steps is at least n/2^i: they sum to < 0.031;
//  - in a jump from v >= 2^18 to v' >= 2^18 it is at least max(v/2^i, v' · (2/3)^(10-i) - 1) > 2^14, and all of them
//    differ, as a path that repeats a value never ends. Fewer than 2720 odd numbers above 2^14 sum to < 0.07;
//  - the last jump begins at v >= 2^18: < 0.002.
// n's row spans log2(17/16) = 0.088 at most (16 <= n/2^20), and each chord is up to 0.102 too small. So what is
// divided by log2 3 here errs by -0.11 to +0.30; 50/64 more makes it +0.67 to +1.09 of log2 3 = 1.585 too much, and
// rounding down gives `odd`. 10337/2^14 is 1/log2 3 to 7 · 10^-6, for at most 2720 steps.
fn odd_steps(steps: u32, v: u32, log_start: u32) -> u32 {
  let bit = firstLeadingBit(v);
  let log_end = (bit << 6u) + (((v << (31u - bit)) & 0x7fffffffu) >> 25u);
  return (((steps << 6u) + log_end - log_start + 50u) * 10337u) >> 20u;
}

// Counts a walk that has ended, if `done`.
fn count_walk(p: Walker, done: bool, lane: ptr<function, Lane>, unit: Unit, log_start: u32) {
  let steps = p.steps + unit.bits;
  let tail = constants[TAIL_AT + ((p.x & (TAIL - 1u)) >> 1u)];
  let delay = steps + odd_steps(steps, p.x, log_start) + select(tail.x, tail.y, (p.x & 1u) != 0u);
  let sound = p.high < WIDE && p.steps <= MOST_STEPS && delay < LOCAL_BINS;
  let counted = done && sound;
  atomicAdd(&bins[select(0u, delay, counted)], select(0u, p.entry >> INDEX_BITS, counted));
  let index = p.entry & (INDICES - 1u);
  (*lane).key = max((*lane).key, select(0u, (delay << INDEX_BITS) + (INDICES - 1u - index), counted));
  (*lane).top = max((*lane).top, select(0u, min(p.high, WIDE), done));
  let high = select(0u, select(UNSOUND, p.high, sound), done);
  let first = high > (*lane).high;
  let second = high > (*lane).second;
  (*lane).third = max((*lane).third, min((*lane).second, high));
  (*lane).second_at = select(select((*lane).second_at, index, second), (*lane).high_at, first);
  (*lane).second = max((*lane).second, min((*lane).high, high));
  (*lane).high_at = select((*lane).high_at, index, first);
  (*lane).high = max((*lane).high, high);
}

fn replaced(p: Walker, by: Walker, here: bool) -> Walker {
  return Walker(
    select(p.x, by.x, here),
    select(p.y, by.y, here),
    select(p.z, by.z, here),
    select(p.w, by.w, here),
    select(p.steps, by.steps, here),
    select(p.high, by.high, here),
    select(p.entry, by.entry, here),
  );
}

fn walk_unit(unit: Unit, log_start: u32, lane_index: u32) -> Lane {
  var lane: Lane;
  lane.next = unit.begin + lane_index;
  var a = next_walk(&lane, unit, true);
  var b = next_walk(&lane, unit, true);
  var c = next_walk(&lane, unit, true);
  while ((a.entry | b.entry | c.entry) != 0u) {
    for (var i = 0u; i < ROUND; i++) {
      jump(&a);
      jump(&b);
      jump(&c);
    }
    let a_ended = ended(a);
    let b_ended = !a_ended && ended(b);
    let c_ended = !(a_ended || b_ended) && ended(c);
    let one_ended = a_ended || b_ended || c_ended;
    count_walk(replaced(replaced(a, b, b_ended), c, c_ended), one_ended, &lane, unit, log_start);
    let next = next_walk(&lane, unit, one_ended);
    a = replaced(a, next, a_ended);
    b = replaced(b, next, b_ended);
    c = replaced(c, next, c_ended);
  }
  return lane;
}
