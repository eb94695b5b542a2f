/** The page's first sentence, from what it shows. */
import { MAX_TREE_THREADS } from '../../../shaders/thread-sim/limits.ts';
import { grouped } from '../format/figures.ts';
import type { Counted, Simulated } from './page-state.ts';

export function headline(counted: Counted | undefined, shown: Simulated | undefined): string {
  if (counted !== undefined && counted.totals === undefined) {
    return `One program, more than ${grouped(MAX_TREE_THREADS)} threads.`;
  }
  const threads = counted?.totals?.threads ?? shown?.program.threads;
  if (threads === undefined) return 'One program, many threads. How fast can it go?';
  if (threads === 1) return 'One program, one thread. No machine makes it faster.';
  return `One program, ${grouped(threads)} threads. How fast can it go?`;
}
