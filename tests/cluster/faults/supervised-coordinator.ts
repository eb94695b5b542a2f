/** A coordinator of several, and who starts it again when it ends: as systemd or a container engine does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from '../api.ts';
import { Threads, type Ending, type Exit } from '../processes.ts';
import type { StallingWay } from './stalling-way.ts';

/** As a supervisor waits, so that what can't start is not started a hundred times a second. */
const RESTART_MS = 200;

export interface CoordinatorPlace {
  readonly address: string;
  readonly port: number;
  readonly dataDir: string;
  readonly storeUrl: string;
  /** Shared by all, and with the operator's own workers. */
  readonly workerKeyFile: string;
}

/** An end that nobody asked for. */
export interface Ended extends Exit {
  readonly name: string;
  readonly at: number;
  readonly output: string;
}

export class SupervisedCoordinator {
  readonly name: string;
  readonly api: Api;
  readonly wayToStore: StallingWay;
  /** Everything that it was, the latest last. */
  readonly lives: Threads[] = [];
  readonly ends: Ended[] = [];
  readonly #ending: Ending;
  readonly #place: CoordinatorPlace;
  #isHeld = false;
  #expected: NodeJS.Signals | undefined;
  #release: () => void = () => undefined;
  #isOver = false;

  constructor(ending: Ending, name: string, place: CoordinatorPlace, wayToStore: StallingWay) {
    this.#ending = ending;
    this.name = name;
    this.#place = place;
    this.wayToStore = wayToStore;
    this.api = new Api(`http://${place.address}:${place.port}`);
    ending.after(() => {
      this.#isOver = true;
      this.#release();
    });
    this.#start();
  }

  get pid(): number {
    return this.#process.pid;
  }

  get output(): string {
    return this.lives.map(({ output }) => output).join('');
  }

  /** Ends it by a signal; it is started again once `mayStart` is called. Resolves when it has ended. */
  async end(signal: NodeJS.Signals): Promise<Exit> {
    this.#isHeld = true;
    // One that has just ended by itself is only held back.
    if (this.#process.running) this.#expected = signal;
    return this.#process.end(signal);
  }

  mayStart(): void {
    this.#isHeld = false;
    this.#release();
  }

  get #process(): Threads {
    const process = this.lives.at(-1);
    if (process === undefined) throw new Error(`${this.name} was never started`);
    return process;
  }

  #start(): void {
    const { address, port, dataDir, storeUrl, workerKeyFile } = this.#place;
    const child = new Threads(this.#ending, ['coordinator'], {
      HOST: address,
      COORDINATOR_PORT: String(port),
      METRICS_PORT: '0',
      DATA_DIR: dataDir,
      STORE_URL: storeUrl,
      WORKER_KEY_FILE: workerKeyFile,
      TRUST_PROXY: '127.0.0.1',
      LOG_LEVEL: 'warn',
    });
    this.lives.push(child);
    void child.exited.then((exit) => this.#ended(child, exit));
  }

  async #ended(child: Threads, exit: Exit): Promise<void> {
    if (this.#isOver) return;
    const asked = this.#expected;
    this.#expected = undefined;
    // SIGTERM ends one that is still starting without its doing.
    const asAsked =
      asked !== undefined && (exit.signal === asked || (asked === 'SIGTERM' && exit.code === 0));
    if (!asAsked) this.ends.push({ name: this.name, at: Date.now(), output: child.output, ...exit });
    await sleep(RESTART_MS);
    if (this.#isHeld) await new Promise<void>((release) => (this.#release = release));
    if (!this.#isOver) this.#start();
  }
}
