/** The EventSource behind the page's signals: one stream, open while somebody can see the page. */
import type { Signal } from '@preact/signals';
import { batch, signal } from '@preact/signals';
import type { LiveEvent, LiveEventName, Topic } from '../../../protocol/live.ts';
import { PROTOCOL_VERSION } from '../../../protocol/version.ts';
import { api, ApiError } from '../api/api.ts';
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
  #source: EventSource | undefined;
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
    this.#source?.close();
    this.#source = undefined;
    clearTimeout(this.#retry);
    clearInterval(this.#look);
  }

  #open(): void {
    const query = new URLSearchParams({ topics: this.#topics });
    if (this.#job !== undefined) query.set('job', this.#job);
    const source = new EventSource(`/api/events?${query.toString()}`);
    this.#source = source;
    this.#aliveAt = performance.now();
    this.#fresh = true;
    // The browser comes back by itself, too.
    source.addEventListener('open', () => (this.#fresh = true));
    source.addEventListener('error', () => this.#failed(source));
    this.#listen();
    this.#look = setInterval(() => this.#lookAround(), LOOK_MS);
  }

  #listen(): void {
    const { cluster, jobs, nodes, progress, result, coverage } = this.signals;
    this.#on('cluster', (status) => {
      cluster.value = status;
      this.signals.clockAhead_ms.value = Date.now() - Date.parse(status.now);
      this.#firstVersion ??= status.version;
      this.signals.outdated.value =
        status.protocol !== PROTOCOL_VERSION || status.version !== this.#firstVersion;
    });
    this.#on('jobs', (list) => (jobs.value = list.jobs));
    this.#on('nodes', (list) => (nodes.value = list));
    this.#on('batches', (list) => this.#addBatches(list));
    const ofJob =
      <T extends { readonly job_id: string }>(target: Signal<T | undefined>) =>
      (data: T) => {
        if (data.job_id === this.#job) target.value = data;
      };
    this.#on('progress', ofJob(progress));
    this.#on('result', ofJob(result));
    this.#on('coverage', ofJob(coverage));
  }

  #on<N extends LiveEventName>(name: N, take: (data: LiveEvent<N>) => void): void {
    const source = this.#source;
    source?.addEventListener(name, ({ data }: MessageEvent<string>) => {
      if (source !== this.#source) return;
      const read = readEvent(name, data);
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

  #failed(source: EventSource): void {
    if (source !== this.#source) return;
    this.#lost();
    // Else the browser itself tries again.
    if (source.readyState !== EventSource.CLOSED) return;
    this.#close();
    const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#retry = setTimeout(() => void this.#tryAgain(), longest * (0.5 + Math.random() / 2));
  }

  #lost(): void {
    this.signals.connection.value = navigator.onLine ? 'lost' : 'offline';
  }

  /** Was it refused because of the job? Nothing would ever come then. */
  async #tryAgain(): Promise<void> {
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
