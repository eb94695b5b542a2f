/** How many numbers of a range have each delay, and the running records of delays in the order of n. */
export const DELAYS: u32 = 4096;
export const HISTOGRAM: usize = memory.data(4096 * 8, 8);
/** Per record: offset (2 words), delay. */
export const RECORDS: usize = memory.data(4096 * 12, 8);
export let records: u32 = 0;
export let longest: i32 = -1;

export function reset(): void {
  memory.fill(HISTOGRAM, 0, 4096 * 8);
  records = 0;
  longest = -1;
}

// @ts-ignore: decorator
@inline
export function count(delay: u32, numbers: u32): void {
  const bin = HISTOGRAM + (<usize>delay << 3);
  store<u64>(bin, load<u64>(bin) + numbers);
}

/** Of the number at `offset`, which is larger than all before. Records rise and stay below 4096: there is room. */
export function offer(offset: u64, delay: u32): void {
  if (<i32>delay <= longest) return;
  const record = RECORDS + <usize>records * 12;
  store<u64>(record, offset);
  store<u32>(record, delay, 8);
  records++;
  longest = <i32>delay;
}
