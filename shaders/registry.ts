/**
 * The workloads that this build knows. Adding one is adding its folder and its line here
 * (docs/add-a-workload.md).
 *
 * `Workload` declares its functions as methods, which TypeScript compares bivariantly: so a
 * `Workload<P, T, A>` is a `Workload` (all three unknown) without a cast. Whoever holds one only ever hands
 * its own values back to it: parameters that its schema made, aggregates that its own functions made.
 */
import type { Workload } from '../protocol/workload.ts';
import { collatzWorkload } from './collatz/workload.ts';
import { threadWorkload } from './thread-sim/workload.ts';

const all: readonly Workload[] = [collatzWorkload, threadWorkload];

/** By type, in the order in which they are listed to people. */
export const workloads: ReadonlyMap<string, Workload> = new Map(
  all.map((workload) => [workload.type, workload]),
);

export function findWorkload(type: string): Workload | undefined {
  return workloads.get(type);
}
