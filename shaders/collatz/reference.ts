/**
 * The definitions of workloads.md, word for word in big integers: no tables, no shortcuts, nothing shared with
 * the engines. For tests and the self-test, which compare every engine with it.
 */
import type { Range } from '../../protocol/range.ts';
import type { Statistics } from './statistics.ts';
import { EMPTY_STATISTICS } from './statistics.ts';
import type { Verification } from './verification.ts';
import { EMPTY_VERIFICATION } from './verification.ts';
import type { RunningRecord } from './records.ts';
import { Histogram } from './histogram.ts';

/** The standard map. */
const T = (x: bigint): bigint => (x % 2n === 0n ? x / 2n : 3n * x + 1n);
/** The shortcut map. */
const U = (x: bigint): bigint => (x % 2n === 0n ? x / 2n : (3n * x + 1n) / 2n);

export function referenceStatistics(range: Range): Statistics {
  const histogram: number[] = [];
  const delayRecords: RunningRecord<number>[] = [];
  const peakRecords: RunningRecord<bigint>[] = [];
  let delaySum = 0n;
  for (let n = range.start; n < range.end; n++) {
    let delay = 0;
    let peak = n;
    for (let x = n; x !== 1n;) {
      x = T(x);
      delay++;
      if (x > peak) peak = x;
    }
    while (histogram.length <= delay) histogram.push(0);
    histogram[delay] = (histogram[delay] ?? 0) + 1;
    delaySum += BigInt(delay);
    if (delayRecords.every(({ value }) => delay > value)) delayRecords.push({ n, value: delay });
    if (peakRecords.every(({ value }) => peak > value)) peakRecords.push({ n, value: peak });
  }
  return {
    ...EMPTY_STATISTICS,
    count: range.end - range.start,
    delaySum,
    histogram: Histogram.of(histogram),
    delayRecords,
    peakRecords,
  };
}

export function referenceVerification(range: Range): Verification {
  const peakRecords: RunningRecord<bigint>[] = [];
  let candidates = 0n;
  for (let n = range.start; n < range.end; n++) {
    if (!isCandidateByDefinition(n)) continue;
    candidates++;
    let peak = n;
    for (let x = T(n); x >= n; x = T(x)) if (x > peak) peak = x;
    if (peakRecords.every(({ value }) => peak > value)) peakRecords.push({ n, value: peak });
  }
  return { ...EMPTY_VERIFICATION, count: range.end - range.start, candidates, peakRecords };
}

export function isCandidateByDefinition(n: bigint): boolean {
  if (n < 2n ** 26n) return n % 4n === 3n;
  return [0n, 1n, 3n, 6n, 7n].includes(n % 9n) && survivesByDefinition(n % 2n ** 24n);
}

/** Does the residue r survive at every level k = 1 … 24? */
export function survivesByDefinition(r: bigint): boolean {
  for (let k = 1n; k <= 24n; k++) {
    const rk = r % 2n ** k;
    const own = shortcutSteps(rk, k);
    if (3n ** own.odd <= 2n ** k) return false;
    const before = shortcutSteps(rk - 1n, k);
    if (before.odd === own.odd && before.value === own.value) return false;
  }
  return true;
}

function shortcutSteps(x: bigint, k: bigint): { readonly odd: bigint; readonly value: bigint } {
  let odd = 0n;
  let value = x;
  for (let step = 0n; step < k; step++) {
    if (value % 2n !== 0n) odd++;
    value = U(value);
  }
  return { odd, value };
}
