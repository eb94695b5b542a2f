/** Plays a share of a crowd: connects it, lets it work, cuts it off, sends it home. */
import { Chance } from './chance.ts';
import { SimulatedWorker, type Surroundings } from './simulated-worker.ts';
import { Tally, type TallyState } from './tally.ts';
import { TinyBatches } from './tiny-batches.ts';
import { planWorkers, type Crowd, type WorkerPlan } from './worker-plan.ts';

/** Handshakes under way while a crowd gathers: what a storm of them does is measured apart. */
const LANES = 64;
/** Of visitors: the shortest stay, and how heavy the tail is: a mean of 6 s, and one in a thousand stays for 200 s. */
const STAY = { least_ms: 2000, shape: 1.5 };
const AWAY_MS = 1000;
/** Of those who leave: the others just vanish. */
const POLITE_SHARE = 0.5;

export interface Share {
  readonly crowd: Crowd;
  /** Every so many-th worker of the crowd, beginning with … */
  readonly stride: number;
  readonly first: number;
  readonly key: string | undefined;
}

export class Generator {
  readonly #mixed: boolean;
  readonly #around: Surroundings;
  readonly #tally = new Tally();
  readonly #visitors: Visitor[];
  readonly #connected = new Set<number>();
  /** Of those who are to be lost and come back: who has not been lost yet. */
  #toBeLost = new Set<number>();
  #working = false;
  #allBack: () => void = () => undefined;
  readonly #cpuBefore = process.cpuUsage();

  constructor({ crowd, stride, first, key }: Share) {
    this.#mixed = crowd.mixed;
    this.#around = {
      tally: this.#tally,
      batches: new TinyBatches(),
      key,
      welcomed: (index) => {
        this.#connected.add(index);
        if (this.#toBeLost.size === 0 && this.#connected.size === this.#visitors.length) this.#allBack();
      },
      lost: (index) => {
        this.#connected.delete(index);
        this.#toBeLost.delete(index);
      },
    };
    this.#visitors = planWorkers(crowd)
      .filter(({ index }) => index % stride === first)
      .map((plan) => new Visitor(plan, this.#around));
  }

  get connected(): number {
    return this.#connected.size;
  }

  /** Resolves when all have been welcomed. @throws Error if the coordinator refuses one for good */
  async gather(): Promise<void> {
    const queue = this.#visitors.values();
    const lane = async () => {
      for (const visitor of queue) await visitor.come(this.#working);
    };
    await Promise.all(Array.from({ length: Math.min(LANES, this.#visitors.length) }, lane));
  }

  work(): void {
    this.#working = true;
    for (const visitor of this.#visitors) {
      visitor.worker.work();
      if (this.#mixed) visitor.comeAndGo();
    }
  }

  /** Breaks every connection at once. */
  cut(): void {
    for (const { worker } of this.#visitors) worker.cut();
  }

  /** Ask it before the storm: resolves when everybody has lost a connection and everybody is connected. */
  back(): Promise<void> {
    this.#toBeLost = new Set(this.#connected);
    return new Promise((resolve) => (this.#allBack = resolve));
  }

  tally(): TallyState {
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    this.#tally.cpuSeconds = (user + system) / 1e6;
    return this.#tally.state();
  }

  /** Everybody hands back and leaves. */
  async goHome(): Promise<void> {
    this.#working = false;
    await Promise.all(this.#visitors.map((visitor) => visitor.goHome()));
  }
}

/** A device whose owner comes back: each visit is a worker of its own. */
class Visitor {
  readonly #plan: WorkerPlan;
  readonly #around: Surroundings;
  readonly #chance: Chance;
  #visit = 0;
  #worker: SimulatedWorker;
  #timer: NodeJS.Timeout | undefined;
  #atHome = false;

  constructor(plan: WorkerPlan, around: Surroundings) {
    this.#plan = plan;
    this.#around = around;
    this.#chance = new Chance(`${plan.name} visits`);
    this.#worker = new SimulatedWorker(plan, this.#visit, around);
  }

  get worker(): SimulatedWorker {
    return this.#worker;
  }

  async come(working: boolean): Promise<void> {
    this.#worker.join();
    if (working) this.#worker.work();
    await this.#worker.joined;
  }

  /** The visit begins now. */
  comeAndGo(): void {
    if (this.#atHome) return;
    this.#timer = setTimeout(() => void this.#leave(), this.#chance.pareto(STAY.least_ms, STAY.shape));
  }

  async #leave(): Promise<void> {
    if (this.#chance.chance(POLITE_SHARE)) await this.#worker.leave();
    else this.#worker.vanish();
    if (this.#atHome) return;
    this.#timer = setTimeout(() => this.#return(), this.#chance.exponential(AWAY_MS));
  }

  #return(): void {
    this.#visit += 1;
    this.#worker = new SimulatedWorker(this.#plan, this.#visit, this.#around);
    this.#worker.join();
    this.#worker.work();
    // Who waits for a coordinator that is overrun does not leave before having been there; whoever is refused is counted.
    void this.#worker.joined.then(
      () => this.comeAndGo(),
      () => undefined,
    );
  }

  async goHome(): Promise<void> {
    this.#atHome = true;
    clearTimeout(this.#timer);
    await this.#worker.leave();
  }
}
