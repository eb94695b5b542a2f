/**
 * The stream behind the page's signals, open while somebody can see the page: an EventSource, or with a key, which that
 * can't send, a stream that is read by fetch.
 */
import type { Signal } from '@preact/signals';
import { batch, signal } from '@preact/signals';
import type { LiveEvent, LiveEventName, Topic } from '../../../protocol/live.ts';
import { PROTOCOL_VERSION } from '../../../protocol/version.ts';
import { api, ApiError } from '../api/api.ts';
import { askCaller, caller } from '../api/caller.ts';
import { key } from '../api/key.ts';
import { readEvent } from './event-data.ts';
import { byOwnClock, ofLastMinute } from './last-minute.ts';
import type { Connection, Live } from './live.ts';

/** The coordinator sends its state every second: after so long without a word the connection is lost. */
const SILENT_MS = 20_000;
/** So long if the browser says, too, that there is no network. A coordinator on this machine needs none. */
const SILENT_OFFLINE_MS = 3000;
const HIDDEN_MS = 30_000;
const LOOK_MS = 1000;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;

/** What both kinds of stream have in common. */
export type LiveSource = EventTarget & Pick<EventSource, 'readyState' | 'close'>;

type Signals = {
  readonly [K in keyof Live]: Live[K] extends { readonly value: infer T } ? Signal<T> : Live[K];
};

export function openLive(topics: readonly Topic[]): Live {
  return new LiveStream(topics).signals;
}

class LiveStream {
  readonly signals: Signals = {
    connection: signal<Connection>('connecting'),
    heardAt: signal(undefined),
    clockAhead_ms: signal(0),
    outdated: signal(false),
    cluster: signal(undefined),
    jobs: signal(undefined),
    nodes: signal(undefined),
    batches: signal([]),
    progress: signal(undefined),
    result: signal(undefined),
    coverage: signal(undefined),
    watch: (jobId) => this.#watch(jobId),
  };
  readonly #topics: string;
  #job: string | undefined;
  #source: LiveSource | undefined;
  /** Counts what was opened or closed: what is loaded for an earlier turn comes too late. */
  #turn = 0;
  /** When the connection showed a sign of life, or was opened. */
  #aliveAt = 0;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #look: ReturnType<typeof setInterval> | undefined;
  #hide: ReturnType<typeof setTimeout> | undefined;
  #firstVersion: string | undefined;
  /** A stream begins with the whole last minute: what is known of it is replaced, not added to. */
  #fresh = true;

  constructor(topics: readonly Topic[]) {
    // The state of the cluster is the pulse of the stream, and says which version it is.
    this.#topics = [...new Set<Topic>(['cluster', ...topics])].join(',');
    document.addEventListener('visibilitychange', () => this.#visibilityChanged());
    addEventListener('online', () => this.#reopen());
    addEventListener('pagehide', () => this.#close());
    addEventListener('pageshow', ({ persisted }) => {
      if (persisted) this.#reopen();
    });
    this.#open();
    let shown = key.peek();
    key.subscribe((now) => {
      if (now === shown) return;
      shown = now;
      if (this.signals.connection.peek() === 'key_needed') this.signals.connection.value = 'connecting';
      this.#reopen();
    });
  }

  #watch(jobId: string | undefined): void {
    if (jobId === this.#job) return;
    this.#job = jobId;
    const { progress, result, coverage } = this.signals;
    batch(() => {
      progress.value = undefined;
      result.value = undefined;
      coverage.value = undefined;
    });
    this.#reopen();
  }

  #visibilityChanged(): void {
    clearTimeout(this.#hide);
    if (document.hidden) this.#hide = setTimeout(() => this.#close(), HIDDEN_MS);
    else if (this.#source === undefined) this.#reopen();
  }

  #reopen(): void {
    this.#close();
    this.#open();
  }

  #close(): void {
    this.#turn += 1;
    this.#source?.close();
    this.#source = undefined;
    clearTimeout(this.#retry);
    clearInterval(this.#look);
  }

  #open(): void {
    const turn = ++this.#turn;
    const query = new URLSearchParams({ topics: this.#topics });
    if (this.#job !== undefined) query.set('job', this.#job);
    const address = `/api/events?${query.toString()}`;
    const shown = key.peek();
    if (shown === undefined) {
      this.#read(new EventSource(address));
      return;
    }
    import('./key-stream.ts').then(
      ({ KeyStream }) => {
        if (turn === this.#turn) this.#read(new KeyStream(address, shown));
      },
      () => {
        if (turn !== this.#turn) return;
        this.#lost();
        this.#retryLater();
      },
    );
  }

  #read(source: LiveSource): void {
    this.#source = source;
    this.#aliveAt = performance.now();
    this.#fresh = true;
    // The browser comes back by itself, too.
    source.addEventListener('open', () => (this.#fresh = true));
    source.addEventListener('error', () => void this.#failed(source));
    this.#listen(source);
    this.#look = setInterval(() => this.#lookAround(), LOOK_MS);
  }

  #listen(source: LiveSource): void {
    const on = <N extends LiveEventName>(name: N, take: (data: LiveEvent<N>) => void) =>
      this.#on(source, name, take);
    const { cluster, jobs, nodes, progress, result, coverage } = this.signals;
    on('cluster', (status) => {
      cluster.value = status;
      this.signals.clockAhead_ms.value = Date.now() - Date.parse(status.now);
      this.#firstVersion ??= status.version;
      this.signals.outdated.value =
        status.protocol !== PROTOCOL_VERSION || status.version !== this.#firstVersion;
    });
    on('jobs', (list) => (jobs.value = list.jobs));
    on('nodes', (list) => (nodes.value = list));
    on('batches', (list) => this.#addBatches(list));
    const ofJob =
      <T extends { readonly job_id: string }>(target: Signal<T | undefined>) =>
      (data: T) => {
        if (data.job_id === this.#job) target.value = data;
      };
    on('progress', ofJob(progress));
    on('result', ofJob(result));
    on('coverage', ofJob(coverage));
  }

  #on<N extends LiveEventName>(source: LiveSource, name: N, take: (data: LiveEvent<N>) => void): void {
    source.addEventListener(name, (event) => {
      if (source !== this.#source || !(event instanceof MessageEvent)) return;
      const read = readEvent(name, String(event.data));
      batch(() => {
        this.#heard();
        if (read !== undefined) take(read);
      });
    });
  }

  #heard(): void {
    this.#aliveAt = performance.now();
    this.#failures = 0;
    this.signals.connection.value = 'live';
    this.signals.heardAt.value = Date.now();
  }

  #addBatches({ batches, now }: LiveEvent<'batches'>): void {
    const known = this.#fresh ? [] : this.signals.batches.peek();
    this.#fresh = false;
    this.signals.batches.value = ofLastMinute(
      [...known, ...byOwnClock(batches, now, Date.now())],
      Date.now(),
    );
  }

  /** Once a second: batches grow old, and a connection may die without a word. */
  #lookAround(): void {
    const { batches } = this.signals;
    batches.value = ofLastMinute(batches.peek(), Date.now());
    const silent_ms = performance.now() - this.#aliveAt;
    if (silent_ms < (navigator.onLine ? SILENT_MS : SILENT_OFFLINE_MS)) return;
    this.#lost();
    if (silent_ms >= SILENT_MS && this.#source?.readyState === EventSource.OPEN) this.#reopen();
  }

  async #failed(source: LiveSource): Promise<void> {
    if (source !== this.#source) return;
    if (source.readyState !== EventSource.CLOSED) {
      // The browser itself tries again.
      this.#lost();
      return;
    }
    this.#close();
    this.#retryLater();
    // An EventSource does not tell why it was refused.
    const turn = this.#turn;
    await askCaller();
    if (turn !== this.#turn) return;
    if (caller.peek()?.may.read === false) {
      clearTimeout(this.#retry);
      this.signals.connection.value = 'key_needed';
    } else this.#lost();
  }

  #retryLater(): void {
    const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#retry = setTimeout(() => void this.#tryAgain(), longest * (0.5 + Math.random() / 2));
  }

  #lost(): void {
    this.signals.connection.value = navigator.onLine ? 'lost' : 'offline';
  }

  /** Was it refused because of the job? Nothing would ever come then. */
  async #tryAgain(): Promise<void> {
    this.#lost();
    const job = this.#job;
    if (job !== undefined) {
      try {
        await api.status(job);
      } catch (error) {
        if (error instanceof ApiError && error.code === 'not_found' && this.#job === job)
          this.#job = undefined;
      }
    }
    if (this.#source === undefined && !document.hidden) this.#open();
  }
}
