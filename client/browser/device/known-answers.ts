/** Answers that are known from elsewhere, as cases for every engine of a device. */
import type { Workload } from '../../../protocol/workload.ts';
import type { Engines, TestApi } from '../../../shaders/conformance.ts';

interface KnownAnswer {
  readonly name: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  /** Fields of the public result. */
  readonly expected: Readonly<Record<string, unknown>>;
}

/** By type of workload. Collatz: OEIS A006877, A006884; the two thread jobs are those of the workload's definition. */
const KNOWN: Readonly<Record<string, readonly KnownAnswer[]>> = {
  collatz: [
    {
      name: '27 climbs to 9232 and takes 111 steps',
      parameters: { start: '27', end: '28' },
      expected: { max_delay: { n: '27', delay: 111 }, max_peak: { n: '27', peak: '9232' } },
    },
    {
      name: 'the longest way and the highest peak below a million',
      parameters: { start: '1', end: '1000000' },
      expected: {
        count: '999999',
        max_delay: { n: '837799', delay: 524 },
        max_peak: { n: '704511', peak: '56991483520' },
      },
    },
    {
      name: 'a peak past 2^136',
      parameters: { start: '274133054632352106267', end: '274133054632352106268' },
      expected: {
        max_peak: { n: '274133054632352106267', peak: '113298124744388651798242538014293435290632' },
      },
    },
    {
      name: 'every number below a million is settled',
      parameters: { start: '1', end: '1000000', mode: 'verify' },
      expected: {
        verified: '999999',
        failures: [],
        max_peak: { n: '704511', peak: '56991483520' },
      },
    },
  ],
  thread: [
    {
      name: 'a thousand programs, all defaults',
      parameters: {},
      expected: {
        threads: '42336',
        work: '21423666',
        span: '2811259',
        max_threads: { root: 816, threads: 204 },
        max_work: { root: 768, work: 108082 },
        max_span: { root: 642, span: 5332 },
      },
    },
    {
      name: 'twenty thousand programs, three children, seed 42',
      parameters: { thread_count: 20000, max_depth: 14, max_children: 3, spawn_threshold: 120, seed: '42' },
      expected: {
        threads: '8253976',
        work: '4167224868',
        span: '82123457',
        max_threads: { root: 16652, threads: 3610 },
        max_span: { root: 9290, span: 7679 },
      },
    },
  ],
};
const TILES = 16n;

export function knownAnswers<P, T, A>(
  api: TestApi,
  workload: Workload<P, T, A>,
  engines: Engines<P, A>,
): void {
  for (const { name, parameters, expected } of KNOWN[workload.type] ?? []) {
    const p = workload.parameters.parse(parameters);
    const range = workload.range(p);
    const compare = (aggregate: A) => {
      const found = workload.result(p, aggregate);
      for (const [field, answer] of Object.entries(expected)) {
        const [was, is] = [JSON.stringify(found[field]), JSON.stringify(answer)];
        if (was !== is) throw new Error(`${field}: found ${was}, the answer is ${is}`);
      }
    };
    api.test(`${workload.type}: CPU, known answers: ${name}`, async () =>
      compare(await engines.cpu(p, range)),
    );
    for (const gpu of engines.gpus) {
      api.test(`${workload.type}: GPU, known answers: ${name}`, async () => {
        const { max } = workload.tileLimits(p);
        const tile = 1n + (range.end - range.start) / TILES;
        compare(await gpu.compute(p, range, tile < max ? tile : max));
      });
    }
  }
}
