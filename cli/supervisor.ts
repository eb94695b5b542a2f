/**
 * Runs services as child processes, so that the crash of one leaves the others alone: a crashed one is started
 * again after a pause that grows. Each child holds a channel to this process and stops by itself when that
 * closes, which it does even if this process is killed.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { readReady, type ReadyMessage } from './ready-message.ts';

const MAIN = join(import.meta.dirname, 'main.ts');
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** Who lived so long has recovered: the next pause is the first again. */
const HEALTHY_MS = 60_000;
/** A service that never became ready is given up after so many starts. */
const MAX_FALSE_STARTS = 5;
/** A worker hands back in 2 s, a coordinator closes in 5. */
const STOP_MS = 8000;

export interface ServiceSpec {
  /** How it is called in messages. */
  readonly name: string;
  /** Arguments of the command line. */
  readonly args: readonly string[];
  /** Its whole environment. Asked for at each start: a restarted coordinator keeps the port that it got. */
  readonly env: () => NodeJS.ProcessEnv;
  /** Whether the failure of its very first start is final. */
  readonly mustStart: boolean;
}

export interface Service {
  readonly name: string;
  /** Once it serves for the first time. Rejects if it is given up before. */
  readonly ready: Promise<ReadyMessage>;
  /** Resolves with the reason when it is given up, and will not be started again. */
  readonly givenUp: Promise<string>;
  readonly pid: number | undefined;
  stop(): Promise<void>;
  kill(): void;
}

export interface SupervisorOptions {
  /** Takes a note for the user: one line. */
  readonly say: (line: string) => void;
  /** Where the services' stderr goes: this process's, or a function that takes its pieces. */
  readonly stderr: 'inherit' | ((text: string) => void);
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #services: RunningService[] = [];

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  start(spec: ServiceSpec): Service {
    const service = new RunningService(spec, this.#options);
    this.#services.push(service);
    return service;
  }

  /** Stops all, those started last first: workers hand back to a coordinator that still listens. */
  async stop(): Promise<void> {
    const [first, ...later] = this.#services;
    await Promise.all(later.map((service) => service.stop()));
    await first?.stop();
  }

  kill(): void {
    for (const service of this.#services) service.kill();
  }
}

class RunningService implements Service {
  readonly name: string;
  readonly ready: Promise<ReadyMessage>;
  readonly givenUp: Promise<string>;
  readonly #spec: ServiceSpec;
  readonly #options: SupervisorOptions;
  #child: ChildProcess | undefined;
  #stopping = false;
  #wasReady = false;
  #falseStarts = 0;
  #pause_ms = FIRST_PAUSE_MS;
  #restart: NodeJS.Timeout | undefined;
  #resolveReady: (message: ReadyMessage) => void = () => undefined;
  #rejectReady: (error: Error) => void = () => undefined;
  #resolveGivenUp: (reason: string) => void = () => undefined;

  constructor(spec: ServiceSpec, options: SupervisorOptions) {
    this.name = spec.name;
    this.#spec = spec;
    this.#options = options;
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    // Who only waits for `givenUp` has not forgotten this one.
    this.ready.catch(() => undefined);
    this.givenUp = new Promise((resolve) => {
      this.#resolveGivenUp = resolve;
    });
    this.#start();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  #start(): void {
    this.#restart = undefined;
    const startedAt = performance.now();
    const { stderr } = this.#options;
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', MAIN, ...this.#spec.args],
      {
        env: this.#spec.env(),
        stdio: ['ignore', 'ignore', stderr === 'inherit' ? 'inherit' : 'pipe', 'ipc'],
        // A group of its own: Ctrl-C in the terminal reaches this process alone, which stops the services in order.
        detached: true,
      },
    );
    this.#child = child;
    if (stderr !== 'inherit') {
      child.stderr?.setEncoding('utf8');
      child.stderr?.on('data', stderr);
    }
    child.on('message', (message) => {
      const ready = readReady(message);
      if (ready === undefined) return;
      this.#wasReady = true;
      this.#falseStarts = 0;
      this.#resolveReady(ready);
    });
    child.on('error', (error) => this.#giveUp(`${this.name} cannot be started: ${error.message}`));
    child.on('exit', (code, signal) => {
      this.#child = undefined;
      if (!this.#stopping) this.#ended(code, signal, performance.now() - startedAt);
    });
  }

  #ended(code: number | null, signal: NodeJS.Signals | null, lived_ms: number): void {
    const how = `${this.name} ended (${signal ?? `exit code ${code ?? '?'}`})`;
    this.#falseStarts += 1;
    if (!this.#wasReady && (this.#spec.mustStart || this.#falseStarts >= MAX_FALSE_STARTS)) {
      this.#giveUp(`${this.name} did not start (${signal ?? `exit code ${code ?? '?'}`})`);
      return;
    }
    if (this.#falseStarts > MAX_FALSE_STARTS) {
      this.#giveUp(`${how} and could not be started again`);
      return;
    }
    if (lived_ms > HEALTHY_MS) this.#pause_ms = FIRST_PAUSE_MS;
    this.#options.say(`${how}; starting it again in ${(this.#pause_ms / 1000).toFixed(1)} s`);
    this.#restart = setTimeout(() => this.#start(), this.#pause_ms);
    this.#pause_ms = Math.min(LONGEST_PAUSE_MS, this.#pause_ms * 2);
  }

  #giveUp(reason: string): void {
    this.#stopping = true;
    this.#rejectReady(new Error(reason));
    this.#resolveGivenUp(reason);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    await new Promise<void>((resolve) => {
      const force = setTimeout(() => {
        this.#options.say(`${this.name} did not stop in ${STOP_MS / 1000} s: ending it`);
        child.kill('SIGKILL');
      }, STOP_MS);
      child.once('exit', () => {
        clearTimeout(force);
        resolve();
      });
      child.kill('SIGTERM');
    });
  }

  kill(): void {
    this.#stopping = true;
    clearTimeout(this.#restart);
    this.#child?.kill('SIGKILL');
  }
}
