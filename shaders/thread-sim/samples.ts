/** Cases for the conformance suite: between them every branch of the kernels, short enough for the reference. */
import type { Sample } from '../../protocol/workload.ts';

const range = (start: number, end: number) => ({ start: BigInt(start), end: BigInt(end) });

export const threadSamples: readonly Sample[] = [
  { name: 'defaults', parameters: {}, ranges: [range(0, 1), range(0, 100), range(970, 1000)] },
  {
    name: 'three children, depth 14, seed 42',
    parameters: { thread_count: 20000, max_depth: 14, max_children: 3, spawn_threshold: 120, seed: '42' },
    ranges: [range(16651, 16654), range(0, 10)],
  },
  {
    name: 'chains: each thread forks exactly one',
    parameters: { max_depth: 32, max_children: 1, spawn_threshold: 256 },
    ranges: [range(0, 70)],
  },
  {
    name: 'chains of length 1',
    parameters: { max_depth: 0, max_children: 4, spawn_threshold: 256 },
    ranges: [range(0, 300)],
  },
  { name: 'no children', parameters: { max_children: 0, spawn_threshold: 256 }, ranges: [range(500, 800)] },
  { name: 'threshold 0', parameters: { max_children: 4, spawn_threshold: 0 }, ranges: [range(0, 65)] },
  {
    name: 'full trees of exactly max_threads',
    parameters: { max_depth: 5, max_children: 4, spawn_threshold: 256, max_threads: 1365 },
    ranges: [range(0, 4)],
  },
  {
    name: 'full trees of one more than max_threads',
    parameters: { max_depth: 5, max_children: 4, spawn_threshold: 256, max_threads: 1364 },
    ranges: [range(0, 4)],
  },
  {
    name: 'some oversize, wide work, high seed',
    parameters: {
      thread_count: 2 ** 32,
      max_depth: 32,
      max_children: 4,
      spawn_threshold: 80,
      work_min: 1,
      work_max: 2 ** 20,
      max_threads: 300,
      seed: '18446744073709551615',
    },
    ranges: [range(0, 90), range(2 ** 32 - 40, 2 ** 32)],
  },
  {
    name: 'only single threads are not oversize',
    parameters: { max_threads: 1, seed: '4294967296' },
    ranges: [range(0, 200)],
  },
  {
    name: 'all work the same, largest',
    parameters: { max_depth: 20, max_children: 4, spawn_threshold: 72, work_min: 2 ** 20, work_max: 2 ** 20 },
    ranges: [range(0, 40)],
  },
  {
    name: 'one tick of work: forks at the start of their parents',
    parameters: { work_min: 1, work_max: 1, seed: '281474976710656' },
    ranges: [range(0, 60)],
  },
];
