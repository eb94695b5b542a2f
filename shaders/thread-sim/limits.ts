/** The largest values that workloads.md allows. By themselves, so that a page gets them without the schemas. */

/** Depths 0 … MAX_DEPTH exist, so arrays by depth have MAX_DEPTH + 1 entries. */
export const MAX_DEPTH = 32;
export const MAX_ROOTS = 2 ** 32;
/** Ticks of work of one thread. */
export const MAX_WORK = 2 ** 20;
/** Upper end of `max_threads`. */
export const MAX_TREE_THREADS = 2 ** 24;
