import type { ThreadParameters } from './parameters.ts';

/**
 * About how many threads an engine visits per root: the mean size of a tree without the limit, cut at
 * `max_threads`. The mean of the sizes cut one by one is at most this.
 */
export function expectedThreads(
  p: Pick<ThreadParameters, 'maxDepth' | 'maxChildren' | 'spawnThreshold' | 'maxThreads'>,
): number {
  const childrenPerThread = (p.maxChildren * p.spawnThreshold) / 256;
  let level = 1;
  let sum = 1;
  for (let depth = 1; depth <= p.maxDepth; depth++) sum += level *= childrenPerThread;
  return Math.min(sum, p.maxThreads);
}
