/** A process that computes for the bench: see runner-main.ts. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Range } from '../../protocol/range.ts';
import type { Environment } from '../option.ts';
import type { Case } from './cases.ts';
import { ONE_LAVAPIPE_THREAD, onCore } from './clocks.ts';
import type { Fields } from './comparison.ts';
import type { RUN_KINDS, RunnerReply, RunnerRequest } from './runner-messages.ts';
import { fieldsReply, measured, prepared, runnerReply } from './runner-messages.ts';
import type { Measured } from './subject.ts';

const MAIN = join(import.meta.dirname, 'runner-main.ts');
/** A driver can hang; the longest single answer is a few seconds. */
const ANSWER_MS = 120_000;

export type RunKind = (typeof RUN_KINDS)[number];

export interface RunnerOptions {
  readonly environment: Environment;
  /** As `threads doctor` counts them; null: a runner for the CPU. */
  readonly adapter: number | null;
  readonly software: boolean;
  /** What computes is pinned to it; undefined: nothing is. */
  readonly core: number | undefined;
}

// A union loses its members to Omit, unless it is taken apart first.
type Unnumbered<R> = R extends RunnerRequest ? Omit<R, 'id'> : never;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Runner {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #ended: Error | undefined;
  #stderr = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-2000);
    });
    child.on('message', (message) => this.#answered(runnerReply.parse(message)));
    child.on('error', (error) => this.#end(error.message));
    child.on('exit', (code, signal) => this.#end(signal ?? `exit code ${code ?? '?'}`));
  }

  static async start(options: RunnerOptions): Promise<Runner> {
    const { environment, adapter, software, core } = options;
    const main = [process.execPath, '--disable-warning=ExperimentalWarning', MAIN] as const;
    // Of a software adapter only the threads that compute are pinned: the others would take time from them.
    const [command, args] = onCore(adapter === null ? core : undefined, main[0], main.slice(1));
    const child = spawn(command, args, {
      env: { ...environment, ...ONE_LAVAPIPE_THREAD },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    const runner = new Runner(child);
    try {
      await runner.#ask({ op: 'open', adapter, software, core: core ?? null });
    } catch (error) {
      runner.close();
      throw error;
    }
    return runner;
  }

  /** @returns how long its calls are, in units of the range */
  async prepare(kind: RunKind, { name }: Case): Promise<bigint> {
    return prepared.parse(await this.#ask({ op: 'prepare', kind, test: name })).call;
  }

  async fields(kind: RunKind, { name }: Case, { start, end }: Range): Promise<Fields> {
    return fieldsReply.parse(await this.#ask({ op: 'fields', kind, test: name, range: { start, end } }));
  }

  async measure(kind: RunKind, { name }: Case, start: bigint, seconds: number): Promise<Measured> {
    return measured.parse(await this.#ask({ op: 'measure', kind, test: name, start, seconds }));
  }

  close(): void {
    this.#ended ??= new Error('the runner was closed');
    if (this.#child.connected) this.#child.disconnect();
    // Inside a kernel it hears nothing.
    this.#child.kill('SIGKILL');
  }

  #ask(request: Unnumbered<RunnerRequest>): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#child.kill('SIGKILL');
      }, ANSWER_MS);
      this.#waiting.set(id, {
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#child.send({ ...request, id });
    });
  }

  #answered(reply: RunnerReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('error' in reply) waiting?.reject(new Error(reply.error));
    else waiting?.resolve(reply.value);
  }

  #end(how: string): void {
    this.#ended ??= new Error(`a process of the bench ended (${how})\n${this.#stderr}`.trimEnd());
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}
