/** What computes on one GPU adapter: the WGSL kernels, and the textbook in WGSL. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GpuDevice } from '../../client/engines/gpu-device.ts';
import { extendByWords, probeOf } from '../../client/engines/gpu-piece.ts';
import { GpuProgram, type GpuProgramSource } from '../../client/engines/gpu-program.ts';
import { openDawn } from '../../client/node/dawn.ts';
import type { PipelineConstants } from '../../protocol/workload.ts';
import { cutTiles, rangeLength, type Range } from '../../protocol/range.ts';
import { assembleWgsl } from '../../shaders/lib/assemble.ts';
import { computeCpu, CpuProgram } from '../../shaders/lib/cpu-kernel.ts';
import { KERNELS } from '../load/tiny-batches.ts';
import { workloadOf, type Case } from './cases.ts';
import { DriverThreads, ownCpuSeconds } from './clocks.ts';
import { canonical, workOf, type Fields } from './comparison.ts';
import { maxThreadsOf } from './cpu-subjects.ts';
import type { Clock, Spent, Subject } from './subject.ts';
import type { TextbookAnswer } from './textbook.ts';
import {
  textbookConstants,
  textbookFields,
  textbookFirstCall,
  textbookGpuKernel,
  textbookModule,
  textbookWgsl,
  textbookWords,
} from './textbook.ts';

/** A dispatch that tells tunings apart, and how often each is measured. */
const TUNING_SECONDS = 0.04;
const TUNING_TURNS = 3;
const SHADERS = join(import.meta.dirname, '..', '..', 'shaders');

/** An adapter with the threads that its driver started. */
export interface BenchGpu {
  readonly gpu: GpuDevice;
  /** Of a software adapter, where the system tells their times; undefined: its dispatches are timed. */
  readonly threads: DriverThreads | undefined;
}

/**
 * @param index as `threads doctor` counts the adapters
 * @param core what the threads of a software adapter are pinned to
 */
export async function openGpu(index: number, software: boolean, core: number | null): Promise<BenchGpu> {
  const threads = new DriverThreads();
  const { adapters, problem } = await openDawn({ software });
  const adapter = adapters[index];
  const opened = await adapter?.gpu.requestAdapter();
  if (adapter === undefined || opened === null || opened === undefined) {
    throw new Error(problem?.message ?? `there is no adapter ${index}`);
  }
  const now = () => performance.now();
  const ownTime = adapter.software && threads.seconds() !== undefined;
  // Where its threads tell their time, their end may be slept through: Dawn polls until it.
  const gpu = await GpuDevice.open(opened, now, ownTime ? (ms) => sleep(ms) : undefined);
  if (ownTime && core !== null) threads.pin(core);
  return { gpu, threads: ownTime ? threads : undefined };
}

/** The kernel that workers run. Its claims are computed on the CPU as there, and counted as the host's. */
export async function wgslSubject({ gpu, threads }: BenchGpu, test: Case): Promise<Subject> {
  const workload = workloadOf(test);
  const p = workload.parameters.parse(test.parameters);
  const { gpu: kernel, cpu } = workload.kernels(p);
  const helper = await CpuProgram.load(
    new Uint8Array(readFileSync(join(KERNELS, cpu.module))),
    workload.parameterWords(p),
  );
  const exactly = (range: Range) => Promise.resolve(computeCpu(workload, p, helper, range));
  const program = await GpuProgram.build(gpu, {
    kernel,
    wgsl: assembleWgsl(kernel.source, (path) => readFileSync(join(SHADERS, path), 'utf8')),
    parameterWords: workload.parameterWords(p),
    constants: workload.gpuConstants(p),
    probe: probeOf(workload, p, exactly),
  });
  const workIn = (aggregate: unknown) => workOf(workload.result(p, aggregate), maxThreadsOf(test));

  /** The aggregate of the pieces after `before`, and the work that the GPU left to the CPU. */
  const extended = async (before: unknown, pieces: readonly Range[], words: readonly Uint32Array[]) => {
    let aggregate = before;
    let left = 0;
    for (const [index, piece] of pieces.entries()) {
      const exact = async (range: Range) => {
        const answer = await exactly(range);
        // Of numbers the claims are parts that the GPU has computed too, where it was not the whole piece.
        const whole = range.start === piece.start && range.end === piece.end;
        if (whole || test.workload === 'thread') left += workIn(answer);
        return answer;
      };
      aggregate = await extendByWords(
        workload,
        p,
        aggregate,
        piece,
        words[index] ?? new Uint32Array(0),
        exact,
      );
    }
    return { aggregate, left };
  };

  const dispatches = new Dispatches(program, workload.tileLimits(p).max, threads);
  await dispatches.tune({ start: test.start, end: test.start + test.span });
  // Of the range so far: the maxima that a piece is held against. A call further on begins anew.
  let batch: { readonly end: bigint; readonly aggregate: unknown } | undefined;
  return {
    clock: dispatches.clock,
    firstCall: test.firstCall,
    longestCall: dispatches.longestCall,
    fields: async (range) => {
      let aggregate = workload.empty(p);
      for await (const { pieces, words } of dispatches.of(range)) {
        aggregate = (await extended(aggregate, pieces, words)).aggregate;
      }
      return workload.result(p, aggregate);
    },
    compute: async (range) => {
      let aggregate = batch?.end === range.start ? batch.aggregate : workload.empty(p);
      const before = workIn(aggregate);
      let total: Spent = { work: 0, seconds: 0, hostSeconds: 0 };
      for await (const { pieces, words, seconds } of dispatches.of(range)) {
        const begun = ownCpuSeconds();
        const { aggregate: after, left } = await extended(aggregate, pieces, words);
        aggregate = after;
        total = {
          work: total.work - left,
          seconds: total.seconds + seconds,
          hostSeconds: total.hostSeconds + ownCpuSeconds() - begun,
        };
      }
      batch = { end: range.end, aggregate };
      return { ...total, work: total.work + workIn(aggregate) - before };
    },
    close: () => program.destroyWhenIdle(),
  };
}

export async function textbookWgslSubject({ gpu, threads }: BenchGpu, test: Case): Promise<Subject> {
  const helper = await CpuProgram.load(textbookModule(test), textbookWords(test));
  const program = await GpuProgram.build(gpu, {
    kernel: textbookGpuKernel(test),
    wgsl: textbookWgsl(test),
    parameterWords: textbookWords(test),
    constants: textbookConstants(test),
    probe: textbookProbe(test, helper),
  });
  const dispatches = new Dispatches(program, BigInt(program.kernel.maxPieceLength), threads);
  return {
    clock: dispatches.clock,
    firstCall: textbookFirstCall(test),
    longestCall: dispatches.longestCall,
    fields: async (range) => {
      const answers: TextbookAnswer[] = [];
      for await (const { pieces, words } of dispatches.of(range)) answers.push(...answersOf(pieces, words));
      return textbookFields(test, answers);
    },
    compute: async (range) => {
      let [work, spent] = [0, 0];
      for await (const { pieces, words, seconds } of dispatches.of(range)) {
        spent += seconds;
        work += workOf(textbookFields(test, answersOf(pieces, words)), maxThreadsOf(test));
      }
      return { work, seconds: spent, hostSeconds: 0 };
    },
    close: () => program.destroyWhenIdle(),
  };
}

/** A short range whose answer the WebAssembly textbook knows. */
function textbookProbe(test: Case, helper: CpuProgram): GpuProgramSource['probe'] {
  const range = { start: test.small.start, end: test.small.start + 64n };
  const told = (words: Uint32Array): Fields => textbookFields(test, [{ range, words }]);
  return {
    range,
    prove: (words) => {
      const same = canonical(told(words)) === canonical(told(helper.run(range)));
      return same ? Promise.resolve() : Promise.reject(new Error(`${test.name}: the textbook WGSL is wrong`));
    },
  };
}

const answersOf = (pieces: readonly Range[], words: readonly Uint32Array[]): TextbookAnswer[] =>
  pieces.map((range, index) => ({ range, words: words[index] ?? new Uint32Array(0) }));

interface Dispatched {
  readonly pieces: readonly Range[];
  readonly words: readonly Uint32Array[];
  readonly seconds: number;
}

/** Ranges as dispatches of a program, one after the other. */
class Dispatches {
  readonly clock: Clock;
  readonly #program: GpuProgram;
  readonly #threads: DriverThreads | undefined;
  readonly #tile: bigint;
  readonly #most: number;
  #tuning: PipelineConstants | undefined;
  #msPerUnit = 0;
  /** So many pieces of a tile are one dispatch. */
  readonly longestCall: bigint;

  constructor(program: GpuProgram, longestTile: bigint, threads: DriverThreads | undefined) {
    this.#program = program;
    this.#threads = threads;
    this.clock = threads === undefined ? 'wall time of dispatches' : 'CPU time';
    const most = BigInt(program.kernel.maxPieceLength);
    this.#tile = longestTile < most ? longestTile : most;
    this.#most = Math.min(program.maxPieces, 64);
    this.longestCall = this.#tile * BigInt(this.#most);
  }

  /**
   * Takes the fastest of the kernel's tunings from now on, as a worker does after some seconds of a job.
   * @param span where to measure
   */
  async tune(span: Range): Promise<void> {
    const tunings = this.#program.kernel.tunings ?? [];
    if (tunings.length < 2) return;
    let length = 1n;
    const rest = rangeLength(span);
    const longest = rest < this.#tile ? rest : this.#tile;
    // Compiles.
    await this.#dispatch([{ start: span.start, end: span.start + length }]);
    while (length < longest) {
      length = length * 4n < longest ? length * 4n : longest;
      const { seconds } = await this.#dispatch([{ start: span.start, end: span.start + length }]);
      if (seconds > TUNING_SECONDS) break;
    }
    let fastest = Infinity;
    for (const tuning of tunings) {
      let best = Infinity;
      for (let turn = 0; turn <= TUNING_TURNS; turn++) {
        const end = span.start + length;
        const { seconds } = await this.#dispatch([{ start: span.start, end }], tuning);
        // The first one compiles.
        if (turn > 0) best = Math.min(best, seconds);
      }
      if (best < fastest) [fastest, this.#tuning] = [best, tuning];
    }
    this.#msPerUnit = 0;
  }

  async *of(range: Range): AsyncGenerator<Dispatched> {
    let pieces: Range[] = [];
    for (const piece of cutTiles(range, this.#tile)) {
      pieces.push(piece);
      if (pieces.length < this.#most && piece.end < range.end) continue;
      yield await this.#dispatch(pieces);
      pieces = [];
    }
  }

  async #dispatch(pieces: readonly Range[], tuning = this.#tuning): Promise<Dispatched> {
    const units = pieces.reduce((sum, piece) => sum + Number(rangeLength(piece)), 0);
    const before = this.#threads?.seconds();
    const { words, elapsed_ms, exact } = await this.#program.dispatch(
      pieces,
      units * this.#msPerUnit,
      tuning,
    );
    const after = this.#threads?.seconds();
    this.#msPerUnit = exact ? elapsed_ms / units : this.#msPerUnit / 2;
    const seconds = after === undefined ? elapsed_ms / 1000 : after - (before ?? 0);
    return { pieces, words, seconds };
  }
}
