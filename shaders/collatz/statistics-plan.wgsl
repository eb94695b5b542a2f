// How statistics.wgsl divides a piece: rows of 2^20 or 2^16 aligned numbers, one walk per residue class (classes.ts),
// and what a row's walks leave to the CPU. statistics-plan.ts does the same; both depend on the piece alone.
// @include lib/pieces.wgsl
// @include lib/limbs.wgsl

// Tables by pairs: a load of two neighbours costs hardly more than one, on a GPU and in lavapipe.
@group(0) @binding(3) var<storage, read> constants: array<vec2<u32>>;

// Positions in `constants`, in pairs; see statisticsConstants in jump-tables.ts.
const JUMP_LINES_AT = 512u;
const TAIL_AT = 1536u;
const CLASSES_16_AT = TAIL_AT + (TAIL >> 1u);
const CLASSES_20_AT = CLASSES_16_AT + CLASSES_16;
const CLASSES_16 = 19275u;
const CLASSES_20 = 246912u;
const JUMP_BITS = 10u;
const JUMPS = 1024u;
// Delays below are looked up.
const TAIL = 1u << 18u;

// Numbers below are the CPU's.
const FLOOR = 1u << 24u;
// A row of 2^20 is walked by so many workgroups.
const PARTS = 4u;
const MAX_UNITS = 544u;

// Output of a piece: how many walks were handed back and which (row · 2^18 + index), bits below `high`; bins; then per unit: key of the
// longest delay, highest `high`, largest settled peak (4 limbs), its index + 1, `high` of the largest peak known.
const HEADER_WORDS = 64u;
const BINS = 4096u;
const UNIT_WORDS = 8u;
const UNITS_AT = HEADER_WORDS + BINS;
const OUTPUT_WORDS = UNITS_AT + MAX_UNITS * UNIT_WORDS;
const KEY = 0u;
const TOP = 1u;
const PEAK = 2u;
const PEAK_AT = 6u;
const REACHED = 7u;
// Of an index among the walks of a row; also the place of the delay in a key.
const INDEX_BITS = 18u;
const INDICES = 1u << INDEX_BITS;

// Scratch of a unit: per lane the highest, its index, the second, its index, the third; then whether it was recounted.
const MAX_LANES = 128u;
const RECOUNTED = 5u * MAX_LANES;
const UNIT_SCRATCH = RECOUNTED + 1u;
const SCRATCH_WORDS = MAX_UNITS * UNIT_SCRATCH;

struct Plan {
  // Units: first those of the rows of 2^16 before the rows of 2^20, then those of the rows of 2^20, then the rest.
  units: u32,
  before: u32,
  middle: u32,
  // Offsets of the first rows of the three kinds.
  first: u32,
  first_middle: u32,
  first_after: u32,
  // No aligned 2^16 in the piece: rows of 2^16 from `first` on, walked number by number.
  plain: bool,
}

fn plan_of(piece: Piece) -> Plan {
  let x = piece.start.x;
  let low = (piece.start.y | piece.start.z | piece.start.w) == 0u && x < FLOOR;
  let skip = select(0u, min(FLOOR - x, piece.length), low);
  let first = skip + ((0u - (x + skip)) & 0xffffu);
  let over = (x + piece.length) & 0xffffu;
  if (piece.length < over || piece.length - over <= first) {
    return Plan((piece.length - skip + 0xffffu) >> 16u, 0u, 0u, skip, 0u, 0u, true);
  }
  let end = piece.length - over;
  let first_middle = first + ((0u - (x + first)) & 0xfffffu);
  var rows = 0u;
  if (first_middle < end) { rows = (end - first_middle) >> 20u; }
  if (rows == 0u) {
    let all = (end - first) >> 16u;
    return Plan(all, all, 0u, first, 0u, 0u, false);
  }
  let before = (first_middle - first) >> 16u;
  let first_after = first_middle + (rows << 20u);
  let units = before + rows * PARTS + ((end - first_after) >> 16u);
  return Plan(units, before, rows * PARTS, first, first_middle, first_after, false);
}

// Walks `begin` … `end` - 1 of a row.
struct Unit {
  row: u32,
  // Offset of the row in the piece.
  offset: u32,
  // K; 0: each number is walked.
  bits: u32,
  classes_at: u32,
  begin: u32,
  end: u32,
  // Index of the row's first unit.
  row_unit: u32,
}

fn unit_of(plan: Plan, length: u32, index: u32) -> Unit {
  if (plan.plain) {
    let offset = plan.first + (index << 16u);
    return Unit(index, offset, 0u, 0u, 0u, min(length - offset, 1u << 16u), index);
  }
  if (index < plan.before) {
    return Unit(index, plan.first + (index << 16u), 16u, CLASSES_16_AT, 0u, CLASSES_16, index);
  }
  let inner = index - plan.before;
  if (inner < plan.middle) {
    let row = inner / PARTS;
    let part = inner % PARTS;
    return Unit(plan.before + row, plan.first_middle + (row << 20u), 20u, CLASSES_20_AT,
      CLASSES_20 / PARTS * part, CLASSES_20 / PARTS * (part + 1u), plan.before + row * PARTS);
  }
  let last = inner - plan.middle;
  return Unit(plan.before + plan.middle / PARTS + last, plan.first_after + (last << 16u), 16u, CLASSES_16_AT,
    0u, CLASSES_16, index);
}

// d, and weight · 2^8 + c, of a walk: its first value is floor(row start / 2^K) · 3^c + d.
fn class_of(unit: Unit, index: u32) -> vec2<u32> {
  let entry = constants[unit.classes_at + min(index, unit.end - 1u)];
  return select(entry, vec2<u32>(index, 1u << 8u), unit.bits == 0u);
}

// a · 3^c for c <= 20
fn times_power(a: vec4<u32>, c: u32) -> vec4<u32> {
  var product = a;
  for (var i = 0u; i < c; i++) { product = limbs_multiply_add(product, 3u, 0u); }
  return product;
}

// floor(a / 2^bits) for bits < 32
fn quotient(a: vec4<u32>, bits: u32) -> vec4<u32> {
  if (bits == 0u) { return a; }
  return limbs_shift_right(a, bits);
}
