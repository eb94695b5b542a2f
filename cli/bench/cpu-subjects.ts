/** What computes on one CPU thread: the WebAssembly kernels, their TypeScript twins, the textbook in WebAssembly. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cutTiles, type Range } from '../../protocol/range.ts';
import { CpuProgram } from '../../shaders/lib/cpu-kernel.ts';
import { twins } from '../../shaders/twins.ts';
import { KERNELS } from '../load/tiny-batches.ts';
import { workloadOf, type Case } from './cases.ts';
import { ownCpuSeconds } from './clocks.ts';
import { workOf } from './comparison.ts';
import type { Subject } from './subject.ts';
import { textbookFields, textbookFirstCall, textbookModule, textbookWords } from './textbook.ts';

/** The kernel that workers run. What it hands back is computed by its decoder, which counts. */
export async function wasmSubject(test: Case): Promise<Subject> {
  const { workload, p } = parsed(test);
  const { module } = workload.kernels(p).cpu;
  const program = await CpuProgram.load(
    new Uint8Array(readFileSync(join(KERNELS, module))),
    workload.parameterWords(p),
  );
  return engineSubject(test, (range) => program.run(range));
}

/** @throws Error if the kernel has no twin */
export function twinSubject(test: Case): Subject {
  const { workload, p } = parsed(test);
  const { module } = workload.kernels(p).cpu;
  const twin = twins.get(module);
  if (twin === undefined) throw new Error(`${module} has no twin`);
  return engineSubject(test, twin(workload.parameterWords(p)));
}

export async function textbookSubject(test: Case): Promise<Subject> {
  const program = await CpuProgram.load(textbookModule(test), textbookWords(test));
  return textbookProgram(test, program);
}

function parsed(test: Case) {
  const workload = workloadOf(test);
  return { workload, p: workload.parameters.parse(test.parameters) };
}

function engineSubject(test: Case, run: (range: Range) => Uint32Array): Subject {
  const { workload, p } = parsed(test);
  const longest = workload.tileLimits(p).max;
  const decoded = (range: Range) => workload.decodeCpu(p, range, run(range));
  return {
    ...ON_ONE_THREAD,
    firstCall: test.firstCall,
    longestCall: longest,
    fields: (range) => {
      let aggregate = workload.empty(p);
      for (const tile of cutTiles(range, longest)) {
        aggregate = workload.fold(p, aggregate, decoded(tile));
      }
      return Promise.resolve(workload.result(p, aggregate));
    },
    compute: (range) => {
      const { value, seconds } = timed(() => decoded(range));
      return Promise.resolve({
        work: workOf(workload.result(p, value), maxThreadsOf(test)),
        seconds,
        hostSeconds: 0,
      });
    },
  };
}

function textbookProgram(test: Case, program: CpuProgram): Subject {
  const fieldsOf = (range: Range, words: Uint32Array) => textbookFields(test, [{ range, words }]);
  return {
    ...ON_ONE_THREAD,
    firstCall: textbookFirstCall(test),
    // Offsets are one word.
    longestCall: 2n ** 32n - 1n,
    fields: (range) => Promise.resolve(fieldsOf(range, program.run(range))),
    compute: (range) => {
      const { value, seconds } = timed(() => program.run(range));
      return Promise.resolve({
        work: workOf(fieldsOf(range, value), maxThreadsOf(test)),
        seconds,
        hostSeconds: 0,
      });
    },
  };
}

const ON_ONE_THREAD = { clock: 'CPU time', close: () => undefined } as const;

function timed<R>(run: () => R): { readonly value: R; readonly seconds: number } {
  const before = ownCpuSeconds();
  const value = run();
  return { value, seconds: ownCpuSeconds() - before };
}

export function maxThreadsOf({ parameters }: Case): number {
  return Number(parameters['max_threads'] ?? 0);
}
