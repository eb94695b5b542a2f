/** The processes that play a crowd, commanded as one. */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { reply, type Command, type Reply } from './generator-messages.ts';
import { Tally } from './tally.ts';
import type { Crowd } from './worker-plan.ts';

const MAIN = join(import.meta.dirname, 'generator-main.ts');

type Asked = Exclude<Command['do'], 'start'>;

export class Generators {
  readonly #processes: readonly GeneratorProcess[];

  private constructor(processes: readonly GeneratorProcess[]) {
    this.#processes = processes;
  }

  static async start(crowd: Crowd, processes: number, key: string | undefined): Promise<Generators> {
    const made = Array.from({ length: processes }, () => new GeneratorProcess());
    const share = (first: number) => ({
      crowd,
      stride: processes,
      first,
      ...(key === undefined ? {} : { key }),
    });
    const generators = new Generators(made);
    try {
      await Promise.all(made.map((one, first) => one.ask({ do: 'start', share: share(first) })));
      return generators;
    } catch (error) {
      generators.end();
      throw error;
    }
  }

  /**
   * @returns what all have counted since they were started, and how many workers are connected
   * @throws Error if one of them fails or has ended
   */
  async all(what: Asked): Promise<{ readonly tally: Tally; readonly connected: number }> {
    const replies = await Promise.all(this.#processes.map((one) => one.ask({ do: what })));
    const tally = new Tally();
    let connected = 0;
    for (const one of replies) {
      tally.merge(one.tally);
      connected += one.connected;
    }
    return { tally, connected };
  }

  end(): void {
    for (const one of this.#processes) one.end();
  }
}

type Unnumbered = Command extends infer C ? (C extends Command ? Omit<C, 'id'> : never) : never;
type Done = Extract<Reply, { ok: true }>;

class GeneratorProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (done: Done) => void; reject: (error: Error) => void }>();
  #lastId = 0;
  #ended: Error | undefined;

  constructor() {
    this.#child = fork(MAIN, {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // Ctrl-C in the terminal reaches the command alone, which lets the workers leave.
      detached: true,
    });
    this.#child.on('message', (message) => {
      const read = reply.parse(message);
      const waiting = this.#waiting.get(read.id);
      this.#waiting.delete(read.id);
      if (read.ok) waiting?.resolve(read);
      else waiting?.reject(new Error(read.message));
    });
    this.#child.on('error', (error) => this.#fail(error));
    this.#child.on('exit', (code, signal) =>
      this.#fail(
        new Error(`a process of the load generator ended (${signal ?? `exit code ${code ?? '?'}`})`),
      ),
    );
  }

  ask(command: Unnumbered): Promise<Done> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended);
        return;
      }
      const id = ++this.#lastId;
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, ...command }, (error) => {
        if (error !== null) this.#fail(error);
      });
    });
  }

  end(): void {
    this.#ended ??= new Error('the load generator was ended');
    if (this.#child.connected) this.#child.disconnect();
  }

  #fail(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}
