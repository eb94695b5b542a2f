/**
 * Group commit: what arrives while a commit is under way, or within the same turn of the event loop, goes
 * into the next one. Writes become durable in the order in which they were handed over, all of a group or
 * none; their effects on memory are applied in that order too, before anything else can look.
 */
import { ClusterError } from '../../protocol/errors.ts';
import type { Observer, Runtime } from '../cluster.ts';
import type { Log } from '../log.ts';
import type { Change, Committed, Store } from '../store/store.ts';
import { StoreFenced } from '../store/store.ts';

function away(): ClusterError {
  return new ClusterError(
    'store_unavailable',
    'the store can’t be reached now: nothing was stored, try again later',
  );
}

interface Write {
  readonly changes: readonly Change[];
  /** Called once the changes are durable, synchronously, in order. Never throws. */
  readonly settle: (committed: Committed) => void;
  readonly fail: (error: ClusterError) => void;
  readonly isResult: boolean;
}

/** While the store refuses, it is tried again this often. */
const PROBE_MS = 1000;
/** Notes that wait for a store that is away; beyond that the oldest are dropped, so that memory stays bounded. */
const MAX_NOTES = 2000;
/**
 * A note of history waits so long for others to go with it: in a storm of 5,000 workers each coming and going had a commit
 * almost of its own, a fifth of the CPU time of a worker that joins.
 */
const HISTORY_MS = 500;
const HISTORY: ReadonlySet<Change['kind']> = new Set(['event']);
/** Notes that outlive a commit that failed; the others are counters, of which a gap is no harm. */
const KEPT_NOTES: ReadonlySet<Change['kind']> = new Set(['event', 'audited', 'key_used']);
/**
 * Writes that don't wait for the end of the turn. A turn of a busy coordinator gathers as many as there are
 * connections, and all that hangs on them stays in memory meanwhile. With 500 connections, round trips a second, three runs each
 * in turns: groups of 64 did 7,540, 7,080 and 9,300, of 128 7,300, 7,760 and 8,580, of 256 8,140, 9,390 and 9,940, of 512 (which
 * held 290) 8,860, 7,210 and 9,380.
 */
const FULL_GROUP = 256;
const NOTHING: Committed = { bytes: 0, pruned: [], refused: new Set() };

export class Committer {
  readonly #store: Pick<Store, 'commit'>;
  readonly #runtime: Runtime;
  readonly #observer: Observer;
  readonly #log: Log;
  readonly #turn: () => Promise<void>;
  /** Called when another coordinator owns the store. */
  readonly #onFenced: () => void;
  /** Changes that ride along with each group (counters gathered in memory). */
  readonly #extras: () => Change[];
  #waiting: Write[] = [];
  #notes: Change[] = [];
  /** Some of the notes may not wait any longer. */
  #notesDue = false;
  #history: (() => void) | undefined;
  #running = false;
  #fenced = false;
  #closed = false;
  #available = true;
  /** The store was not heard of lately, and what is being committed may have to wait for it. */
  #away = false;
  #probe: (() => void) | undefined;
  #full: () => void = () => undefined;
  #waitingResults = 0;

  constructor(options: {
    readonly store: Pick<Store, 'commit'>;
    readonly runtime: Runtime;
    readonly observer: Observer;
    readonly log: Log;
    readonly turn: () => Promise<void>;
    readonly onFenced: () => void;
    readonly extras: () => Change[];
  }) {
    this.#store = options.store;
    this.#runtime = options.runtime;
    this.#observer = options.observer;
    this.#log = options.log;
    this.#turn = options.turn;
    this.#onFenced = options.onFenced;
    this.#extras = options.extras;
  }

  /** Whether the last commit succeeded. */
  get available(): boolean {
    return this.#available && !this.#fenced;
  }

  get fenced(): boolean {
    return this.#fenced;
  }

  /** Nothing is written any more: it is fenced out or closed. */
  get isOver(): boolean {
    return this.#fenced || this.#closed;
  }

  /** Results that wait for their commit. */
  get waitingResults(): number {
    return this.#waitingResults;
  }

  /**
   * Resolves with what `apply` gave, which is called when the changes are durable.
   * @throws ClusterError store_unavailable, not_ready: nothing was written, `apply` is not called
   */
  write<T>(changes: readonly Change[], apply: (committed: Committed) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#fenced || this.#closed) {
        reject(new ClusterError('not_ready', 'this coordinator is stopping: try again'));
        return;
      }
      if (this.#away && this.#running) {
        reject(away());
        return;
      }
      const settle = (committed: Committed) => {
        resolve(apply(committed));
      };
      const isResult = changes.some(({ kind }) => kind === 'result_accepted');
      if (isResult) this.#waitingResults += 1;
      this.#enqueue({ changes, settle, fail: reject, isResult });
    });
  }

  /** Resolves when everything handed over before is durable or refused. */
  flush(): Promise<void> {
    if (!this.#running) return Promise.resolve();
    return new Promise<void>((resolve) => {
      this.#enqueue({ changes: [], settle: () => resolve(), fail: () => resolve(), isResult: false });
    });
  }

  /** Resolves when everything that has arrived, perhaps not been handed over yet, is durable or refused. */
  async arrived(): Promise<void> {
    await this.#turn();
    await this.flush();
  }

  /** Changes that nobody waits for: they go with the next group, or with the one that this starts, soon if it is history. */
  note(change: Change): void {
    if (this.#fenced || this.#closed) return;
    this.#notes.push(change);
    if (this.#notes.length > MAX_NOTES) this.#notes.shift();
    if (!HISTORY.has(change.kind)) this.#writeNotes();
    else
      this.#history ??= this.#runtime.setTimer(HISTORY_MS, () => {
        this.#writeNotes();
      });
  }

  #writeNotes(): void {
    this.#history?.();
    this.#history = undefined;
    this.#notesDue = this.#notes.length > 0;
    if (this.#notesDue && this.#available) this.#start();
  }

  /**
   * The store can't be reached, or can again. A commit whose answer was lost waits until it is known whether it is
   * durable; what comes after it is refused meanwhile instead of waiting along, for as long as the store is away.
   */
  reached(isReached: boolean): void {
    this.#away = !isReached;
    if (isReached || !this.#running) return;
    const refused = this.#waiting;
    this.#waiting = [];
    this.#waitingResults -= refused.filter(({ isResult }) => isResult).length;
    for (const { fail } of refused) fail(away());
  }

  async close(): Promise<void> {
    this.#writeNotes();
    await this.arrived();
    this.#closed = true;
    this.#probe?.();
    await this.flush();
  }

  #enqueue(write: Write): void {
    this.#waiting.push(write);
    if (this.#waiting.length >= FULL_GROUP) this.#full();
    this.#start();
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  /** Resolves when the turn is over, or a group is full. */
  #gathered(): Promise<void> {
    if (this.#waiting.length >= FULL_GROUP) return Promise.resolve();
    return new Promise((resolve) => {
      this.#full = resolve;
      void this.#turn().then(resolve);
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 || (this.#notesDue && this.#available)) {
      await this.#gathered();
      const group = this.#waiting;
      this.#waiting = [];
      const notes = [...this.#notes, ...this.#extras()];
      this.#notes = [];
      this.#notesDue = false;
      this.#history?.();
      this.#history = undefined;
      const results = group.reduce((sum, { isResult }) => sum + (isResult ? 1 : 0), 0);
      const changes = group.flatMap((write) => write.changes);
      const outcome = await this.#commit([...changes, ...notes], results);
      this.#waitingResults -= results;
      if (!(outcome instanceof ClusterError)) {
        for (const { settle } of group) settle(outcome);
      } else {
        this.#notes = [...notes.filter(({ kind }) => KEPT_NOTES.has(kind)), ...this.#notes].slice(-MAX_NOTES);
        for (const { fail } of group) fail(outcome);
      }
    }
    this.#running = false;
  }

  async #commit(changes: readonly Change[], results: number): Promise<Committed | ClusterError> {
    if (changes.length === 0 && this.#available) return NOTHING;
    const startedAt = performance.now();
    try {
      // After a failure even a group without changes must write, to find out whether the store is back.
      const committed = await this.#store.commit(this.#available ? changes : [...changes, { kind: 'probe' }]);
      this.#observer.committed({
        results,
        bytes: committed.bytes,
        seconds: (performance.now() - startedAt) / 1000,
      });
      if (!this.#available) this.#log.info({}, 'the store can be written again');
      this.#available = true;
      return committed;
    } catch (error) {
      if (error instanceof StoreFenced) return this.#stop(error);
      const refused =
        error instanceof ClusterError
          ? error
          : new ClusterError('store_unavailable', 'the store refused a write', { cause: error });
      if (this.#available) this.#log.error({ err: error }, `nothing can be stored: ${refused.message}`);
      this.#available = false;
      this.#probeLater();
      return refused;
    }
  }

  /** Another coordinator owns what this one owned: nothing more is written. */
  fence(error: StoreFenced): void {
    if (this.#fenced) return;
    this.#fenced = true;
    this.#log.fatal({ err: error }, error.message);
    this.#onFenced();
  }

  #stop(error: StoreFenced): ClusterError {
    this.fence(error);
    return new ClusterError('not_ready', 'another coordinator has taken over: connect again');
  }

  #probeLater(): void {
    this.#probe?.();
    this.#probe = this.#runtime.setTimer(PROBE_MS, () => {
      this.#probe = undefined;
      if (this.#closed || this.#available) return;
      this.#enqueue({ changes: [], settle: () => undefined, fail: () => undefined, isResult: false });
    });
  }
}
