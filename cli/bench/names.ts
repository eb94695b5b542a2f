/** What can be named on the command line of `bench`. Apart, so that reading options loads nothing that computes. */

export const BENCH_WORKLOADS = ['verify', 'statistics', 'thread'] as const;
export type BenchWorkload = (typeof BENCH_WORKLOADS)[number];

/** Where numbers begin. */
export const MAGNITUDES = ['1', '2^32', '2^40', '2^68', '2^95'] as const;
export type Magnitude = (typeof MAGNITUDES)[number];
/** Of parameters of `thread`. */
export const THREAD_SETS = ['A', 'B', 'C', 'D', 'E', 'F', 'G'] as const;
export type ThreadSet = (typeof THREAD_SETS)[number];
export type Place = Magnitude | ThreadSet;
export const PLACES: readonly Place[] = [...MAGNITUDES, ...THREAD_SETS];

export const ENGINES = ['wasm', 'twin', 'wgsl'] as const;
export const YARDSTICKS = ['textbook', 'textbook-wgsl', 'c'] as const;
export type ProgramName = (typeof ENGINES)[number] | (typeof YARDSTICKS)[number];
export const PROGRAMS: readonly ProgramName[] = [...ENGINES, ...YARDSTICKS];
