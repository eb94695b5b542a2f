/** How fast an engine of this device is, at several magnitudes: about a second for each. */
import type { MeasuredRate } from '../../../protocol/device-report.ts';
import type { Range } from '../../../protocol/range.ts';
import { cutTiles } from '../../../protocol/range.ts';
import type { Workload } from '../../../protocol/workload.ts';
import type { DeviceEngines } from './engines.ts';

interface Point {
  readonly name: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly start: bigint;
}

const MEASURE_MS = 1000;
/** A call this long is measured well; longer ones would keep a screen from being drawn. */
const CALL_MS = 100;
/** Beneath this the length grows faster. */
const SHORT_MS = 15;
const MOST_TILES = 16;
/** The first call is this part of a tile: a GPU in software takes seconds for sixteen whole ones. */
const FIRST_PART = 64n;

const END = (1n << 96n).toString();
const collatz = (mode: 'statistics' | 'verify', bits: bigint): Point => ({
  name: `${mode} near 2^${bits}`,
  parameters: { start: '1', end: END, mode },
  start: 1n << bits,
});
const POINTS: Readonly<Record<string, readonly Point[]>> = {
  collatz: [
    collatz('statistics', 30n),
    collatz('statistics', 40n),
    collatz('statistics', 68n),
    collatz('statistics', 95n),
    collatz('verify', 40n),
    collatz('verify', 68n),
    collatz('verify', 95n),
  ],
  thread: [
    { name: 'programs of 42 threads', parameters: { thread_count: 2 ** 32 }, start: 0n },
    {
      name: 'programs of 413 threads',
      parameters: {
        thread_count: 2 ** 32,
        max_depth: 14,
        max_children: 3,
        spawn_threshold: 120,
        seed: '42',
      },
      start: 0n,
    },
  ],
};

export interface Measurement extends Omit<MeasuredRate, 'units_per_second'> {
  /** @returns units per second */
  run(): Promise<number>;
}

/** @param now monotonic milliseconds */
export function measurements<P, T, A>(
  workload: Workload<P, T, A>,
  engines: DeviceEngines<P, A>,
  now: () => number,
): Measurement[] {
  const { type, unit } = workload;
  return (POINTS[type] ?? []).flatMap(({ name, parameters, start }) => {
    const p = workload.parameters.parse(parameters);
    const limits = workload.tileLimits(p);
    const shortest = limits.min / FIRST_PART > 0n ? limits.min / FIRST_PART : 1n;
    const made: Measurement[] = [
      {
        workload: type,
        name,
        engine: 'cpu',
        unit,
        run: () =>
          measure(shortest, limits.max, start, async (range) => {
            const before = now();
            await engines.cpu(p, range);
            return { units: range.end - range.start, elapsed_ms: now() - before };
          }),
      },
    ];
    const { gpuProgram } = engines;
    if (gpuProgram !== undefined) {
      const run = async () => {
        const program = await gpuProgram(p);
        try {
          const tiles = BigInt(Math.min(program.maxPieces, MOST_TILES));
          return await measure(shortest, limits.max, start, async ({ start: from, end }) => {
            const tile = end - from;
            const { elapsed_ms } = await program.dispatch([
              ...cutTiles({ start: from, end: from + tiles * tile }, tile),
            ]);
            return { units: tiles * tile, elapsed_ms };
          });
        } finally {
          program.destroy();
        }
      };
      made.push({ workload: type, name, engine: 'gpu', unit, run });
    }
    return made;
  });
}

/** Grows the length until a call takes long enough, then repeats it; the rate is that of calls of the last length. */
async function measure(
  min: bigint,
  max: bigint,
  start: bigint,
  call: (range: Range) => Promise<{ readonly units: bigint; readonly elapsed_ms: number }>,
): Promise<number> {
  let length = min;
  let spent_ms = 0;
  let units = 0n;
  let elapsed_ms = 0;
  let perSecond = 0;
  while (spent_ms < MEASURE_MS) {
    const one = await call({ start, end: start + length });
    // Browsers round their clocks: a call may seem to take no time.
    spent_ms += Math.max(one.elapsed_ms, 1);
    units += one.units;
    elapsed_ms += one.elapsed_ms;
    if (elapsed_ms > 0) perSecond = (Number(units) / elapsed_ms) * 1000;
    if (one.elapsed_ms >= CALL_MS || length === max) continue;
    const grown = length * (one.elapsed_ms < SHORT_MS ? 4n : 2n);
    length = grown < max ? grown : max;
    units = 0n;
    elapsed_ms = 0;
  }
  return perSecond;
}
