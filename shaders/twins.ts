/** The TypeScript twin of each WebAssembly kernel, by the name of its compiled module. */
import type { KernelTwin } from '../protocol/workload.ts';
import { statisticsTwin } from './collatz/twin/statistics.ts';
import { verifyTwin } from './collatz/twin/verify.ts';
import { threadTwin } from './thread-sim/twin.ts';

export const twins: ReadonlyMap<string, KernelTwin> = new Map([
  ['collatz-statistics.wasm', statisticsTwin],
  ['collatz-verify.wasm', verifyTwin],
  ['thread-sim.wasm', threadTwin],
]);
