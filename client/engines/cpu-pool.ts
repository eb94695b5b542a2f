/**
 * N CPU threads that run CPU kernels. The host (worker_threads, a page) says how a thread is made; the
 * pool keeps each busy with a short queue of its own, and replaces the ones that die.
 */
import type { Range } from '../../protocol/range.ts';
import { KernelFault } from '../../protocol/workload.ts';
import type { LoadedKernel } from './engine.ts';

/** A kernel with its parameters. */
export interface CpuProgramSource {
  /** The same key, the same kernel and parameters. */
  readonly key: string;
  /** `CpuKernel.module` */
  readonly module: string;
  readonly wasm: LoadedKernel;
  readonly parameterWords: Uint32Array;
}

export interface CpuAnswer {
  readonly words: Uint32Array;
  readonly elapsed_ms: number;
}

/** One thread. Answers come in the order of the calls. */
export interface CpuThread {
  /** @throws KernelFault if the kernel fails; ThreadDied if the thread does, also after `terminate` */
  run(program: CpuProgramSource, range: Range): Promise<CpuAnswer>;
  /** Frees what the thread keeps for a program. */
  forget(key: string): void;
  terminate(): Promise<void>;
}

export class ThreadDied extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ThreadDied';
  }
}

/** Programs that a thread keeps: each holds tables of up to some megabytes. */
const PROGRAMS_PER_THREAD = 4;
const MAX_ATTEMPTS = 3;
const QUEUED_MS = 200;
const MAX_QUEUED = 64;

interface Task {
  readonly program: CpuProgramSource;
  readonly range: Range;
  readonly resolve: (answer: CpuAnswer) => void;
  readonly reject: (error: unknown) => void;
  attempts: number;
}

interface Member {
  readonly thread: CpuThread;
  /** First the one that runs. */
  readonly tasks: Task[];
  /** Most recently used last. */
  readonly programs: string[];
}

export class CpuPool {
  readonly threads: number;
  readonly #queued_ms: number;
  readonly #spawn: () => CpuThread;
  readonly #members: Member[] = [];
  readonly #queue: Task[] = [];
  #average_ms: number;
  #busy_ms = 0;
  #crashes = 0;
  #closed = false;

  /**
   * Threads start with the first tasks.
   * @param queued_ms so much work is queued at a thread beyond what it runs: it must outlast a busy moment of
   *   the thread that hands it out, and is what still runs after that one begins no more
   */
  constructor(spawn: () => CpuThread, threads: number, queued_ms = QUEUED_MS) {
    this.#spawn = spawn;
    this.threads = threads;
    this.#queued_ms = queued_ms;
    this.#average_ms = queued_ms;
  }

  /** How many more tasks would be begun or queued at a thread at once. */
  get room(): number {
    const outstanding = this.#members.reduce((sum, { tasks }) => sum + tasks.length, this.#queue.length);
    return Math.max(0, this.threads * this.#depth - outstanding);
  }

  /** How many threads have nothing to do. */
  get idle(): number {
    const waiting = this.#queue.length;
    const busy = this.#members.reduce((sum, { tasks }) => sum + (tasks.length > 0 ? 1 : 0), 0);
    return Math.max(0, this.threads - busy - waiting);
  }

  /** Threads that died and were replaced. */
  get crashes(): number {
    return this.#crashes;
  }

  /** Busy time of the threads divided by their number. */
  busy_ms(): number {
    return this.#busy_ms / this.threads;
  }

  /**
   * @throws KernelFault if the kernel fails; ThreadDied if three threads died of the task, or the pool is closed
   */
  run(program: CpuProgramSource, range: Range): Promise<CpuAnswer> {
    if (this.#closed) return Promise.reject(new ThreadDied('the threads are stopped'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ program, range, resolve, reject, attempts: 0 });
      this.#assign();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const task of this.#queue.splice(0)) task.reject(new ThreadDied('the threads are stopped'));
    await Promise.all(this.#members.map(({ thread }) => thread.terminate()));
  }

  get #depth(): number {
    return 1 + Math.min(MAX_QUEUED, Math.max(1, Math.ceil(this.#queued_ms / this.#average_ms)));
  }

  #assign(): void {
    while (this.#queue.length > 0 && !this.#closed) {
      const member = this.#leastLoaded();
      if (member === undefined) return;
      const task = this.#queue.shift();
      if (task === undefined) return;
      this.#give(member, task);
    }
  }

  #leastLoaded(): Member | undefined {
    let least: Member | undefined;
    for (const member of this.#members) {
      if (least === undefined || member.tasks.length < least.tasks.length) least = member;
    }
    if ((least === undefined || least.tasks.length > 0) && this.#members.length < this.threads) {
      least = { thread: this.#spawn(), tasks: [], programs: [] };
      this.#members.push(least);
    }
    return least !== undefined && least.tasks.length < this.#depth ? least : undefined;
  }

  #give(member: Member, task: Task): void {
    const { key } = task.program;
    const known = member.programs.indexOf(key);
    if (known >= 0) member.programs.splice(known, 1);
    member.programs.push(key);
    member.tasks.push(task);
    member.thread.run(task.program, task.range).then(
      (answer) => {
        remove(member.tasks, task);
        this.#busy_ms += answer.elapsed_ms;
        this.#average_ms += (Math.max(answer.elapsed_ms, 0.1) - this.#average_ms) / 8;
        this.#assign();
        task.resolve(answer);
      },
      (error: unknown) => {
        if (error instanceof ThreadDied && !this.#closed) this.#replace(member, error);
        else {
          remove(member.tasks, task);
          // The thread dropped the program with its memory: the next run brings it again.
          if (remove(member.programs, key)) member.thread.forget(key);
          this.#assign();
          task.reject(error);
        }
      },
    );
    // After the run is posted: what is forgotten is never what it needs, and messages keep their order.
    while (member.programs.length > PROGRAMS_PER_THREAD) {
      const oldest = member.programs.shift();
      if (oldest !== undefined) member.thread.forget(oldest);
    }
  }

  /** The thread is dead: the task that it ran has used up an attempt, those behind it have not. */
  #replace(dead: Member, error: ThreadDied): void {
    if (!this.#members.includes(dead)) return;
    remove(this.#members, dead);
    this.#crashes++;
    void dead.thread.terminate();
    const [running, ...waiting] = dead.tasks.splice(0);
    this.#queue.unshift(...waiting);
    if (running !== undefined) {
      running.attempts++;
      if (running.attempts >= MAX_ATTEMPTS) {
        running.reject(new ThreadDied(`${MAX_ATTEMPTS} threads died computing this range: ${error.message}`));
      } else this.#queue.unshift(running);
    }
    this.#assign();
  }
}

/** What a thread's failure to compute means for a batch, in words. */
export function describeFailure(error: unknown): string {
  if (error instanceof KernelFault) return `the kernel failed: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

/** @returns whether it was there */
function remove<X>(list: X[], item: X): boolean {
  const index = list.indexOf(item);
  if (index >= 0) list.splice(index, 1);
  return index >= 0;
}
