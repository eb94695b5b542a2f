/**
 * A CPU thread that takes virtual time and gives exact answers: the real WebAssembly kernels run at once, and
 * their answers come when a device of this speed would have had them.
 */
import { ThreadDied } from '../../client/engines/cpu-pool.ts';
import type { CpuAnswer, CpuProgramSource, CpuThread } from '../../client/engines/cpu-pool.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Range } from '../../protocol/range.ts';
import { KernelFault } from '../../protocol/workload.ts';
import type { Chance } from './chance.ts';
import type { ProcessTime } from './process-time.ts';
import type { Programs } from './programs.ts';

export interface DeviceFaults {
  /** Per call: the thread dies. */
  readonly deathProbability: number;
  /** Per call: the kernel fails on this range. */
  readonly kernelFaultProbability: number;
}

export interface DeviceParts {
  readonly programs: Programs;
  readonly time: ProcessTime;
  readonly chance: Chance;
  readonly faults: () => DeviceFaults;
  /** Units per second of this thread. */
  readonly rate: (parameterWords: Uint32Array, range: Range) => number;
}

export class SimulatedThread implements CpuThread {
  readonly #parts: DeviceParts;
  #alive = true;
  /** Answers come in the order of the calls. */
  #free_at = 0;

  constructor(parts: DeviceParts) {
    this.#parts = parts;
  }

  run(program: CpuProgramSource, range: Range): Promise<CpuAnswer> {
    const { time, chance, rate } = this.#parts;
    const seconds = Number(rangeLength(range)) / rate(program.parameterWords, range);
    const elapsed_ms = seconds * 1000 * chance.between(0.9, 1.1);
    const start = Math.max(time.now(), this.#free_at);
    this.#free_at = start + elapsed_ms;
    return new Promise((resolve, reject) => {
      time.setTimer(this.#free_at - time.now(), () => {
        const faults = this.#parts.faults();
        if (chance.chance(faults.deathProbability)) this.#alive = false;
        if (!this.#alive) reject(new ThreadDied('the simulated thread died'));
        else if (chance.chance(faults.kernelFaultProbability)) reject(new KernelFault('a simulated fault'));
        else resolve({ words: this.#compute(program, range), elapsed_ms });
      });
    });
  }

  forget(): void {
    // Programs are shared by all simulated threads.
  }

  terminate(): Promise<void> {
    this.#alive = false;
    return Promise.resolve();
  }

  #compute(program: CpuProgramSource, range: Range): Uint32Array {
    return this.#parts.programs.find(program.wasm.sha256, program.parameterWords).run(range);
  }
}
