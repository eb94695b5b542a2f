/** What `bench` computes: each workload where its numbers differ in size. */

export interface Case {
  readonly type: string;
  readonly what: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  /** Where in the job's range the measuring begins. */
  readonly start: bigint;
  /** Length of one call of a kernel, as a tile of a batch would have it. */
  readonly tile: bigint;
  /** Length of one call of the plain reference. */
  readonly referenceTile: bigint;
}

const collatz = (mode: 'statistics' | 'verify', what: string, start: bigint): Case => ({
  type: 'collatz',
  what: `collatz ${mode} at ${what}`,
  parameters: { start: String(start), end: String(start + 2n ** 60n), mode },
  start,
  tile: mode === 'statistics' ? 1n << 20n : 1n << 28n,
  referenceTile: mode === 'statistics' ? 1n << 12n : 1n << 14n,
});

const thread = (what: string, parameters: Case['parameters'], tile: bigint): Case => ({
  type: 'thread',
  what: `thread, ${what}`,
  parameters: { ...parameters, thread_count: 2 ** 32 },
  start: 0n,
  tile,
  referenceTile: 1n << 6n,
});

export const CASES: readonly Case[] = [
  collatz('statistics', '1', 1n),
  collatz('statistics', '3·10^9', 3_000_000_000n),
  collatz('statistics', '2^40', 2n ** 40n),
  collatz('statistics', '2^68', 2n ** 68n),
  collatz('verify', '2^34', 2n ** 34n),
  collatz('verify', '2^40', 2n ** 40n),
  collatz('verify', '2^68', 2n ** 68n),
  thread('defaults', {}, 1n << 12n),
  thread(
    'depth 14, 3 children, threshold 120',
    { max_depth: 14, max_children: 3, spawn_threshold: 120 },
    1n << 10n,
  ),
];
