/** What goes wrong in a history, how often, and when. */
import type { Chance } from './chance.ts';
import type { VirtualClock } from './clock.ts';
import type { CoordinatorHost } from './coordinator-host.ts';
import type { DeviceFaults } from './device.ts';
import type { StoreFaults } from './faulty-store.ts';
import { QUIET } from './network.ts';
import type { NetworkFaults } from './network.ts';
import type { WorkerHost } from './worker-host.ts';

export interface Profile {
  readonly description: string;
  readonly workers: number;
  readonly liars: number;
  /** Share of workers that are not the operator's own. */
  readonly strangers: number;
  readonly lieProbability: number;
  /** Share of slow workers. */
  readonly stragglers: number;
  /** How long a batch should take. */
  readonly target_ms: number;
  readonly network: NetworkFaults;
  readonly store: StoreFaults;
  readonly device: DeviceFaults;
  /** Mean time between events of one kind; Infinity for none. */
  readonly every_ms: Readonly<Record<FaultKind, number>>;
  readonly jobs: number;
  /** Share of jobs that are cancelled at some time. */
  readonly cancelled: number;
  readonly pauses: boolean;
  /** Share of jobs that may run only for so long, and of those whose batches may fail but a few times. */
  readonly hurried: number;
  readonly impatient: number;
}

const FAULT_KINDS = [
  'coordinator_kill',
  'coordinator_stop',
  'worker_kill',
  'worker_stop',
  'worker_freeze',
  'partition',
  'disk_full',
] as const;
type FaultKind = (typeof FAULT_KINDS)[number];

/** Each fault is there or not, so that some histories have one alone and some all of them. */
export function drawProfile(chance: Chance): Profile {
  const names: string[] = [];
  const has = (name: string, probability = 0.4): boolean => {
    const drawn = chance.chance(probability);
    if (drawn) names.push(name);
    return drawn;
  };
  const every = (name: string, low: number, high: number, probability?: number): number =>
    has(name, probability) ? chance.between(low, high) : Infinity;
  const workers = chance.whole(1, 6);
  const liars = workers > 1 && has('liars', 0.3) ? chance.whole(1, Math.ceil(workers / 2)) : 0;
  const lossy = has('loss');
  const network: NetworkFaults = {
    ...QUIET,
    loseProbability: lossy ? chance.between(0, 0.1) : 0,
    doubleProbability: has('doubles') ? chance.between(0, 0.3) : 0,
    slowProbability: has('delays') ? chance.between(0, 0.15) : 0,
    latency_ms: chance.between(1, 200),
    breakEvery_ms: every('breaks', 10_000, 300_000),
  };
  const store = {
    crashProbability: has('commit crashes') ? chance.between(0, 0.03) : 0,
    slowProbability: has('slow disk') ? chance.between(0, 0.3) : 0,
    fullUntil: 0,
  };
  const device = {
    deathProbability: has('thread deaths', 0.2) ? chance.between(0, 0.002) : 0,
    kernelFaultProbability: has('kernel faults', 0.2) ? chance.between(0, 0.0005) : 0,
  };
  const every_ms = {
    coordinator_kill: every('coordinator kills', 20_000, 300_000),
    coordinator_stop: every('coordinator stops', 60_000, 600_000, 0.2),
    worker_kill: every('worker kills', 20_000, 200_000),
    worker_stop: every('worker stops', 20_000, 200_000, 0.3),
    worker_freeze: every('freezes', 20_000, 200_000, 0.3),
    partition: every('partitions', 20_000, 200_000, 0.3),
    disk_full: every('full disk', 100_000, 600_000, 0.15),
  };
  const stragglers = has('stragglers', 0.3) ? chance.between(0.1, 0.6) : 0;
  const jobs = chance.whole(1, 4);
  const cancelled = has('cancels', 0.3) ? chance.between(0.2, 0.6) : 0;
  const pauses = has('pauses', 0.3);
  const strangers = has('strangers', 0.4) ? chance.pick([0.5, 1]) : 0;
  const hurried = has('time limits', 0.2) ? 0.5 : 0;
  const impatient = has('few attempts', 0.3) ? 0.5 : 0;
  const description = `${workers} workers (${liars} liars), ${jobs} jobs; faults: ${names.join(', ') || 'none'}`;
  const lieProbability = chance.between(0.2, 1);
  return {
    description,
    workers,
    liars,
    strangers,
    lieProbability,
    stragglers,
    target_ms: chance.pick([500, 2000, 10_000]),
    network,
    store,
    device,
    every_ms,
    jobs,
    cancelled,
    pauses,
    hurried,
    impatient,
  };
}

export class FaultSchedule {
  readonly #clock: VirtualClock;
  readonly #chance: Chance;
  readonly #coordinator: CoordinatorHost;
  readonly #hosts: readonly WorkerHost[];
  readonly #profile: Profile;
  #healed = false;

  constructor(parts: {
    readonly clock: VirtualClock;
    readonly chance: Chance;
    readonly coordinator: CoordinatorHost;
    readonly hosts: readonly WorkerHost[];
    readonly profile: Profile;
  }) {
    this.#clock = parts.clock;
    this.#chance = parts.chance;
    this.#coordinator = parts.coordinator;
    this.#hosts = parts.hosts;
    this.#profile = parts.profile;
  }

  start(): void {
    for (const kind of FAULT_KINDS) this.#repeat(kind, this.#profile.every_ms[kind]);
    // Whatever ended a worker, somebody starts it again.
    this.#restart();
  }

  /** No fault comes any more; what is broken is repaired. */
  heal(): void {
    this.#healed = true;
    this.#profile.store.crashProbability = 0;
    this.#profile.store.slowProbability = 0;
    this.#profile.store.fullUntil = 0;
  }

  #repeat(kind: FaultKind, mean_ms: number): void {
    if (!Number.isFinite(mean_ms)) return;
    this.#clock.setTimer(this.#chance.exponential(mean_ms), () => {
      if (this.#healed) return;
      this.#strike(kind);
      this.#repeat(kind, mean_ms);
    });
  }

  #restart(): void {
    this.#clock.setTimer(this.#chance.between(500, 30_000), () => {
      for (const host of this.#hosts) if (!host.running && this.#chance.chance(0.5)) host.start();
      this.#restart();
    });
  }

  #strike(kind: FaultKind): void {
    const chance = this.#chance;
    const host = chance.pick(this.#hosts);
    const pause_ms = chance.chance(0.5) ? chance.between(100, 20_000) : chance.between(20_000, 200_000);
    switch (kind) {
      case 'coordinator_kill':
        this.#coordinator.crash('by SIGKILL');
        return;
      case 'coordinator_stop':
        void this.#coordinator.stop();
        return;
      case 'worker_kill':
        host.kill();
        return;
      case 'worker_stop':
        host.stop();
        return;
      case 'worker_freeze':
        host.freeze(pause_ms);
        return;
      case 'partition':
        for (const one of chance.chance(0.2) ? this.#hosts : [host]) one.partition(pause_ms);
        return;
      case 'disk_full':
        this.#profile.store.fullUntil = this.#clock.now() + chance.between(100, 60_000);
        return;
    }
  }
}
