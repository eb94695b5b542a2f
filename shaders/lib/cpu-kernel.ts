/**
 * Runs a workload's WebAssembly kernel. The ABI is `CpuKernel` in protocol/workload.ts; nothing here knows
 * what is computed or where the bytes came from.
 */
import type { Range } from '../../protocol/range.ts';
import { rangeLength } from '../../protocol/range.ts';
import { KernelFault } from '../../protocol/workload.ts';
import type { Workload } from '../../protocol/workload.ts';

/** The little of WebAssembly that is used: the ES library of TypeScript has no WebAssembly, only the DOM's has. */
declare const WebAssembly: {
  instantiate(
    bytes: BufferSource,
    imports: { readonly env: { readonly abort: () => never } },
  ): Promise<{ readonly instance: { readonly exports: Readonly<Record<string, unknown>> } }>;
};

type BufferSource = ArrayBuffer | ArrayBufferView<ArrayBuffer>;
type KernelFunction = (...values: readonly (number | bigint)[]) => unknown;
type Exports = Readonly<Record<string, unknown>>;

const WORD_BYTES = 4;
const MASK_64 = (1n << 64n) - 1n;

/** What answers ranges with the words that a workload's `decodeCpu` reads: its CPU kernel, or the twin of that. */
export interface RangeProgram {
  run(range: Range): Uint32Array;
}

/** A kernel with its parameters written and its tables built. Not reentrant; holds its own memory. */
export class CpuProgram implements RangeProgram {
  readonly #exports: Exports;

  private constructor(exports: Exports) {
    this.#exports = exports;
  }

  /**
   * @param wasm the compiled module
   * @param words `Workload.parameterWords`
   * @throws KernelFault if the module does not instantiate, lacks an export or traps
   */
  static async load(wasm: Uint8Array<ArrayBuffer> | ArrayBuffer, words: Uint32Array): Promise<CpuProgram> {
    const abort = (): never => {
      throw new KernelFault('the kernel aborted');
    };
    let exports: Exports;
    try {
      exports = (await WebAssembly.instantiate(wasm, { env: { abort } })).instance.exports;
    } catch (error) {
      throw fault('the module does not start', error);
    }
    const program = new CpuProgram(exports);
    const address = program.#call('parameters', words.length);
    program.#words(address, words.length).set(words);
    program.#call('prepare');
    return program;
  }

  /**
   * Computes one range and returns a copy of the kernel's output words.
   * @throws KernelFault if the kernel traps or answers outside its memory
   */
  run(range: Range): Uint32Array {
    const length = this.#call('run', range.start & MASK_64, range.start >> 64n, rangeLength(range));
    return this.#words(this.#call('output'), length).slice();
  }

  /** Calls an export that returns nothing (read as 0) or a u32. */
  #call(name: string, ...values: readonly (number | bigint)[]): number {
    const target = this.#exports[name];
    if (!isFunction(target)) throw new KernelFault(`the module exports no function ${name}`);
    let result: unknown;
    try {
      result = target(...values);
    } catch (error) {
      throw fault(`${name} trapped`, error);
    }
    return typeof result === 'number' ? result >>> 0 : 0;
  }

  /** The view is made anew at each use: growing the memory detaches older ones. */
  #words(address: number, length: number): Uint32Array {
    const memory = this.#exports['memory'];
    const buffer =
      typeof memory === 'object' && memory !== null && 'buffer' in memory ? memory.buffer : undefined;
    if (!(buffer instanceof ArrayBuffer)) throw new KernelFault('the module exports no memory');
    if (address % WORD_BYTES !== 0 || address + length * WORD_BYTES > buffer.byteLength) {
      throw new KernelFault(`words outside the memory: ${length} at ${address}`);
    }
    return new Uint32Array(buffer, address, length);
  }
}

/** The exact aggregate of `range`, by the workload's CPU kernel or its twin. */
export function computeCpu<P, T, A>(
  workload: Workload<P, T, A>,
  p: P,
  program: RangeProgram,
  range: Range,
): A {
  return workload.decodeCpu(p, range, program.run(range));
}

function isFunction(value: unknown): value is KernelFunction {
  return typeof value === 'function';
}

function fault(what: string, error: unknown): KernelFault {
  if (error instanceof KernelFault) return error;
  return new KernelFault(`${what}: ${error instanceof Error ? error.message : String(error)}`);
}
