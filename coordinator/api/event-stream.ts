/** One reader of server-sent events. Every event carries the whole state, so a slow reader may miss some. */
import type { ServerResponse } from 'node:http';

export const EVENT_STREAM_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  // nginx would otherwise keep events back until its buffer is full.
  'X-Accel-Buffering': 'no',
};

/** A reader may be so far behind, and the first events of a stream come at once; beyond, events are left out. */
const MAX_BACKLOG_BYTES = 512 * 1024;

export class EventStream {
  /** What limits are counted by: a key, or an address. */
  readonly reader: string;
  /** The key that it was opened with. */
  readonly keyId: string | null;
  readonly #response: ServerResponse;
  readonly #now: () => number;
  #stalledSince: number | undefined;

  /** Starts the answer. @param gone called once, when the stream is over for whatever reason */
  constructor(
    response: ServerResponse,
    opener: { readonly reader: string; readonly keyId: string | null },
    now: () => number,
    gone: () => void,
  ) {
    this.#response = response;
    this.#now = now;
    this.reader = opener.reader;
    this.keyId = opener.keyId;
    response.once('close', gone);
    response.on('drain', () => (this.#stalledSince = undefined));
    response.writeHead(200, EVENT_STREAM_HEADERS);
    response.write('retry: 3000\n\n');
  }

  /** False if the reader has not taken what was sent before: the event is left out. */
  send(event: string, id: string | undefined, json: string): boolean {
    if (this.#response.writableLength > MAX_BACKLOG_BYTES || this.#response.writableEnded) return false;
    this.#write(event, id, json);
    return true;
  }

  /** Sends even to a slow reader: what it waits for is bounded by the few last events. */
  finish(events: readonly { readonly event: string; readonly id: string; readonly json: string }[]): void {
    for (const { event, id, json } of events) this.#write(event, id, json);
    this.#response.end();
    this.#stalledSince ??= this.#now();
  }

  /** A comment that keeps proxies from closing a quiet stream. */
  beat(): void {
    if (!this.#response.writableNeedDrain && !this.#response.writableEnded) this.#response.write(': \n\n');
  }

  end(): void {
    this.#response.end();
  }

  /** Cuts the connection of a reader that took nothing for `limit_ms`. */
  cutIfStalled(limit_ms: number): void {
    if (this.#stalledSince !== undefined && this.#now() - this.#stalledSince > limit_ms)
      this.#response.destroy();
  }

  #write(event: string, id: string | undefined, json: string): void {
    if (this.#response.writableEnded || this.#response.destroyed) return;
    const numbered = id === undefined ? '' : `id: ${id}\n`;
    const taken = this.#response.write(`event: ${event}\n${numbered}data: ${json}\n\n`);
    if (!taken) this.#stalledSince ??= this.#now();
  }
}
