/** Several cores on one real PostgreSQL, under the real clock: a coordinator that hangs is one whose timers stand still. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Runtime } from '../cluster.ts';
import { createCluster } from '../jobs/create-cluster.ts';
import type { StartedCluster } from '../jobs/create-cluster.ts';
import type { ClusterConfig } from '../jobs/dependencies.ts';
import { CountingObserver, ReferenceRecompute, testWorkloads } from '../jobs/test-cluster.ts';
import { createLog } from '../log.ts';
import { openPostgresStore } from '../store/postgres/store.ts';
import type { Store } from '../store/store.ts';

/** How long a silent coordinator is waited for in tests. */
export const PATIENCE_MS = 1500;

/** The system's clock; nothing more is fired once it hangs. */
export class HangingRuntime implements Runtime {
  #hangs = false;

  now(): number {
    return Date.now();
  }

  setTimer(ms: number, fire: () => void): () => void {
    const timer = setTimeout(() => {
      if (!this.#hangs) fire();
    }, ms);
    return () => clearTimeout(timer);
  }

  random(): number {
    return Math.random();
  }

  hang(): void {
    this.#hangs = true;
  }
}

export interface TestReplica {
  readonly cluster: StartedCluster;
  readonly store: Store;
  readonly observer: CountingObserver;
  /** As a process that stands still, or is cut off from the database: it beats no more, and what it sends is late. */
  hang(): void;
}

/** How the store of a test differs: what it is asked is done long before its answer is heard. */
export interface StoreManners {
  /** How long a silent coordinator is waited for. */
  readonly patienceMs?: number;
  /** Of a commit: it is durable, and rung. */
  commit?(): Promise<void>;
  countJobs?(): Promise<void>;
}

function answeringLate(store: Store, { commit, countJobs }: StoreManners): Store {
  return new Proxy(store, {
    get(target, name: keyof Store): unknown {
      if (name === 'commit') {
        return async (changes: Parameters<Store['commit']>[0]) => {
          const committed = await target.commit(changes);
          await commit?.();
          return committed;
        };
      }
      if (name === 'countJobs') {
        return async () => {
          const counts = await target.countJobs();
          await countJobs?.();
          return counts;
        };
      }
      const value = target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/**
 * @param ending closes it after the test, unless the test has
 */
export async function startReplica(
  ending: { after(end: () => Promise<void>): void },
  url: string,
  config: Partial<ClusterConfig> = {},
  manners: StoreManners = {},
): Promise<TestReplica> {
  const { patienceMs = PATIENCE_MS } = manners;
  const store = answeringLate(await openPostgresStore(url, { patienceMs }), manners);
  const runtime = new HangingRuntime();
  const observer = new CountingObserver();
  const cluster = await createCluster({
    store,
    workloads: testWorkloads,
    runtime,
    observer,
    recompute: new ReferenceRecompute(testWorkloads),
    kernelHashes: () => ({ gpu: '0'.repeat(64), cpu: '1'.repeat(64) }),
    log: createLog('silent'),
    config: { softwareVersion: '0.0.0', expectedWorkers: () => null, ...config },
  });
  ending.after(() => cluster.close());
  return { cluster, store, observer, hang: () => runtime.hang() };
}

const LOOK_MS = 20;
const LONGEST_MS = 30_000;

/** Resolves once `condition` holds. @throws Error after half a minute, with `what` */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<number> {
  const began = performance.now();
  while (!(await condition())) {
    if (performance.now() - began > LONGEST_MS) throw new Error(`in half a minute there was not: ${what}`);
    await sleep(LOOK_MS);
  }
  return performance.now() - began;
}
