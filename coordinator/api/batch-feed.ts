/** The live event `batches`: each reader gets those of the last minute, then what is new, in shared JSON. */
import { MAX_BATCHES, MAX_NEW_BATCHES } from '../../protocol/live.ts';
import type { Cluster } from '../cluster.ts';
import type { EventStream } from './event-stream.ts';

export class BatchFeed {
  readonly #cluster: Cluster;
  readonly #least_ms: number;
  /** The number of the last batch that each reader has. */
  readonly #last = new Map<EventStream, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(cluster: Cluster, least_ms: number) {
    this.#cluster = cluster;
    this.#least_ms = least_ms;
  }

  join(stream: EventStream): void {
    const { now, batches, last } = this.#cluster.batches(0, MAX_BATCHES);
    stream.send('batches', undefined, JSON.stringify({ now, batches }));
    this.#last.set(stream, last);
    this.#timer ??= setInterval(() => this.#tick(), this.#least_ms);
  }

  leave(stream: EventStream): void {
    this.#last.delete(stream);
    if (this.#last.size === 0) this.close();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#last.clear();
  }

  #tick(): void {
    const news = new Map<number, { readonly json: string | undefined; readonly last: number }>();
    for (const [stream, after] of this.#last) {
      let found = news.get(after);
      if (found === undefined) {
        const { now, batches, last } = this.#cluster.batches(after, MAX_NEW_BATCHES);
        found = { json: batches.length === 0 ? undefined : JSON.stringify({ now, batches }), last };
        news.set(after, found);
      }
      if (found.json === undefined || stream.send('batches', undefined, found.json))
        this.#last.set(stream, found.last);
    }
  }
}
