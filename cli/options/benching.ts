/** Options of `bench`. */
import { BENCH_WORKLOADS, ENGINES, PLACES, PROGRAMS, YARDSTICKS } from '../bench/names.ts';
import type { BenchWorkload, Place, ProgramName } from '../bench/names.ts';
import type { Option } from '../option.ts';
import { list, oneOf, seconds, whole } from './values.ts';

export const BENCH_PARTS = ['kernels', 'store', 'round-trips', 'job'] as const;
export type BenchPart = (typeof BENCH_PARTS)[number];

export const BENCH_ONLY: Option<readonly BenchPart[]> = {
  flag: 'only',
  value: 'PART,…',
  help: `${BENCH_PARTS.join(', ')}; job: what a cluster loses between a kernel and its job`,
  shown: 'all but job',
  fallback: ['kernels', 'store', 'round-trips'],
  parse: some(BENCH_PARTS),
};
export const BENCHED_WORKLOADS: Option<readonly BenchWorkload[]> = {
  flag: 'workloads',
  value: 'WORKLOAD,…',
  help: `${BENCH_WORKLOADS.join(', ')}; a job is verify where nothing is said`,
  shown: 'all',
  fallback: BENCH_WORKLOADS,
  parse: some(BENCH_WORKLOADS),
};
export const BENCHED_ENGINES: Option<readonly ProgramName[]> = {
  flag: 'engines',
  value: 'ENGINE,…',
  help: `${ENGINES.join(', ')}, and the yardsticks ${YARDSTICKS.join(', ')}`,
  shown: 'all',
  fallback: PROGRAMS,
  parse: some(PROGRAMS),
};
export const BENCHED_PLACES: Option<readonly Place[]> = {
  flag: 'at',
  value: 'PLACE,…',
  help: 'where numbers begin: 1, 2^32, 2^40, 2^68, 2^95; parameter sets of thread: A to G',
  shown: 'all; a job’s 2^40 and A',
  fallback: PLACES,
  parse: some(PLACES),
};
export const BENCH_SECONDS: Option<number> = {
  flag: 'seconds',
  value: 'N',
  help: 'how long each program is measured in each round',
  shown: '0.3',
  fallback: 0.3,
  parse: seconds(0.01, 60),
};
export const BENCH_ROUNDS: Option<number> = {
  flag: 'rounds',
  value: 'N',
  help: 'how often, in turn with the others',
  shown: '3',
  fallback: 3,
  parse: whole(1, 100),
};
export const JOB_SECONDS: Option<number> = {
  flag: 'job-seconds',
  value: 'N',
  help: 'how long a job should take',
  shown: '60',
  fallback: 60,
  parse: whole(1, 3600),
};

/** One or more of some words. */
function some<T extends string>(choices: readonly T[]): (text: string) => readonly T[] {
  const parse = list(oneOf(choices), choices.length);
  return (text) => {
    const chosen = [...new Set(parse(text))];
    if (chosen.length === 0) throw new Error(`one or more of ${choices.join(', ')}`);
    return chosen;
  };
}
