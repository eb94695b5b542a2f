/**
 * What ends every walk over residue classes: for n below 2^19, how many values on the path from n to 1 are odd.
 * 512 KB, one byte each (the most is 174), which stay in the second cache. The delay follows from that number and from n
 * (class-block.ts), so no walk adds steps up. With 2^18 entries it was a tenth slower at 2^40, with 2^20 no faster.
 */
export const TAIL: u32 = 1 << 19;
/** No path from below TAIL climbs higher: 270271 reaches this. A test holds it. */
export const TAIL_PEAK: u64 = 24648077896;
export const ODD: usize = memory.data(1 << 19, 64);
/** Numbers a call: V8 replaces its baseline code by optimised code only between calls. */
const SLICE: u32 = 4096;

export function prepare(): void {
  for (let n: u32 = 2; n < TAIL; n += SLICE) slice(n, min(n + SLICE, TAIL));
}

function slice(from: u32, to: u32): void {
  for (let n = from; n < to; n++) {
    let x: u64 = n;
    let odd: u32 = 0;
    while (x >= <u64>n) {
      if ((x & 1) != 0) {
        x = (3 * x + 1) >> 1;
        odd++;
      } else {
        x >>= 1;
      }
    }
    store<u8>(ODD + <usize>n, <u8>(odd + load<u8>(ODD + <usize>x)));
  }
}
