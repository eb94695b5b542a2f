/** What is measured against each other: the engines of this machine, and the yardsticks. */
import { existsSync } from 'node:fs';
import type { Range } from '../../protocol/range.ts';
import { twins } from '../../shaders/twins.ts';
import type { GpuProbe } from '../gpu-probe.ts';
import type { Environment } from '../option.ts';
import { buildC, runC } from './c-programs.ts';
import type { Case } from './cases.ts';
import { workloadOf } from './cases.ts';
import { workOf, type Fields } from './comparison.ts';
import { maxThreadsOf } from './cpu-subjects.ts';
import type { BenchWorkload, ProgramName } from './names.ts';
import { Runner, type RunKind } from './runner.ts';
import type { Clock } from './subject.ts';
import { beyondTextbookWgsl, buildTextbooks } from './textbook.ts';

/** Of one call after the other. */
export interface Sample {
  /** Numbers or threads per second. */
  readonly rate: number;
  readonly clock: Clock;
  /** CPU time of the host per second of the device's, where a GPU computes. */
  readonly hostShare: number;
  /** What a program told along with its time. */
  readonly told?: { readonly range: Range; readonly fields: Fields };
}

export interface Program {
  readonly engine: ProgramName;
  /** Of a GPU's. */
  readonly adapter: string | null;
  readonly software: boolean;
  /** The head of its column. */
  readonly title: string;
  /** Why it does not compute a case; undefined if it does. */
  unable(test: Case): string | undefined;
  /** @returns the length of its calls; undefined: it takes the one that it is given */
  prepare(test: Case): Promise<bigint | undefined>;
  fields(test: Case, range: Range): Promise<Fields>;
  /** @param call length of a call of the WebAssembly kernel, for programs that have none of their own */
  measure(test: Case, start: bigint, call: bigint, seconds: number): Promise<Sample>;
  close(): void;
}

export interface Skipped {
  readonly title: string;
  readonly reason: string;
}

const TITLES: Readonly<Record<ProgramName, string>> = {
  wasm: 'WebAssembly',
  twin: 'TypeScript twin',
  wgsl: 'WGSL',
  textbook: 'textbook WebAssembly',
  'textbook-wgsl': 'textbook WGSL',
  c: 'C',
};

export interface ProgramChoice {
  readonly engines: readonly ProgramName[];
  readonly workloads: readonly BenchWorkload[];
  readonly gpus: GpuProbe;
  /** Software adapters are among them. */
  readonly software: boolean;
  readonly environment: Environment;
  readonly core: number | undefined;
}

/** The WebAssembly kernels come first, chosen or not: every other result is held against theirs. */
export async function openPrograms(
  choice: ProgramChoice,
): Promise<{ readonly programs: readonly Program[]; readonly skipped: readonly Skipped[] }> {
  const { engines, gpus, core, environment } = choice;
  const programs: Program[] = [];
  const skipped: Skipped[] = [];
  const skip = (engine: ProgramName, reason: string) => skipped.push({ title: TITLES[engine], reason });
  const chosen = (engine: ProgramName) => engines.includes(engine);
  const start = (adapter: number | null) =>
    Runner.start({ environment, adapter, software: choice.software, core });
  const onCpu = () => start(null);
  try {
    programs.push(new RunnerProgram('wasm', await onCpu()));
    if (chosen('twin')) programs.push(new RunnerProgram('twin', await onCpu(), { fresh: onCpu }));
    const wantsTextbook = chosen('textbook') || chosen('textbook-wgsl');
    const noTextbook = wantsTextbook ? await buildTextbooks() : undefined;
    for (const engine of ['textbook', 'textbook-wgsl'] as const) {
      if (chosen(engine) && noTextbook !== undefined) skip(engine, noTextbook);
    }
    if (chosen('textbook') && noTextbook === undefined) {
      programs.push(new RunnerProgram('textbook', await onCpu()));
    }
    if (chosen('c')) openC(choice, programs, skipped);
    const onGpu = (['wgsl', 'textbook-wgsl'] as const).filter(chosen);
    for (const engine of onGpu) {
      if (gpus.adapters.length === 0) skip(engine, gpus.problem ?? 'there is no GPU adapter');
    }
    for (const { index, name, software } of onGpu.length > 0 ? gpus.adapters : []) {
      const runner = await start(index);
      for (const engine of onGpu) {
        if (engine === 'textbook-wgsl' && noTextbook !== undefined) continue;
        programs.push(new RunnerProgram(engine, runner, { gpu: { name, software } }));
      }
    }
  } catch (error) {
    for (const program of programs) program.close();
    throw error;
  }
  return { programs, skipped };
}

function openC({ workloads, core }: ProgramChoice, programs: Program[], skipped: Skipped[]): void {
  const built = new Map<BenchWorkload, string>();
  for (const workload of workloads) {
    const made = buildC(workload);
    if ('program' in made) built.set(workload, made.program);
    else skipped.push({ title: `C, ${workload}`, reason: made.reason });
  }
  if (built.size > 0) programs.push(new CProgram(built, core));
}

class RunnerProgram implements Program {
  readonly engine: RunKind;
  readonly adapter: string | null;
  readonly software: boolean;
  readonly title: string;
  readonly #fresh: (() => Promise<Runner>) | undefined;
  #runner: Runner;

  /**
   * @param options.fresh gives another process for each case. JavaScript is compiled for what it has met: a twin that
   *   had computed other parameters before computed single threads 40 % slower
   */
  constructor(
    engine: RunKind,
    runner: Runner,
    options: {
      readonly gpu?: { readonly name: string; readonly software: boolean };
      readonly fresh?: () => Promise<Runner>;
    } = {},
  ) {
    const { gpu, fresh } = options;
    this.#fresh = fresh;
    this.engine = engine;
    this.#runner = runner;
    this.adapter = gpu?.name ?? null;
    this.software = gpu?.software ?? false;
    this.title = gpu === undefined ? TITLES[engine] : `${TITLES[engine]}, ${shortName(gpu.name)}`;
  }

  unable(test: Case): string | undefined {
    if (this.engine === 'textbook-wgsl') return beyondTextbookWgsl(test);
    if (this.engine === 'twin' && !twins.has(moduleOf(test))) return 'its kernel has no twin';
    return undefined;
  }

  async prepare(test: Case): Promise<bigint> {
    if (this.#fresh !== undefined) {
      this.#runner.close();
      this.#runner = await this.#fresh();
    }
    return this.#runner.prepare(this.engine, test);
  }

  fields(test: Case, range: Range): Promise<Fields> {
    return this.#runner.fields(this.engine, test, range);
  }

  async measure(test: Case, start: bigint, _call: bigint, seconds: number): Promise<Sample> {
    const {
      work,
      seconds: spent,
      hostSeconds,
      clock,
    } = await this.#runner.measure(this.engine, test, start, seconds);
    return { rate: work / spent, hostShare: hostSeconds / spent, clock };
  }

  close(): void {
    this.#runner.close();
  }
}

class CProgram implements Program {
  readonly engine = 'c';
  readonly adapter = null;
  readonly software = false;
  readonly title = TITLES.c;
  readonly #built: ReadonlyMap<BenchWorkload, string>;
  readonly #core: number | undefined;

  constructor(built: ReadonlyMap<BenchWorkload, string>, core: number | undefined) {
    this.#built = built;
    this.#core = core;
  }

  unable({ workload }: Case): string | undefined {
    const program = this.#built.get(workload);
    return program !== undefined && existsSync(program) ? undefined : `there is none for ${workload}`;
  }

  prepare(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async fields(test: Case, range: Range): Promise<Fields> {
    return (await this.#run(test, range)).fields;
  }

  async measure(test: Case, start: bigint, call: bigint): Promise<Sample> {
    const range = { start, end: start + call };
    const { units, seconds, fields } = await this.#run(test, range);
    const work =
      test.workload === 'thread' ? (units / Number(call)) * workOf(fields, maxThreadsOf(test)) : units;
    return { rate: work / seconds, clock: 'CPU time', hostShare: 0, told: { range, fields } };
  }

  close(): void {
    // Each run is a process that has ended.
  }

  async #run(test: Case, range: Range) {
    return runC(this.#built.get(test.workload) ?? '', test, range, this.#core);
  }
}

function moduleOf(test: Case): string {
  const workload = workloadOf(test);
  return workload.kernels(workload.parameters.parse(test.parameters)).cpu.module;
}

/** `llvmpipe (LLVM 19.1.7, 256 bits)` is `llvmpipe`. */
const shortName = (name: string) => name.replace(/\s*\(.*$/, '');
