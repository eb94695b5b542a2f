/**
 * How long a fork-join program takes on P processors: any greedy schedule of work W and span S lies between
 * max(S, ⌈W/P⌉) and S + ⌊(W − S)/P⌋ (Graham 1969, Brent 1974). All in ticks.
 */

/** The machine sizes that results speak of: 1, 2, 4 … 1024. */
export const PROCESSORS: readonly number[] = Array.from({ length: 11 }, (_, exponent) => 2 ** exponent);

export interface Makespan {
  readonly lower: bigint;
  readonly upper: bigint;
}

/** Both bounds for one program with 0 ≤ span ≤ work. */
export function makespanBounds(work: bigint, span: bigint, processors: number): Makespan {
  const p = BigInt(processors);
  const share = (work + p - 1n) / p;
  return { lower: share > span ? share : span, upper: span + (work - span) / p };
}
