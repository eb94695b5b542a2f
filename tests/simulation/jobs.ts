/** The jobs that simulated clusters compute, with the plain reference's answers. */
import type { Range } from '../../protocol/range.ts';
import { isWithin, rangeLength } from '../../protocol/range.ts';
import type { Workload } from '../../protocol/workload.ts';
import { workloads } from '../../shaders/registry.ts';
import type { Programs } from './programs.ts';

export interface Template {
  readonly name: string;
  readonly type: string;
  readonly workload: Workload;
  /** As in a submit body. */
  readonly body: Record<string, string | number>;
  /** As the workload's schema reads them. */
  readonly parameters: unknown;
  readonly range: Range;
  /** Units per second of a usual simulated worker. */
  readonly rate: number;
}

/** Time that one usual worker would need for a whole job: some tens of batches of the shorter kind. */
const JOB_SECONDS = 50;

/**
 * Workloads with tiles so short that a range of some thousands makes many batches. The self-test's answers are
 * computed once for all simulated workers: the plain reference is slow.
 */
export const simulatedWorkloads: ReadonlyMap<string, Workload> = new Map(
  [...workloads].map(([type, workload]) => {
    const known = new Map<string, unknown>();
    const words = new Map<string, Uint32Array>();
    const simulated: Workload = {
      ...workload,
      tileLimits: (p) => {
        const { max } = workload.tileLimits(p);
        return { min: 40n, max: max < 200n ? max : 200n };
      },
      // The same array for the same parameters: tables of a megabyte are not compared word by word.
      parameterWords: (p) => {
        const key = JSON.stringify(workload.encodeParameters(p));
        const made = words.get(key) ?? workload.parameterWords(p);
        words.set(key, made);
        return made;
      },
      reference: (p, range) => {
        const key = `${JSON.stringify(workload.encodeParameters(p))} ${range.start} ${range.end}`;
        if (!known.has(key)) known.set(key, workload.reference(p, range));
        return known.get(key);
      },
    };
    return [type, simulated];
  }),
);

const all: readonly (() => Template)[] = [
  () => template('statistics from 1', 'collatz', { start: '1', end: '8001', batch_size: 400 }),
  () =>
    template('statistics across 2^32', 'collatz', {
      start: String(2n ** 32n - 900n),
      end: String(2n ** 32n + 2100n),
    }),
  () =>
    template('statistics past 2^68', 'collatz', {
      start: '295147905179352825856',
      end: '295147905179352826856',
      batch_size: 90,
    }),
  () =>
    template('verify across 2^26', 'collatz', {
      start: String(2n ** 26n - 3000n),
      end: String(2n ** 26n + 9000n),
      mode: 'verify',
      batch_size: 700,
    }),
  () => template('threads', 'thread', { thread_count: 1500, batch_size: 64 }),
  () =>
    template('threads with oversize trees', 'thread', {
      thread_count: 900,
      max_depth: 14,
      max_children: 3,
      spawn_threshold: 120,
      seed: '42',
      max_threads: 1000,
    }),
];
export const templates: readonly Template[] = all
  .slice(simulatedWorkloads.has('collatz') ? 0 : 4)
  .map((make) => make());

function template(name: string, type: string, body: Record<string, string | number>): Template {
  const workload = simulatedWorkloads.get(type);
  if (workload === undefined) throw new Error(`no workload ${type}`);
  const parameters = workload.parameters.parse(body);
  const range = workload.range(parameters);
  const rate = Number(rangeLength(range)) / JOB_SECONDS;
  return { name, type, workload, body, parameters, range, rate };
}

/** Units per second of a usual simulated worker; self-tests and recomputations cost next to nothing. */
export function usualRate(parameterWords: Uint32Array, range: Range): number {
  const job = templates.find(
    ({ workload, parameters, range: whole }) =>
      workload.parameterWords(parameters) === parameterWords && isWithin(range, whole),
  );
  return job?.rate ?? 1e6;
}

/** Exact answers: the plain reference for whole jobs (once each), the kernels for parts of them. */
export class Truth {
  readonly #programs: Programs;
  readonly #results = new Map<Template, string>();
  readonly #parts = new Map<string, unknown>();

  constructor(programs: Programs) {
    this.#programs = programs;
  }

  /** The public result of a whole job, as JSON text. */
  result(job: Template): string {
    let text = this.#results.get(job);
    if (text === undefined) {
      const { workload, parameters, range } = job;
      text = JSON.stringify(workload.result(parameters, workload.reference(parameters, range)));
      this.#results.set(job, text);
    }
    return text;
  }

  /** The public result over some ranges of a job, as JSON text. */
  partial(job: Template, ranges: readonly Range[]): string {
    const { workload, parameters } = job;
    const aggregate = ranges
      .map((range) => this.aggregate(job, range))
      .reduce((a, b) => workload.fold(parameters, a, b), workload.empty(parameters));
    return JSON.stringify(workload.result(parameters, aggregate));
  }

  aggregate(job: Template, range: Range): unknown {
    const key = `${job.name} ${range.start} ${range.end}`;
    if (!this.#parts.has(key)) {
      this.#parts.set(key, this.#programs.compute(job.workload, job.parameters, range));
    }
    return this.#parts.get(key);
  }

  /** `Workload.encode` of the aggregate, as JSON text. */
  text(job: Template, range: Range): string {
    return JSON.stringify(job.workload.encode(job.parameters, this.aggregate(job, range)));
  }
}
