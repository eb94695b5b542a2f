/** Simulated workers in a process of their own, which can be killed and started again. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Tally } from '../../../cli/load/tally.ts';
import type { Range } from '../../../protocol/range.ts';
import type { Ending } from '../processes.ts';
import { CROWD_VARIABLE, crowdSays, type CrowdPlan } from './crowd-messages.ts';
import type { StallingWay } from './stalling-way.ts';

const MAIN = join(import.meta.dirname, 'crowd-main.ts');

export interface CrowdListener {
  acknowledged(range: Range): void;
  /** Something that must not happen to a worker. */
  failed(what: string): void;
}

export class Crowd {
  readonly name: string;
  readonly way: StallingWay;
  readonly #plan: Omit<CrowdPlan, 'life'>;
  readonly #caFile: string;
  readonly #listener: CrowdListener;
  #child: ChildProcess;
  #life = 0;
  #isEnding = false;
  #told: ((told: { readonly connected: number; readonly tally: Tally }) => void)[] = [];

  constructor(
    ending: Ending,
    plan: Omit<CrowdPlan, 'life'>,
    way: StallingWay,
    caFile: string,
    listener: CrowdListener,
  ) {
    this.name = `workers ${plan.index}`;
    this.way = way;
    this.#plan = plan;
    this.#caFile = caFile;
    this.#listener = listener;
    this.#child = this.#start();
    ending.after(() => this.kill());
  }

  async kill(): Promise<void> {
    this.#isEnding = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await ended;
  }

  /** After `kill`. */
  startAgain(): void {
    this.#life += 1;
    this.#isEnding = false;
    this.#child = this.#start();
  }

  /** What this life of it has counted, and how many of its workers are connected. */
  ask(): Promise<{ readonly connected: number; readonly tally: Tally }> {
    return new Promise((resolve) => {
      this.#told.push(resolve);
      this.#child.send({});
    });
  }

  #start(): ChildProcess {
    const { PATH, HOME } = process.env;
    const plan: CrowdPlan = { ...this.#plan, life: this.#life };
    const child = fork(MAIN, {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { PATH, HOME, NODE_EXTRA_CA_CERTS: this.#caFile, [CROWD_VARIABLE]: JSON.stringify(plan) },
    });
    let output = '';
    child.stderr?.on('data', (chunk: Buffer) => (output = (output + chunk.toString('utf8')).slice(-10_000)));
    child.on('message', (message) => this.#heard(message));
    child.on('exit', () => {
      if (!this.#isEnding) this.#listener.failed(`${this.name} ended by themselves:\n${output}`);
    });
    return child;
  }

  #heard(message: unknown): void {
    const said = crowdSays.parse(message);
    switch (said.kind) {
      case 'acknowledged':
        this.#listener.acknowledged({ start: said.start, end: said.end });
        return;
      case 'refused':
        this.#listener.failed(`one of ${this.name} was refused for good: ${said.message}`);
        return;
      case 'told': {
        const tally = new Tally();
        tally.merge(said.tally);
        this.#told.shift()?.({ connected: said.connected, tally });
      }
    }
  }
}
