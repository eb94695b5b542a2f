/**
 * The ratios that the project holds itself to (issue "Kernels at the limit"), each with what it is to be at least and
 * what to go for. Only software adapters have targets: a real GPU is another device than the thread that C runs on.
 */
import type { JobRate } from './job.ts';
import type { Rate } from './kernels.ts';
import type { BenchWorkload, Place, ProgramName } from './names.ts';
import { ratioOf, type Spread } from './spread.ts';

export interface Ratio {
  readonly what: string;
  /** Median and spread over the rounds; NaN: not measured in this run. */
  readonly found: Spread;
  readonly atLeast: number | null;
  readonly goFor: number | null;
}

interface Target {
  readonly workload: BenchWorkload;
  readonly above: ProgramName;
  readonly below: ProgramName;
  readonly at: readonly {
    readonly places: readonly Place[];
    readonly atLeast: number;
    readonly goFor: number;
  }[];
}

const FAR: readonly Place[] = ['2^40', '2^68'];
const SETS: readonly Place[] = ['A', 'B', 'C', 'D', 'E', 'F', 'G'];

const TARGETS: readonly Target[] = [
  { workload: 'verify', above: 'wasm', below: 'c', at: [{ places: FAR, atLeast: 0.85, goFor: 1.2 }] },
  { workload: 'verify', above: 'wgsl', below: 'c', at: [{ places: FAR, atLeast: 0.28, goFor: 0.6 }] },
  {
    workload: 'statistics',
    above: 'wasm',
    below: 'textbook',
    at: [
      { places: ['2^40'], atLeast: 25, goFor: 40 },
      { places: ['2^68'], atLeast: 20, goFor: 35 },
    ],
  },
  { workload: 'statistics', above: 'wgsl', below: 'c', at: [{ places: FAR, atLeast: 0.12, goFor: 0.35 }] },
  { workload: 'thread', above: 'wasm', below: 'twin', at: [{ places: SETS, atLeast: 1.6, goFor: 2.5 }] },
  { workload: 'thread', above: 'wasm', below: 'c', at: [{ places: SETS, atLeast: 0.2, goFor: 0.35 }] },
  {
    workload: 'thread',
    above: 'wgsl',
    below: 'c',
    at: [
      // E is giants alone, which are left to the CPU.
      { places: ['A', 'B', 'C', 'F', 'G'], atLeast: 0.09, goFor: 0.2 },
      { places: ['D'], atLeast: 0.04, goFor: 0.1 },
    ],
  },
  { workload: 'verify', above: 'twin', below: 'wasm', at: [{ places: FAR, atLeast: 0.1, goFor: 0.2 }] },
];

/** Of verify, of the same program. */
const FARTHEST = { above: '2^95', below: '2^68', atLeast: 0.5, goFor: 0.9 } as const;

/** Those whose both sides were measured. */
export function ratiosOf(rates: readonly Rate[], jobs: readonly JobRate[]): Ratio[] {
  return [...targeted(rates), ...farthest(rates), ...jobs.map(jobRatio)];
}

function* targeted(rates: readonly Rate[]): Generator<Ratio> {
  for (const { workload, above, below, at } of TARGETS) {
    for (const { places, atLeast, goFor } of at) {
      for (const place of places) {
        const here = rates.filter((rate) => rate.workload === workload && rate.place === place);
        const yardstick = here.find(({ engine }) => engine === below);
        if (yardstick === undefined) continue;
        for (const rate of here.filter(({ engine }) => engine === above)) {
          yield {
            what: `${rate.case}, ${rate.title} : ${yardstick.title}`,
            found: ratioOf(rate.samples, yardstick.samples),
            ...targetFor(rate, atLeast, goFor),
          };
        }
      }
    }
  }
}

function* farthest(rates: readonly Rate[]): Generator<Ratio> {
  for (const far of rates) {
    if (far.workload !== 'verify' || far.place !== FARTHEST.above) continue;
    if (far.engine !== 'wasm' && far.engine !== 'wgsl') continue;
    const near = rates.find(
      ({ workload, place, title }) =>
        workload === 'verify' && place === FARTHEST.below && title === far.title,
    );
    if (near === undefined) continue;
    yield {
      what: `verify at ${FARTHEST.above} : at ${FARTHEST.below}, ${far.title}`,
      found: ratioOf(far.samples, near.samples),
      atLeast: FARTHEST.atLeast,
      goFor: FARTHEST.goFor,
    };
  }
}

function targetFor({ adapter, software }: Rate, atLeast: number, goFor: number) {
  return adapter === null || software ? { atLeast, goFor } : { atLeast: null, goFor: null };
}

function jobRatio({ title, what, kind, efficiency }: JobRate): Ratio {
  const [atLeast, goFor] = kind === 'cpu' ? [0.97, 0.99] : [0.95, 0.98];
  return {
    what: `${what}, a job's rate : its kernel's, ${title}`,
    found: { median: efficiency, spread: 0, least: efficiency, most: efficiency },
    atLeast,
    goFor,
  };
}
