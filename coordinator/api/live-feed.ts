/** One event of the live stream. All its readers share one read and one JSON; nobody listening, nothing is read. */
import { ClusterError } from '../../protocol/errors.ts';
import type { Log } from '../log.ts';
import type { EventStream } from './event-stream.ts';

type Reader = Pick<EventStream, 'send'>;

export interface FeedSource {
  readonly event: string;
  /** Least time between two reads. */
  readonly least_ms: number;
  /** Without a change, how often it is read again. */
  readonly refresh_ms: number;
  read(): unknown;
}

/** Large states (a coverage of 10,000 ranges) come less often: no feed gives a reader more than this. */
const BYTES_PER_MS = 200;

export class LiveFeed {
  readonly #source: FeedSource;
  readonly #log: Log;
  /** What each reader was sent last: nothing is sent twice, and whoever fell behind catches up. */
  readonly #sent = new Map<Reader, string | undefined>();
  #latest: string | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #dirty = true;
  #reading = false;
  #timer: NodeJS.Timeout | undefined;
  #timerDue = Number.POSITIVE_INFINITY;

  constructor(source: FeedSource, log: Log) {
    this.#source = source;
    this.#log = log;
  }

  join(stream: Reader): void {
    this.#sent.set(stream, undefined);
    if (this.#latest !== undefined && performance.now() < this.#nextAt()) this.#offer(this.#latest);
    this.#plan();
  }

  leave(stream: Reader): void {
    this.#sent.delete(stream);
    if (this.#sent.size === 0) this.#cancel();
  }

  /** Something that a reader could see has changed. */
  changed(): void {
    this.#dirty = true;
    this.#plan();
  }

  close(): void {
    this.#sent.clear();
    this.#cancel();
  }

  /** When it may be read again. */
  #nextAt(): number {
    return this.#readAt + Math.max(this.#source.least_ms, (this.#latest?.length ?? 0) / BYTES_PER_MS);
  }

  #plan(): void {
    if (this.#sent.size === 0 || this.#reading) return;
    const soonest = this.#nextAt();
    const at = this.#dirty ? soonest : Math.max(soonest, this.#readAt + this.#source.refresh_ms);
    if (at >= this.#timerDue) return;
    clearTimeout(this.#timer);
    this.#timerDue = at;
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, at - performance.now()));
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#timerDue = Number.POSITIVE_INFINITY;
  }

  async #run(): Promise<void> {
    this.#timerDue = Number.POSITIVE_INFINITY;
    this.#reading = true;
    this.#dirty = false;
    this.#readAt = performance.now();
    try {
      this.#latest = JSON.stringify(await this.#source.read());
      this.#offer(this.#latest);
    } catch (error) {
      this.#failed(error);
    }
    this.#reading = false;
    this.#plan();
  }

  #offer(json: string): void {
    for (const [stream, sent] of this.#sent) {
      if (sent === json) continue;
      if (stream.send(this.#source.event, undefined, json)) this.#sent.set(stream, json);
      else this.#dirty = true;
    }
  }

  /** A store that is away is no error of the stream: what was sent stands until it is back. */
  #failed(error: unknown): void {
    const expected = error instanceof ClusterError && error.code !== 'internal';
    const { event } = this.#source;
    if (expected) this.#log.debug({ err: error, event }, 'a live event could not be read');
    else this.#log.error({ err: error, event }, 'a live event could not be read');
  }
}
