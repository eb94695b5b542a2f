/**
 * A stream of server-sent events that is asked for with a key, which an EventSource can't send. It has what the page
 * needs of one, and does not come back by itself: once closed, it stays closed.
 */
import { errorOf } from '../api/api.ts';
import { bearer, keyRefused } from '../api/key.ts';
import { EventReader } from './event-reader.ts';
import type { LiveSource } from './open-live.ts';

export class KeyStream extends EventTarget implements LiveSource {
  readyState: number = EventSource.CONNECTING;
  readonly #abort = new AbortController();

  constructor(address: string, key: string) {
    super();
    void this.#run(address, key);
  }

  close(): void {
    this.readyState = EventSource.CLOSED;
    this.#abort.abort();
  }

  async #run(address: string, key: string): Promise<void> {
    try {
      const response = await fetch(address, {
        headers: { Accept: 'text/event-stream', ...bearer(key) },
        cache: 'no-store',
        signal: this.#abort.signal,
      });
      if (response.ok && response.body !== null) await this.#read(response.body);
      else await refused(response, key);
    } catch {
      // Cut off, or closed by the page: what follows is the same.
    }
    if (this.readyState === EventSource.CLOSED) return;
    this.readyState = EventSource.CLOSED;
    this.dispatchEvent(new Event('error'));
  }

  async #read(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    this.readyState = EventSource.OPEN;
    this.dispatchEvent(new Event('open'));
    const events = new EventReader((name, data) => this.dispatchEvent(new MessageEvent(name, { data })));
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.readyState === EventSource.CLOSED) return;
      events.push(value);
    }
  }
}

async function refused(response: Response, key: string): Promise<void> {
  const error = errorOf(await response.json());
  if (error.code === 'key_refused') keyRefused(key, error.message);
}
