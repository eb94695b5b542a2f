/** Collects the cases of a device's test, runs them one by one, and counts by group. */
import type { CaseGroup } from '../../../protocol/device-report.ts';
import type { Draw, TestApi } from '../../../shaders/conformance.ts';

type GroupKey = Pick<CaseGroup, 'workload' | 'engine' | 'comparison'>;

export interface Case extends GroupKey {
  readonly name: string;
  run(): Promise<void> | void;
}

const MOST_FAILURES = 20;
const MOST_MESSAGE = 2000;

/**
 * The conformance suite's way to hand over its tests: names are `workload: comparison: sample`, with the GPU's name
 * after a comma.
 * @param runs how many random draws each property gets
 */
export function collector(cases: Case[], seed: number, runs: number): TestApi {
  const add = (name: string, run: Case['run']) => cases.push({ ...partsOf(name), run });
  return {
    test: (name, body) => void add(name, body),
    property: (name, body) =>
      void add(name, async () => {
        for (let run = 0; run < runs; run++) await body(drawer(seed + run));
      }),
  };
}

function partsOf(name: string): Omit<Case, 'run'> {
  const [workload = '', compared = '', ...rest] = name.split(': ');
  const [comparison = ''] = compared.split(', ');
  return {
    workload,
    engine: comparison.startsWith('GPU') ? 'gpu' : 'cpu',
    comparison,
    name: rest.join(': '),
  };
}

/** A small linear generator of 64 bits: the same seed draws the same numbers. */
export function drawer(seed: number): Draw {
  let state = BigInt(seed) * 2n + 1n;
  const word = () => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return state >> 32n;
  };
  return (max) => {
    // More bits than the answer has: what the remainder favours is below one in 2^32.
    let bits = 0n;
    for (let have = 0n; have <= max << 32n; have = (have << 32n) | 0xffff_ffffn)
      bits = (bits << 32n) | word();
    return bits % (max + 1n);
  };
}

/** Runs the cases in order. @param before called before each case */
export async function runCases(
  cases: readonly Case[],
  before: (index: number, failed: number) => Promise<void> | void,
): Promise<CaseGroup[]> {
  const groups = new Map<string, CaseGroup>();
  let failed = 0;
  for (const [index, { workload, engine, comparison, name, run }] of cases.entries()) {
    await before(index, failed);
    const key = `${workload} ${engine} ${comparison}`;
    const group = groups.get(key) ?? { workload, engine, comparison, passed: 0, failed: 0, failures: [] };
    groups.set(key, group);
    try {
      await run();
      group.passed++;
    } catch (error) {
      failed++;
      group.failed++;
      const message = error instanceof Error ? error.message : String(error);
      if (group.failures.length < MOST_FAILURES) {
        group.failures.push({ name, message: message.slice(0, MOST_MESSAGE) });
      }
    }
  }
  return [...groups.values()];
}
