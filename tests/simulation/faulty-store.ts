/**
 * The real store with the faults of a machine: commits take time, a crash comes before a commit, after it, or
 * between it and its answer, and the disk is full for a while. A killed store answers nothing any more.
 */
import { ClusterError } from '../../protocol/errors.ts';
import type { AuditPage, Change, Committed, JobPage, Store } from '../../coordinator/store/store.ts';
import type { Chance } from './chance.ts';
import type { ProcessTime } from './process-time.ts';

export interface StoreFaults {
  /** The coordinator dies at a commit; half of the times before it, half after. */
  crashProbability: number;
  slowProbability: number;
  /** The disk is full until this time (ms since 1970). */
  fullUntil: number;
}

export interface StoreWatcher {
  /** Durable, whether or not anybody is told. */
  committed(changes: readonly Change[]): void;
  crash(when: string): void;
}

export class FaultyStore implements Store {
  readonly epoch: number;
  readonly tokenKey: Uint8Array;
  readonly existed: boolean;
  readonly replicas = null;
  readonly #inner: Store;
  readonly #time: ProcessTime;
  readonly #chance: Chance;
  readonly #faults: StoreFaults;
  readonly #watcher: StoreWatcher;
  /** Commits stay in order: the store has one connection. */
  #last = 0;

  constructor(inner: Store, time: ProcessTime, chance: Chance, faults: StoreFaults, watcher: StoreWatcher) {
    this.epoch = inner.epoch;
    this.tokenKey = inner.tokenKey;
    this.existed = inner.existed;
    this.#inner = inner;
    this.#time = time;
    this.#chance = chance;
    this.#faults = faults;
    this.#watcher = watcher;
  }

  commit(changes: readonly Change[]): Promise<Committed> {
    const slow = this.#chance.chance(this.#faults.slowProbability);
    const start = Math.max(this.#time.now(), this.#last);
    this.#last = start + (slow ? this.#chance.between(50, 2000) : this.#chance.between(0.2, 4));
    return new Promise((resolve, reject) => {
      this.#time.setTimer(this.#last - this.#time.now(), () => {
        if (this.#time.now() < this.#faults.fullUntil) {
          reject(new ClusterError('store_unavailable', 'the simulated disk is full'));
          return;
        }
        const crash = this.#chance.chance(this.#faults.crashProbability);
        if (crash && this.#chance.chance(0.5)) {
          this.#watcher.crash('before a commit');
          return;
        }
        this.#inner.commit(changes).then((value) => {
          this.#watcher.committed(changes);
          if (crash) this.#watcher.crash('between a commit and its acknowledgements');
          else resolve(value);
        }, reject);
      });
    });
  }

  loadActive() {
    return this.#read(() => this.#inner.loadActive());
  }
  countJobs() {
    return this.#read(() => this.#inner.countJobs());
  }
  nextJobSeq() {
    return this.#read(() => this.#inner.nextJobSeq());
  }
  findJob(jobId: string) {
    return this.#read(() => this.#inner.findJob(jobId));
  }
  findSnapshot(jobId: string) {
    return this.#read(() => this.#inner.findSnapshot(jobId));
  }
  progress(jobIds: readonly string[]) {
    return this.#read(() => this.#inner.progress(jobIds));
  }
  findByIdempotencyKey(userId: string | null, key: string) {
    return this.#read(() => this.#inner.findByIdempotencyKey(userId, key));
  }
  listJobs(page: JobPage) {
    return this.#read(() => this.#inner.listJobs(page));
  }
  computed(from: number, minutes: number, buckets: number) {
    return this.#read(() => this.#inner.computed(from, minutes, buckets));
  }
  events(from: number, limit: number) {
    return this.#read(() => this.#inner.events(from, limit));
  }

  loadKeys() {
    return this.#read(() => this.#inner.loadKeys());
  }
  listAudit(page: AuditPage) {
    return this.#read(() => this.#inner.listAudit(page));
  }

  close(): Promise<void> {
    return this.#time.alive ? this.#inner.close() : forever();
  }

  /** Reads take a moment too, as those of a store on another machine do. */
  #read<T>(read: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#time.setTimer(this.#chance.between(0, 1), () => void read().then(resolve, reject));
    });
  }
}

function forever(): Promise<never> {
  return new Promise(() => undefined);
}
