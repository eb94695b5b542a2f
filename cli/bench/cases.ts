/** What `bench` computes: each workload where its numbers differ in size, `thread` with parameters of every shape. */
import { workloads } from '../../shaders/registry.ts';
import type { Workload } from '../../protocol/workload.ts';
import {
  MAGNITUDES,
  THREAD_SETS,
  type BenchWorkload,
  type Magnitude,
  type Place,
  type ThreadSet,
} from './names.ts';

export interface Case {
  /** `verify at 2^40`, `thread A`; unique. */
  readonly name: string;
  readonly workload: BenchWorkload;
  readonly place: Place;
  readonly type: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  /** Calls lie within [start, start + span). */
  readonly start: bigint;
  readonly span: bigint;
  /** A range that every program computes, the slowest too. */
  readonly small: { readonly start: bigint; readonly end: bigint };
  /** Of a WebAssembly kernel's first call, which grows from there. */
  readonly firstCall: bigint;
  /** What a C program is told after the range. */
  readonly programArguments: readonly string[];
}

/** Off every boundary of a sieve or a class, as a worker's pieces are. */
const ODD = 12_345n;

function startOf(place: Magnitude): bigint {
  if (place === '1') return 1n;
  return 2n ** BigInt(place.slice(2)) + ODD;
}

function collatz(workload: 'verify' | 'statistics', place: Magnitude): Case {
  const verify = workload === 'verify';
  const smallest = startOf(place);
  // Near 1 numbers are verified in milliseconds, and below 2^26 by another rule: the first seconds of a job are past it.
  const start = verify && place === '1' ? 2n ** 26n + ODD : smallest;
  const span = verify ? 2n ** 34n : 2n ** 28n;
  return {
    name: `${workload} at ${place}`,
    workload,
    place,
    type: 'collatz',
    parameters: { start: String(smallest), end: String(start + 4n * span), mode: workload },
    start,
    span,
    small: { start: smallest, end: smallest + (verify ? 2n ** 21n : 2n ** 15n) + ODD },
    firstCall: verify ? 2n ** 24n : 2n ** 17n,
    programArguments: [],
  };
}

/**
 * Depth, children, threshold, largest work, max_threads, and about how many threads a tree has.
 * A: the defaults. B: larger trees. C: chains. D: a third oversize. E: giants. F: single threads. G: a tenth oversize.
 */
const SETS: Readonly<Record<ThreadSet, readonly number[]>> = {
  A: [10, 2, 160, 1000, 65_536, 42],
  B: [14, 3, 120, 1000, 65_536, 413],
  C: [32, 1, 256, 1000, 65_536, 33],
  D: [32, 4, 80, 2 ** 20, 4096, 1800],
  E: [11, 4, 256, 1000, 2 ** 24, 5_592_405],
  F: [10, 0, 160, 1000, 65_536, 1],
  G: [20, 4, 72, 1000, 300, 60],
};

function thread(set: ThreadSet): Case {
  const [depth = 0, children = 0, threshold = 0, most = 0, limit = 0, perTree = 1] = SETS[set];
  const roots = (threads: number) => BigInt(Math.max(1, Math.round(threads / perTree)));
  const small = 7n;
  return {
    name: `thread ${set}`,
    workload: 'thread',
    place: set,
    type: 'thread',
    parameters: {
      thread_count: 2 ** 32,
      max_depth: depth,
      max_children: children,
      spawn_threshold: threshold,
      work_min: 10,
      work_max: most,
      max_threads: limit,
    },
    start: 0n,
    span: 2n ** 31n,
    small: { start: small, end: small + roots(2 ** 18) },
    firstCall: roots(2 ** 16),
    programArguments: [depth, children, threshold, 10, most, limit, 0].map(String),
  };
}

export const CASES: readonly Case[] = [
  ...MAGNITUDES.map((place) => collatz('verify', place)),
  ...MAGNITUDES.map((place) => collatz('statistics', place)),
  ...THREAD_SETS.map(thread),
];

export function caseOf(name: string): Case {
  const found = CASES.find((test) => test.name === name);
  if (found === undefined) throw new Error(`there is no case ${name}`);
  return found;
}

export function workloadOf({ type }: Case): Workload {
  const workload = workloads.get(type);
  if (workload === undefined) throw new Error(`no workload ${type}`);
  return workload;
}

/** Where the calls of a round begin: the golden section spreads any number of rounds, the same for every program. */
export function roundStart({ start, span }: Case, round: number): bigint {
  const part = ((round + 1) * 0.618_033_988_749_895) % 1;
  return start + ((span * BigInt(Math.floor(part * 2 ** 20))) >> 20n);
}
