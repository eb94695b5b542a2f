/** The aggregate of mode verify: how many numbers are settled, and the running records of the glide peaks. */
import type { Range } from '../../protocol/range.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Figure } from '../../protocol/workload.ts';
import type { Records, RunningRecord } from './records.ts';
import { mergeRecords, recordsProblem } from './records.ts';
import { countCandidates, firstCandidate, isCandidate } from './sieve.ts';
import { glidePeak } from './walk.ts';

export interface Verification {
  readonly mode: 'verify';
  readonly count: bigint;
  readonly candidates: bigint;
  /** Ascending. All others are settled. */
  readonly failures: readonly bigint[];
  readonly peakRecords: Records<bigint>;
}

export const EMPTY_VERIFICATION: Verification = {
  mode: 'verify',
  count: 0n,
  candidates: 0n,
  failures: [],
  peakRecords: [],
};

export function foldVerification(a: Verification, b: Verification): Verification {
  return {
    mode: 'verify',
    count: a.count + b.count,
    candidates: a.candidates + b.candidates,
    failures: [...a.failures, ...b.failures].sort((x, y) => (x < y ? -1 : x > y ? 1 : 0)),
    peakRecords: mergeRecords(a.peakRecords, b.peakRecords),
  };
}

/** Failures and records of some candidates, given in ascending order. They count as nothing else. */
export function walkCandidates(candidates: Iterable<bigint>): Verification {
  const failures: bigint[] = [];
  const peakRecords: RunningRecord<bigint>[] = [];
  for (const n of candidates) {
    const peak = glidePeak(n);
    if (peak === undefined) failures.push(n);
    else if (peak > (peakRecords.at(-1)?.value ?? 0n)) peakRecords.push({ n, value: peak });
  }
  return { ...EMPTY_VERIFICATION, failures, peakRecords };
}

/**
 * Contradictions in what claims to be the verification of `range`. The number of candidates follows from the
 * sieve exactly; a failure is a discovery, so it is believed only if this machine can't settle it either.
 */
export function checkVerification(range: Range, a: Verification): readonly string[] {
  const length = rangeLength(range);
  if (a.count !== length) return [`count is ${a.count}, but the range has ${length} numbers`];
  const candidates = countCandidates(range);
  if (a.candidates !== candidates) {
    return [`candidates is ${a.candidates}, but the range has ${candidates}`];
  }
  const shape = recordsProblem('peak_records', a.peakRecords, range);
  if (shape !== undefined) return [shape];
  const first = firstCandidate(range);
  const begins = first === undefined || !a.failures.includes(first);
  if (begins && a.peakRecords[0]?.n !== first) return ['peak_records must begin with the first candidate'];
  for (const { n, value } of a.peakRecords) {
    if (!isCandidate(n)) return [`${n} is no candidate`];
    const peak = glidePeak(n);
    if (peak !== value) return [`the glide peak of ${n} is ${peak ?? 'unknown'}, not ${value}`];
  }
  let before: bigint | undefined;
  for (const n of a.failures) {
    if (n < range.start || n >= range.end) return [`failures: ${n} lies outside the range`];
    if (before !== undefined && n <= before) return ['failures must ascend'];
    if (!isCandidate(n) || glidePeak(n) !== undefined) return [`failures: ${n} is settled`];
    before = n;
  }
  return [];
}

/** Walk steps of `checkVerification`, about. A glide has 100 steps, a failure is walked to the limit. */
export function checkVerificationSteps(a: Verification): number {
  return 500 * a.peakRecords.length + 1_000_000 * a.failures.length;
}

export function verificationResult(a: Verification): Record<string, unknown> {
  const peaks = a.peakRecords.map(({ n, value }) => ({ n: n.toString(), peak: value.toString() }));
  return {
    count: a.count.toString(),
    verified: (a.count - BigInt(a.failures.length)).toString(),
    candidates: a.candidates.toString(),
    failures: a.failures.map(String),
    max_peak: peaks.at(-1) ?? null,
    peak_records: peaks,
  };
}

/** The share of numbers that needed a walk: there is no delay to show. */
export function verificationFigure(a: Verification): Figure {
  return { sum: a.candidates, weight: a.count };
}
