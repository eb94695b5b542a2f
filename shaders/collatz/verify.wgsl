// collatz, mode verify: walks the candidates of a piece and tells, per cell, where large glide peaks may be.
//
// A piece is cut into cells of 2^19 numbers or more that don't cross a multiple of their length, so each lies in one
// block h·2^24 …: all its candidates have the same h, and differ in the residue alone. A workgroup takes cell after
// cell; a lane takes every LANES-th candidate of a cell.
//
// Output of a piece (verification-kernel.ts): words 0 … the numbers handed back, 251 the candidates, 252 the scale S;
// from 256 per cell the largest value that a jump began or ended at, >> S, and the offset of the lowest candidate that
// has it. No peak is exact here: the host computes the few cells that may hold a record.
// Constants: jump-tables.ts. Pieces that begin below 2^26 are left to the CPU.
//
// **One loop without branches.** The mean candidate needs 3 jumps, the slowest of 32 lanes 8: a lane that is done
// takes its next candidate in the same turn. The next one is loaded and made in every turn, whether it is taken or
// not: among 32 lanes one is nearly always done, and a software adapter executes every branch anyway. Everything rare
// is out of the loop: a lane remembers its largest value, and the candidate that outgrew its limbs.
//
// What the loop was on Mesa's lavapipe, one thread, at 2^40, million numbers a second (shared machine): branches and
// four limbs 330; this loop with one candidate a lane 2700; multiples of h selected, not loaded 3300; two jumps a turn
// 3900; jumps made anew instead of loaded 4450; two candidates a lane 5800; 16 lanes a workgroup 6500. Three or four
// candidates a lane: 5400 to 7000, and compiled for seconds. Jumps from a uniform buffer: no faster than from workgroup memory.
//
// **Limbs.** Values take LIMBS words, as the host says for where the piece lies: n below 2^36 in two, below 2^72 in
// three. SHIFT is at most 26, and a value of 32 + SHIFT bits above the lower limbs has outgrown them; a jump from below
// that stays within the limbs: (2^26 >> 10) · 3^10 < 2^32.
// @include lib/pieces.wgsl
// @include lib/limbs.wgsl

@group(0) @binding(3) var<storage, read> constants: array<u32>;

override LIMBS: u32 = 4u;
// S is this, and 32 for each limb but two.
override SHIFT: u32 = 26u;
override LANES: u32 = 64u;

const JUMP_BITS = 10u;
const JUMP_MASK = 1023u;
const UP = 22u;
// In the constants: per h mod 9 where the list of its candidates begins and how long it is; then the lists.
const LISTS = 1024u;
const ENTRIES = 1042u;

const SIEVE_BITS = 24u;
const BLOCK_MASK = 0xffffffu;
// The residues mod 32 that survive: 7, 15, 27, 31.
const LOW_RESIDUES = 0x1f1b0f07u;

// As in verification-kernel.ts.
const LIST_CAPACITY = 250u;
const COUNT_WORD = 251u;
const SCALE_WORD = 252u;
const HEADER_WORDS = 256u;
const ROWS = 1026u;
const ROW_WORDS = 2u;
const OUTPUT_WORDS = 2308u;
const LEAST_CELL_BITS = 19u;
// Two words for each lane and cell.
const SCRATCH_WORDS = 262656u;
// A cell whose lane turns so often is computed by the host. Per candidate of the lane, and at least.
const TURNS_PER_CANDIDATE = 64u;
const TURNS = 4096u;
const UNKNOWN = 0xffffffffu;
// Jumps in a turn: on a software adapter two loads, which the next candidates take, cost as much.
const JUMPS = 2u;

// With TABLE jumps are looked up in workgroup memory; else they are made anew, in 50 instructions. A software adapter
// loads lane by lane, and with any workgroup memory or barrier in a text it keeps all variables in memory.
// @if TABLE
var<workgroup> jumps: array<u32, 1024>;
// @end

// Cells of 2^this numbers, so that there is a row for each.
fn cell_bits(length: u32) -> u32 {
  var bits = LEAST_CELL_BITS;
  while ((length >> bits) + 2u > ROWS) { bits++; }
  return bits;
}

// An entry's residue, as far as the order goes: its bits from 5 on, and which of the four low ones it has.
fn order_of(residue: u32) -> u32 {
  let low = residue & 31u;
  return (residue >> 5u) * 4u + u32(low > 7u) + u32(low > 15u) + u32(low > 27u);
}

// Index of the first entry of a list whose residue is not below `residue`.
fn lower_bound(list: u32, residue: u32) -> u32 {
  let order = order_of(residue);
  var low = constants[LISTS + 2u * list];
  var high = low + constants[LISTS + 2u * list + 1u];
  while (low < high) {
    let middle = (low + high) >> 1u;
    if ((constants[ENTRIES + 2u * middle + 1u] >> 11u) < order) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}

// Each lane tells of each cell in the scratch: the largest value, and whose it is.
@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let piece = pieces[group.y];
  let result = group.y * OUTPUT_WORDS;
  if (is_unsieved(piece.start)) { return; }
  // @if TABLE
  for (var i = lane; i <= JUMP_MASK; i += LANES) { jumps[i] = constants[i]; }
  workgroupBarrier();
  // @end
  let bits = cell_bits(piece.length);
  let lead = piece.start.x & ((1u << bits) - 1u);
  let cells = ((lead + piece.length - 1u) >> bits) + 1u;
  for (var cell = group.x; cell < cells; cell += groups.x) {
    // Numbers of the cell, counted from the first multiple of 2^bits at or below the piece's start.
    let low_end = max(lead, cell << bits);
    let high_end = min(lead + piece.length, (cell + 1u) << bits);
    let n = limbs_add(piece.start, low_end - lead);
    let h = limbs_shift_right(n, SIEVE_BITS);
    // 2^24 = 1, 2^32 = 4 and 2^64 = 7 mod 9: n = h + r mod 9.
    let list = (h.x % 9u + 4u * (h.y % 9u) + 7u * (h.z % 9u)) % 9u;
    let residue = n.x & BLOCK_MASK;
    let first = lower_bound(list, residue);
    let end = lower_bound(list, residue + (high_end - low_end));
    let most = walk(result, piece.start.x, h, first, end, lane);
    let told = group.y * SCRATCH_WORDS + 2u * (cell * LANES + lane);
    scratch[told] = most.top;
    scratch[told + 1u] = most.offset;
    if (lane == 0u) { atomicAdd(&output[result + COUNT_WORD], end - first); }
  }
}

// A row of the output per lane: the largest of the cell's lanes, and the lowest offset that has it.
@compute @workgroup_size(64)
fn reduce(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let piece = pieces[group.y];
  let result = group.y * OUTPUT_WORDS;
  if (is_unsieved(piece.start)) { return; }
  if (group.x == 0u && lane == 0u) { atomicStore(&output[result + SCALE_WORD], SHIFT + 32u * (LIMBS - 2u)); }
  let bits = cell_bits(piece.length);
  let lead = piece.start.x & ((1u << bits) - 1u);
  let cells = ((lead + piece.length - 1u) >> bits) + 1u;
  for (var cell = group.x * 64u + lane; cell < cells; cell += groups.x * 64u) {
    var top = 0u;
    var offset = UNKNOWN;
    for (var i = 0u; i < LANES; i++) {
      let told = group.y * SCRATCH_WORDS + 2u * (cell * LANES + i);
      let other = scratch[told];
      let other_offset = scratch[told + 1u];
      let is_first = other > top || (other == top && other_offset < offset);
      top = select(top, other, is_first);
      offset = select(offset, other_offset, is_first);
    }
    atomicStore(&output[result + HEADER_WORDS + ROW_WORDS * cell], top);
    atomicStore(&output[result + HEADER_WORDS + ROW_WORDS * cell + 1u], offset);
  }
}

fn is_unsieved(n: vec4<u32>) -> bool {
  return (n.y | n.z | n.w) == 0u && n.x < (1u << 26u);
}

// h · 3^16 · factor.
fn climbed(h: vec4<u32>, factor: u32) -> vec4<u32> {
  return limbs_multiply_add(limbs_multiply_add(limbs_multiply_add(h, 6561u, 0u), 6561u, 0u), factor, 0u);
}

fn hand_back(result: u32, offset: u32) {
  let slot = atomicAdd(&output[result], 1u);
  if (slot < LIST_CAPACITY) { atomicStore(&output[result + 1u + slot], offset); }
}

// Candidates that a lane walks side by side: none waits for another's multiplications.
alias Two = vec2<u32>;
const NONE = Two(0u);

// U^10 of the numbers h·2^10 + r, as 3^c << 16 | d: the word of the table, or made anew. U^10(2^26 + r) is that word,
// since 2^26 + r = 2^16·2^10 + r, and no step passes 2^32: (2^26 + 2^10) · 1.5^10 < 2^32.
fn jump_words(r: Two) -> Two {
  // @if TABLE
  return Two(jumps[r.x], jumps[r.y]);
  // @end
  // @if !TABLE
  let five = shortcut(shortcut(shortcut(shortcut(shortcut(r | Two(1u << 26u))))));
  return shortcut(shortcut(shortcut(shortcut(shortcut(five)))));
  // @end
}

// U. For odd u, (3u + 1) / 2 = u / 2 + u + 1.
fn shortcut(u: Two) -> Two {
  return (u >> Two(1u)) + select(NONE, u + Two(1u), (u & Two(1u)) != NONE);
}

// The largest value of a lane, >> S, and the offset of the first candidate that has it.
struct Most {
  top: u32,
  offset: u32,
}

// The candidates of this lane in block h: entries from `first` to before `end`. `start`: the lowest limb of the piece's
// first number.
fn walk(result: u32, start: u32, h: vec4<u32>, first: u32, end: u32, lane: u32) -> Most {
  if (first + lane >= end) { return Most(0u, UNKNOWN); }
  let last = end - 1u;
  let block = limbs_shift_left(h, SIEVE_BITS);
  // h · 3^c. Selected from in each turn: loads at an index are made lane by lane.
  let climb16 = climbed(h, 1u);
  let climb17 = climbed(h, 3u);
  let climb18 = climbed(h, 9u);
  let climb19 = climbed(h, 27u);
  let climb20 = climbed(h, 81u);
  let climb21 = climbed(h, 243u);
  let climb22 = climbed(h, 729u);
  let climb23 = climbed(h, 2187u);
  let climb24 = climbed(h, 6561u);
  // Of the candidates that are walked: the lowest limb (the others are the block's), and the value. The first jump
  // finds 0 below n, and takes the first candidates.
  var n = Two(UNKNOWN);
  var x = NONE;
  var y = NONE;
  var z = NONE;
  var w = NONE;
  var at = NONE;
  var next = Two(first + lane, first + lane + LANES);
  var top_most = NONE;
  var top_at = NONE;
  var outgrown = NONE;
  var outgrown_at = NONE;
  var turns = TURNS + TURNS_PER_CANDIDATE * ((end - next.x) / LANES + 1u);
  while (min(at.x, at.y) < end && turns != 0u) {
    turns--;
    // The next candidates, 24 steps on: h · 3^c + d.
    let entry = Two(ENTRIES) + 2u * min(next, Two(last));
    let e0 = Two(constants[entry.x], constants[entry.y]);
    let e1 = Two(constants[entry.x + 1u], constants[entry.y + 1u]);
    let bit0 = (e1 & Two(0x80u)) != NONE;
    let bit1 = (e1 & Two(0x100u)) != NONE;
    let bit2 = (e1 & Two(0x200u)) != NONE;
    let bit3 = (e1 & Two(0x400u)) != NONE;
    let next_x = e0 + chosen(bit0, bit1, bit2, bit3, climb16.x, climb17.x, climb18.x, climb19.x, climb20.x, climb21.x, climb22.x, climb23.x, climb24.x);
    let carried = (e1 & Two(127u)) + select(NONE, Two(1u), next_x < e0);
    let next_y = carried + chosen(bit0, bit1, bit2, bit3, climb16.y, climb17.y, climb18.y, climb19.y, climb20.y, climb21.y, climb22.y, climb23.y, climb24.y);
    let carried_z = next_y < carried;
    let next_z = select(NONE, Two(1u), carried_z) + chosen(bit0, bit1, bit2, bit3, climb16.z, climb17.z, climb18.z, climb19.z, climb20.z, climb21.z, climb22.z, climb23.z, climb24.z);
    let next_w = select(NONE, Two(1u), carried_z & (next_z == NONE)) + chosen(bit0, bit1, bit2, bit3, climb16.w, climb17.w, climb18.w, climb19.w, climb20.w, climb21.w, climb22.w, climb23.w, climb24.w);
    let next_n = Two(block.x) | ((e1 >> Two(13u)) << Two(5u)) | ((Two(LOW_RESIDUES) >> ((e1 >> Two(8u)) & Two(24u))) & Two(31u));
    var waits = vec2<bool>(true);

    for (var jump = 0u; jump < JUMPS; jump++) {
      let word = jump_words(x & Two(JUMP_MASK));
      let m = word >> Two(16u);
      let s0 = (x >> Two(JUMP_BITS)) | (y << Two(UP));
      let x0 = (s0 & Two(0xffffu)) * m + (word & Two(0xffffu));
      let x1 = (s0 >> Two(16u)) * m + (x0 >> Two(16u));
      x = (x0 & Two(0xffffu)) | (x1 << Two(16u));
      var lower = x;
      var upper = NONE;
      if (LIMBS == 2u) {
        y = (y >> Two(JUMP_BITS)) * m + (x1 >> Two(16u));
        upper = y;
      } else {
        let s1 = (y >> Two(JUMP_BITS)) | (z << Two(UP));
        let y0 = (s1 & Two(0xffffu)) * m + (x1 >> Two(16u));
        let y1 = (s1 >> Two(16u)) * m + (y0 >> Two(16u));
        y = (y0 & Two(0xffffu)) | (y1 << Two(16u));
        if (LIMBS == 3u) {
          z = (z >> Two(JUMP_BITS)) * m + (y1 >> Two(16u));
          lower = y;
          upper = z;
        } else {
          let s2 = (z >> Two(JUMP_BITS)) | (w << Two(UP));
          let z0 = (s2 & Two(0xffffu)) * m + (y1 >> Two(16u));
          let z1 = (s2 >> Two(16u)) * m + (z0 >> Two(16u));
          z = (z0 & Two(0xffffu)) | (z1 << Two(16u));
          w = (w >> Two(JUMP_BITS)) * m + (z1 >> Two(16u));
          lower = z;
          upper = w;
        }
      }

      // What they came to.
      let top = (upper << Two(32u - SHIFT)) | (lower >> Two(SHIFT));
      let is_outgrown = (upper >> Two(SHIFT)) != NONE;
      let is_most = (top > top_most) & !is_outgrown;
      top_most = select(top_most, top, is_most);
      top_at = select(top_at, n, is_most);
      outgrown += select(NONE, Two(1u), is_outgrown & (at < Two(end)));
      outgrown_at = select(outgrown_at, n, is_outgrown);
      var below = (y < Two(block.y)) | ((y == Two(block.y)) & (x < n));
      if (LIMBS > 2u) { below = (z < Two(block.z)) | ((z == Two(block.z)) & below); }
      if (LIMBS > 3u) { below = (w < Two(block.w)) | ((w == Two(block.w)) & below); }

      // One that is done after the next candidate was taken walks on until the turn ends, which harms nothing.
      let takes = (below | is_outgrown) & waits;
      x = select(x, next_x, takes);
      y = select(y, next_y, takes);
      if (LIMBS > 2u) { z = select(z, next_z, takes); }
      if (LIMBS > 3u) { w = select(w, next_w, takes); }
      n = select(n, next_n, takes);
      at = select(at, next, takes);
      waits = waits & !takes;
    }
    next = select(next + Two(2u * LANES), next, waits);
  }
  if (outgrown.x == 1u) { hand_back(result, outgrown_at.x - start); }
  if (outgrown.y == 1u) { hand_back(result, outgrown_at.y - start); }
  // Two that outgrew their limbs, or one that never ends: the cell is the host's.
  if (max(outgrown.x, outgrown.y) > 1u || turns == 0u) { return Most(UNKNOWN, UNKNOWN); }
  let offsets = select(top_at - Two(start), Two(UNKNOWN), top_most == NONE);
  let is_first = top_most.x > top_most.y || (top_most.x == top_most.y && offsets.x < offsets.y);
  return Most(max(top_most.x, top_most.y), select(offsets.y, offsets.x, is_first));
}

// The c-th of nine, by the bits of c.
fn chosen(
  bit0: vec2<bool>, bit1: vec2<bool>, bit2: vec2<bool>, bit3: vec2<bool>,
  a: u32, b: u32, c: u32, d: u32, e: u32, f: u32, g: u32, h: u32, i: u32,
) -> Two {
  let low = select(select(Two(a), Two(b), bit0), select(Two(c), Two(d), bit0), bit1);
  let high = select(select(Two(e), Two(f), bit0), select(Two(g), Two(h), bit0), bit1);
  return select(select(low, high, bit2), Two(i), bit3);
}
