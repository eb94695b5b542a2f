/**
 * What a CPU thread does, wherever it lives: keeps some programs, runs ranges. Only this and the kernel runner
 * are loaded into a thread, which keeps it small; the twins only where there is no WebAssembly. The messages are what crosses to it; answers come in order.
 */
import type { Range } from '../../protocol/range.ts';
import { KernelFault } from '../../protocol/workload.ts';
import type { RangeProgram } from '../../shaders/lib/cpu-kernel.ts';
import type { CpuAnswer, CpuProgramSource, CpuThread } from './cpu-pool.ts';
import type { CpuProgramParts } from './cpu-program.ts';
import { openCpuProgram } from './cpu-program.ts';

export type ThreadRequest =
  | {
      readonly kind: 'run';
      readonly key: string;
      readonly start: bigint;
      readonly end: bigint;
      /** With the first run of a key, and after it was forgotten. */
      readonly load?: CpuProgramParts;
    }
  | { readonly kind: 'forget'; readonly key: string };

export type ThreadReply =
  | { readonly kind: 'answer'; readonly words: Uint32Array; readonly elapsed_ms: number }
  | { readonly kind: 'fault'; readonly message: string };

export class ThreadBody {
  readonly #programs = new Map<string, RangeProgram>();
  readonly #now: () => number;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** One at a time: the next call after the promise of the one before. Undefined: nothing to answer. */
  async handle(request: ThreadRequest): Promise<ThreadReply | undefined> {
    if (request.kind === 'forget') {
      this.#programs.delete(request.key);
      return undefined;
    }
    try {
      const { key, load } = request;
      let program = this.#programs.get(key);
      if (load !== undefined) {
        program = await openCpuProgram(load);
        this.#programs.set(key, program);
      }
      if (program === undefined) return { kind: 'fault', message: 'the thread was not given the program' };
      const begun_ms = this.#now();
      const words = program.run(request);
      return { kind: 'answer', words, elapsed_ms: this.#now() - begun_ms };
    } catch (error) {
      // After a trap the module's memory may be in any state: the next run gets a fresh one.
      this.#programs.delete(request.key);
      return { kind: 'fault', message: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** Which programs a thread has been given; makes the requests to it. */
export class ThreadRequests {
  readonly #loaded = new Set<string>();

  run(program: CpuProgramSource, range: Range): ThreadRequest {
    const { key, module, wasm, parameterWords } = program;
    const { start, end } = range;
    if (this.#loaded.has(key)) return { kind: 'run', key, start, end };
    this.#loaded.add(key);
    return { kind: 'run', key, start, end, load: { module, wasm: wasm.bytes, parameterWords } };
  }

  forget(key: string): ThreadRequest {
    this.#loaded.delete(key);
    return { kind: 'forget', key };
  }
}

/** A "thread" in the caller's own thread, for a host that is a background thread already. */
export function inlineThread(now: () => number): CpuThread {
  const body = new ThreadBody(now);
  const requests = new ThreadRequests();
  let before: Promise<unknown> = Promise.resolve();
  const send = (request: ThreadRequest) => {
    const reply = before.then(() => body.handle(request));
    before = reply;
    return reply;
  };
  return {
    run: (program, range) => send(requests.run(program, range)).then(answerOf),
    forget: (key) => void send(requests.forget(key)),
    terminate: () => Promise.resolve(),
  };
}

/** @throws KernelFault for a fault */
export function answerOf(reply: ThreadReply | undefined): CpuAnswer {
  if (reply?.kind === 'answer') return reply;
  throw new KernelFault(reply?.message ?? 'the thread gave no answer');
}
