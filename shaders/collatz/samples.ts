import type { Range } from '../../protocol/range.ts';
import type { Sample } from '../../protocol/workload.ts';

const around = (n: bigint, before: bigint, after: bigint): Range => ({ start: n - before, end: n + after });

/** Starts whose paths pass 32, 53, 64, 112 (the limbs of walk.ts), 126 and 128 bits. */
const CLIMBERS = [
  159487n,
  319804831n,
  12327829503n,
  1980976057694848447n,
  48503373501652785087n,
  274133054632352106267n,
] as const;

/** Where engines change their width or their sieve. */
const EDGES = [16n, 26n, 32n, 49n, 53n, 56n, 64n, 80n].map((bits) => 1n << bits);

const END = (1n << 96n).toString();
const whole = { start: '1', end: END };

export const collatzSamples: readonly Sample[] = [
  {
    name: 'statistics from 1',
    parameters: { start: '1', end: '4000', mode: 'statistics' },
    ranges: [
      { start: 1n, end: 2n },
      { start: 1n, end: 4000n },
      { start: 6n, end: 700n },
    ],
  },
  {
    name: 'statistics where widths change',
    parameters: whole,
    ranges: EDGES.map((edge) => around(edge, 60n, 100n)),
  },
  {
    name: 'statistics of high climbers',
    parameters: { ...whole, batch_size: 100000 },
    ranges: CLIMBERS.map((n) => around(n, 20n, 40n)),
  },
  {
    name: 'statistics up to 2^96',
    parameters: { start_number: ((1n << 96n) - 1000n).toString(), number_count: 1000 },
    ranges: [{ start: (1n << 96n) - 120n, end: 1n << 96n }],
  },
  {
    name: 'verify from 1',
    parameters: { start: 1, end: 20000, mode: 'verify' },
    ranges: [
      { start: 1n, end: 4n },
      { start: 1n, end: 4000n },
    ],
  },
  {
    name: 'verify where sieves and widths change',
    parameters: { ...whole, mode: 'verify' },
    ranges: EDGES.slice(1).map((edge) => around(edge, 2000n, 3000n)),
  },
  {
    name: 'verify of high climbers and up to 2^96',
    parameters: { ...whole, mode: 'verify' },
    ranges: [
      ...CLIMBERS.slice(2).map((n) => around(n, 700n, 700n)),
      { start: (1n << 96n) - 4000n, end: 1n << 96n },
    ],
  },
];
