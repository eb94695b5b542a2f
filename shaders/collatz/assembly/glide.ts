/**
 * What a wave (verify-wave.ts) does with the few values that are not plainly uninteresting: it decides exactly
 * whether a candidate's glide peak is a running record.
 *
 * **Exact peaks, almost free.** Inside a jump of 12 steps from v ≥ 2^12 no value of T exceeds v << growth(r): see
 * walk.ts. So a jump from v ≤ known >> 9 can't hold a new record, which a wave tests by one compare; what passes
 * that, and the sharper bound of its residue here, is walked from n on step by step, and that walk alone decides.
 */
import * as handedBack from './handed-back.ts';
import * as stairs from './stairs.ts';
import * as u128 from './uint128.ts';
import * as walk from './walk.ts';

/** Most growth of a jump, in bits. */
export const GROWTH_BITS: u64 = 9;
/** Jumps from here on may pass 2^128: high word. */
const TOO_WIDE: u64 = 1 << 55;
/** Steps of T after which a glide is left to the host. */
const MAX_ODD: u32 = 4200;
const MAX_JUMPS: u32 = 350;

/** Low word of the first number of the range: offsets are counted from it, and are less than 2^64. */
let startLo: u64 = 0;

export function begin(lo: u64): void {
  startLo = lo;
  stairs.reset();
  handedBack.reset();
}

/** Walks n until its value is below n and puts its peak among the records; hands n back if it climbs too high. */
export function decide(nHi: u64, nLo: u64): void {
  const offset = nLo - startLo;
  let peakHi = nHi;
  let peakLo = nLo;
  u128.stripZeros(nHi, nLo);
  let xHi = u128.hi;
  let xLo = u128.lo;
  for (let odd: u32 = 0; !u128.greater(nHi, nLo, xHi, xLo); odd++) {
    if (xHi >> 62 != 0 || odd > MAX_ODD) {
      handedBack.add(offset);
      return;
    }
    u128.multiplyAdd(xHi, xLo, 3, 1);
    if (u128.greater(u128.hi, u128.lo, peakHi, peakLo)) {
      peakHi = u128.hi;
      peakLo = u128.lo;
    }
    u128.stripZeros(u128.hi, u128.lo);
    xHi = u128.hi;
    xLo = u128.lo;
  }
  stairs.put(offset, peakHi, peakLo);
}

/** What the peaks from the number with this low word on have to exceed, at least; in u128. */
export function known(lo: u64): void {
  stairs.known(lo - startLo);
}

/** May a jump of `growth` bits from v hold a value above what n has to exceed? */
export function mayBeRecord(nLo: u64, vHi: u64, vLo: u64, growth: u64): bool {
  stairs.known(nLo - startLo);
  u128.shiftRight(u128.hi, u128.lo, growth);
  return u128.greater(vHi, vLo, u128.hi, u128.lo);
}

/** The same for the next jump; if it may, n is decided, which settles it. */
export function decidedByDoubt(nHi: u64, nLo: u64, vHi: u64, vLo: u64): bool {
  if (!mayBeRecord(nLo, vHi, vLo, walk.jumpGrowth(walk.jump(vLo)))) return false;
  decide(nHi, nLo);
  return true;
}

/** Jumps on in 128 bits until the value is below n: for what has outgrown its wave. */
export function finish(nHi: u64, nLo: u64, fromHi: u64, fromLo: u64): void {
  let vHi = fromHi;
  let vLo = fromLo;
  for (let jumps: u32 = 0; !u128.greater(nHi, nLo, vHi, vLo); jumps++) {
    if (vHi >= TOO_WIDE || jumps > MAX_JUMPS) {
      handedBack.add(nLo - startLo);
      return;
    }
    if (decidedByDoubt(nHi, nLo, vHi, vLo)) return;
    const entry = walk.jump(vLo);
    u128.shiftRight(vHi, vLo, walk.JUMP_BITS);
    u128.multiplyAdd(u128.hi, u128.lo, walk.jumpFactor(entry), walk.jumpOffset(entry));
    vHi = u128.hi;
    vLo = u128.lo;
  }
}

/** How many bits what the numbers from `lo` on have to exceed is above (nHi, nLo); −1 if it is not. */
export function headroom(lo: u64, nHi: u64, nLo: u64): i64 {
  stairs.known(lo - startLo);
  const hi = u128.hi;
  const low = u128.lo;
  let bits: i64 = -1;
  while (bits < 63) {
    u128.shiftRight(hi, low, bits + 1);
    if (u128.greater(nHi, nLo, u128.hi, u128.lo)) break;
    bits++;
  }
  return bits;
}
