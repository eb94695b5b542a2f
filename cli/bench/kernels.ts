/**
 * Every program with every case, in turn and several times, in one run on one machine. Before a case is measured, and
 * again with each figure of a C program, results for the same range are compared: rates of programs that disagree are
 * no figures.
 */
import type { Range } from '../../protocol/range.ts';
import { BeyondBounds } from './c-programs.ts';
import { roundStart, type Case } from './cases.ts';
import { compareAnswers, type Answer } from './comparison.ts';
import type { BenchWorkload, Place, ProgramName } from './names.ts';
import type { Program, Sample } from './programs.ts';
import { spreadOf, type Spread } from './spread.ts';
import type { Clock } from './subject.ts';

/** The rate of one program with one case. */
export interface Rate extends Spread {
  readonly case: string;
  readonly workload: BenchWorkload;
  readonly place: Place;
  readonly engine: ProgramName;
  readonly adapter: string | null;
  readonly software: boolean;
  readonly title: string;
  readonly unit: 'numbers/s' | 'threads/s';
  /** In the order of the rounds. */
  readonly samples: readonly number[];
  readonly clock: Clock;
  /** Seconds of the host per second of the GPU: decoding, claims, what was left to the CPU. */
  readonly hostShare: number;
}

export interface KernelRates {
  readonly rates: readonly Rate[];
  /** Cases that a program does not compute. */
  readonly unable: readonly Unable[];
  /** Ranges for which so many programs gave the same result. */
  readonly compared: readonly ComparedRange[];
}

export interface Unable {
  readonly case: string;
  readonly title: string;
  readonly reason: string;
}

export interface ComparedRange {
  readonly case: string;
  readonly start: string;
  readonly end: string;
  readonly programs: readonly string[];
}

export interface BenchRun {
  readonly seconds: number;
  readonly rounds: number;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}

/**
 * @param programs the first is the one whose results the others are held against
 * @param measured of these engines figures are taken
 * @throws ResultsDiffer
 */
export async function benchKernels(
  cases: readonly Case[],
  programs: readonly Program[],
  measured: readonly ProgramName[],
  run: BenchRun,
): Promise<KernelRates> {
  const rates: Rate[] = [];
  const unable: Unable[] = [];
  const compared: ComparedRange[] = [];
  for (const test of cases) {
    run.signal.throwIfAborted();
    run.note(`${test.name} …`);
    const able = programs.filter((program) => {
      const reason = program.unable(test);
      if (reason !== undefined) unable.push({ case: test.name, title: program.title, reason });
      return reason === undefined;
    });
    const one = new OneCase(test, able, run);
    rates.push(...(await one.rates(measured)));
    compared.push(...one.compared);
    unable.push(...one.unable);
  }
  return { rates, unable, compared };
}

class OneCase {
  readonly compared: ComparedRange[] = [];
  /** Programs that found out on the way. */
  readonly unable: Unable[] = [];
  readonly #test: Case;
  #programs: readonly Program[];
  readonly #run: BenchRun;

  constructor(test: Case, programs: readonly Program[], run: BenchRun) {
    this.#test = test;
    this.#programs = programs;
    this.#run = run;
  }

  async rates(measured: readonly ProgramName[]): Promise<Rate[]> {
    const test = this.#test;
    const call = await this.#prepare();
    // C is compared when it is measured: each of its runs takes a second, and is of a range that it is told.
    await this.#compare(
      test.small,
      this.#programs.filter(({ engine }) => engine !== 'c'),
    );
    const start = roundStart(test, 0);
    await this.#compare({ start, end: start + call }, this.#programs.filter(computesCalls(test)));

    const samples = new Map<Program, Sample[]>();
    const chosen = this.#programs.filter(({ engine }) => measured.includes(engine));
    for (let round = 0; round < this.#run.rounds; round++) {
      // There and back: what drifts along a round drifts the other way in the next.
      for (const program of round % 2 === 0 ? chosen : chosen.toReversed()) {
        this.#run.signal.throwIfAborted();
        const sample = await this.#within(program, () =>
          program.measure(test, roundStart(test, round), call, this.#run.seconds),
        );
        if (sample === undefined) continue;
        samples.set(program, [...(samples.get(program) ?? []), sample]);
        if (sample.told !== undefined) {
          await this.#compareWith(sample.told.range, [
            { program: program.title, fields: sample.told.fields },
          ]);
        }
      }
    }
    return [...samples]
      .filter(([program]) => this.#programs.includes(program))
      .map(([program, taken]) => rateOf(test, program, taken));
  }

  /** What a program computes; undefined if it is out of the case, now or since before. */
  async #within<R>(program: Program, compute: () => Promise<R>): Promise<R | undefined> {
    if (!this.#programs.includes(program)) return undefined;
    try {
      return await compute();
    } catch (error) {
      if (!(error instanceof BeyondBounds)) throw error;
      this.#programs = this.#programs.filter((other) => other !== program);
      this.unable.push({ case: this.#test.name, title: program.title, reason: error.message });
      return undefined;
    }
  }

  async #prepare(): Promise<bigint> {
    let call: bigint | undefined;
    for (const program of this.#programs) {
      this.#run.signal.throwIfAborted();
      const own = await program.prepare(this.#test);
      call ??= own;
    }
    return call ?? this.#test.firstCall;
  }

  async #compare(range: Range, programs: readonly Program[]): Promise<void> {
    const answers: Answer[] = [];
    for (const program of programs.filter((each) => each !== this.#programs[0])) {
      this.#run.signal.throwIfAborted();
      const fields = await this.#within(program, () => program.fields(this.#test, range));
      if (fields !== undefined) answers.push({ program: program.title, fields });
    }
    await this.#compareWith(range, answers);
  }

  async #compareWith(range: Range, answers: readonly Answer[]): Promise<void> {
    const [reference] = this.#programs;
    if (reference === undefined) return;
    const test = this.#test;
    const expected = { program: reference.title, fields: await reference.fields(test, range) };
    compareAnswers(test.name, range, [expected, ...answers]);
    this.compared.push({
      case: test.name,
      start: String(range.start),
      end: String(range.end),
      programs: [expected, ...answers].map(({ program }) => program),
    });
  }
}

/** A call of the WebAssembly kernel would take the others seconds or minutes. */
const computesCalls =
  ({ workload }: Case) =>
  ({ engine }: Program): boolean =>
    engine === 'wasm' || engine === 'wgsl' || (engine === 'twin' && workload !== 'statistics');

function rateOf(test: Case, program: Program, samples: readonly Sample[]): Rate {
  const rates = samples.map(({ rate }) => rate);
  const { engine, adapter, software, title } = program;
  return {
    case: test.name,
    workload: test.workload,
    place: test.place,
    ...{ engine, adapter, software, title },
    unit: test.workload === 'thread' ? 'threads/s' : 'numbers/s',
    ...spreadOf(rates),
    samples: rates,
    clock: samples[0]?.clock ?? 'CPU time',
    hostShare: spreadOf(samples.map(({ hostShare }) => hostShare)).median,
  };
}
