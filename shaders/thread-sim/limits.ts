/** The largest values that workloads.md allows. By themselves, so that a page gets them without the schemas. */

/** Depths 0 … MAX_DEPTH exist, so arrays by depth have MAX_DEPTH + 1 entries. */
export const MAX_DEPTH = 32;
export const MAX_ROOTS = 2 ** 32;
/** Ticks of work of one thread. */
export const MAX_WORK = 2 ** 20;
/** Upper end of `max_threads`. */
export const MAX_TREE_THREADS = 2 ** 24;

/** What each whole-number parameter of a submit's body takes, and what it is when left out. */
export const THREAD_FIELDS = {
  thread_count: { min: 1, max: MAX_ROOTS, fallback: 1000 },
  max_depth: { min: 0, max: MAX_DEPTH, fallback: 10 },
  max_children: { min: 0, max: 4, fallback: 2 },
  spawn_threshold: { min: 0, max: 256, fallback: 160 },
  work_min: { min: 1, max: MAX_WORK, fallback: 10 },
  work_max: { min: 1, max: MAX_WORK, fallback: 1000 },
  max_threads: { min: 1, max: MAX_TREE_THREADS, fallback: 65_536 },
} as const;
export const MAX_SEED = 2n ** 64n - 1n;
