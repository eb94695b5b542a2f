/** Does to a cluster what was drawn, and heals it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DrawnFault, FaultKind } from './drawn-faults.ts';
import type { ReplicaCluster } from './replica-cluster.ts';
import type { SupervisedCoordinator } from './supervised-coordinator.ts';

/** What is hit: by one fault at a time. */
interface Target {
  readonly name: string;
  /** Resolves when it is done; what it gives heals it. */
  readonly strike: () => Promise<() => Promise<void> | void>;
}

/** A coordinator that was killed, stopped or cut off: others may take over its work from then on. */
export interface Silence {
  readonly coordinator: SupervisedCoordinator;
  readonly kind: FaultKind;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly lasts_ms: number;
}

export class Faults {
  readonly silences: Silence[] = [];
  readonly #cluster: ReplicaCluster;
  readonly #say: (line: string) => void;
  readonly #hit = new Set<string>();

  constructor(cluster: ReplicaCluster, say: (line: string) => void) {
    this.#cluster = cluster;
    this.#say = say;
  }

  get underWay(): number {
    return this.#hit.size;
  }

  /** Resolves when it is healed. One of a kind of which everything is hit already does nothing. */
  async run(fault: DrawnFault): Promise<void> {
    await sleep(fault.delay_ms);
    const { kind, lasts_ms, lot } = fault;
    const targets = this.#targets(fault).filter(({ name }) => !this.#hit.has(name));
    const target = targets[Math.floor(lot * targets.length)];
    if (target === undefined) {
      this.#say(`${kind}: left out, all of them are hit already`);
      return;
    }
    this.#hit.add(target.name);
    try {
      this.#say(`${kind}: ${target.name} for ${Math.round(lasts_ms)} ms`);
      const heal = await target.strike();
      await sleep(lasts_ms);
      await heal();
    } finally {
      this.#hit.delete(target.name);
    }
  }

  #targets({ kind, lasts_ms }: DrawnFault): readonly Target[] {
    const { postgres, nginx, crowds, realWorkers } = this.#cluster;
    const workers = [...crowds, ...realWorkers];
    switch (kind) {
      case 'coordinator killed':
        return this.#coordinators(kind, lasts_ms, async (one) => {
          await one.end('SIGKILL');
          return () => one.mayStart();
        });
      case 'coordinator terminated':
        return this.#coordinators(kind, lasts_ms, async (one) => {
          const began = performance.now();
          const { code, signal } = await one.end('SIGTERM');
          const took = Math.round(performance.now() - began);
          this.#say(`${one.name} ended by ${code ?? signal ?? '?'} ${took} ms after SIGTERM`);
          return () => one.mayStart();
        });
      case 'coordinator stopped':
        return this.#coordinators(kind, lasts_ms, (one) => {
          const { pid } = one;
          process.kill(pid, 'SIGSTOP');
          return Promise.resolve(() => void process.kill(pid, 'SIGCONT'));
        });
      case 'coordinator cut off from the database':
        return this.#coordinators(kind, lasts_ms, ({ wayToStore }) => {
          wayToStore.cut();
          return Promise.resolve(() => wayToStore.mend());
        });
      case 'database killed':
        return [
          {
            name: 'PostgreSQL',
            strike: async () => {
              await postgres.kill();
              return () => postgres.start();
            },
          },
        ];
      case 'nginx killed':
        return [
          {
            name: 'nginx',
            strike: async () => {
              await nginx.kill();
              return () => nginx.startAgain();
            },
          },
        ];
      case 'workers killed':
        return workers.map((one) => ({
          name: one.name,
          strike: async () => {
            await one.kill();
            return () => one.startAgain();
          },
        }));
      case 'workers cut off from nginx':
        return workers.map(({ name, way }) => ({
          name,
          strike: () => {
            way.cut();
            return Promise.resolve(() => way.mend());
          },
        }));
    }
  }

  #coordinators(
    kind: FaultKind,
    lasts_ms: number,
    strike: (one: SupervisedCoordinator) => Promise<() => void>,
  ): readonly Target[] {
    return this.#cluster.coordinators.map((coordinator) => ({
      name: coordinator.name,
      strike: () => {
        this.silences.push({ coordinator, kind, from: Date.now(), lasts_ms });
        return strike(coordinator);
      },
    }));
  }
}
