/** Real processes of the `threads` command: started, waited for, killed; ended with the test that started them. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Api } from './api.ts';

const ROOT = join(import.meta.dirname, '../..');
const START_TIMEOUT_MS = 60_000;
/** Of what a process printed, to show when something fails. */
const KEPT_CHARACTERS = 100_000;

/** What ends with a test: its `t.after`, or a list that the test empties itself. */
export interface Ending {
  after(end: () => Promise<void> | void): void;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Threads {
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #output = '';
  #exit: Exit | undefined;

  /**
   * @param args of `threads`
   * @param env beside PATH and HOME nothing of the caller's environment is passed on
   * @param through a command that becomes the one behind it, such as `ip netns exec NAME`
   */
  constructor(
    ending: Ending,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    through: readonly string[] = [],
  ) {
    const { PATH, HOME, TMPDIR } = process.env;
    const inherited = { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }) };
    const line = [...through, process.execPath, join(ROOT, 'cli/main.ts'), ...args];
    this.#child = spawn(line[0] ?? '', line.slice(1), {
      cwd: ROOT,
      env: { ...inherited, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString('utf8')).slice(-KEPT_CHARACTERS);
      for (const watcher of [...this.#watchers]) watcher();
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
    this.exited = once(this.#child, 'close').then(() => {
      this.#exit = { code: this.#child.exitCode, signal: this.#child.signalCode };
      for (const watcher of [...this.#watchers]) watcher();
      return this.#exit;
    });
    ending.after(async () => {
      this.#child.kill('SIGKILL');
      await this.exited;
    });
  }

  /** stdout and stderr as they came. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** Sends the signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<Exit> {
    this.#child.kill(signal);
    return this.exited;
  }

  /** Resolves with the first match in the output. Rejects if the process ends or `timeout_ms` pass before. */
  line(pattern: RegExp, timeout_ms = START_TIMEOUT_MS): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        act();
      };
      const fail = (what: string) =>
        settle(() => reject(new Error(`${what} before it printed ${String(pattern)}:\n${this.#output}`)));
      const look = () => {
        const match = pattern.exec(this.#output);
        if (match !== null) settle(() => resolve(match));
        else if (this.#exit !== undefined) fail(`ended with ${this.#exit.code ?? this.#exit.signal ?? '?'}`);
      };
      const timer = setTimeout(() => fail(`${timeout_ms} ms passed`), timeout_ms);
      this.#watchers.add(look);
      look();
    });
  }
}

export interface CoordinatorOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** A coordinator that answers. */
export interface RunningCoordinator {
  readonly process: Threads;
  readonly url: string;
  readonly api: Api;
}

/** @throws Error with the output if it ends or does not get ready */
export async function startCoordinator(
  ending: Ending,
  { dataDir, port, env }: CoordinatorOptions,
): Promise<RunningCoordinator> {
  const child = new Threads(ending, ['coordinator'], {
    COORDINATOR_PORT: String(port),
    METRICS_PORT: '0',
    DATA_DIR: dataDir,
    LOG_LEVEL: 'info',
    ...env,
  });
  const url = `http://127.0.0.1:${port}`;
  const api = new Api(url);
  let ended = false;
  void child.exited.then(() => (ended = true));
  await api.until(
    async () => ended || (await api.ready()),
    'the coordinator is ready',
    START_TIMEOUT_MS,
    () => child.output,
  );
  if (ended) throw new Error(`the coordinator ended:\n${child.output}`);
  return { process: child, url, api };
}

export interface WorkerSettings {
  readonly url: string;
  readonly nodeId: string;
  readonly kind?: 'cpu' | 'gpu';
  readonly threads?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Started, but not yet connected: `api.worker(nodeId)` waits for that. */
export function startWorker(ending: Ending, settings: WorkerSettings): Threads {
  const { url, nodeId, kind = 'cpu', threads = 1, env } = settings;
  return new Threads(ending, ['worker', '--url', url, '--kind', kind], {
    NODE_ID: nodeId,
    WORKER_THREADS: String(threads),
    ...env,
  });
}

/** Free a moment ago. A coordinator that is killed and started again keeps its port. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
