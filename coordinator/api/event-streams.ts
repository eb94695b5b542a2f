/** All open event streams, of whatever kind: who may open one more, and what keeps them alive. */
import type { ServerResponse } from 'node:http';
import { ClusterError } from '../../protocol/errors.ts';
import { limitKey } from '../access/client-address.ts';
import type { Visitor } from '../access/access.ts';
import { EventStream } from './event-stream.ts';

export interface StreamLimits {
  readonly streams: number;
  /** Of one key, or one address without a key. */
  readonly streamsOfOne: number;
  /** Least time between two states of a job. */
  readonly progress_ms: number;
  readonly result_ms: number;
  /** Without a change, how often the state is read again: a rate falls and an ETA grows by themselves. */
  readonly refresh_ms: number;
  /** Least time between two states of the cluster, of the jobs, of the workers, and two lists of batches. */
  readonly cluster_ms: number;
  readonly jobs_ms: number;
  readonly nodes_ms: number;
  readonly batches_ms: number;
  readonly beat_ms: number;
  /** A reader that takes nothing for so long is cut off. */
  readonly stall_ms: number;
}

export const STREAM_LIMITS: StreamLimits = {
  streams: 1000,
  streamsOfOne: 100,
  progress_ms: 500,
  result_ms: 1000,
  refresh_ms: 5000,
  cluster_ms: 1000,
  jobs_ms: 1000,
  nodes_ms: 2000,
  batches_ms: 500,
  beat_ms: 15_000,
  stall_ms: 30_000,
};

export class EventStreams {
  readonly #limits: StreamLimits;
  readonly #stillGood: (visitor: Visitor) => void;
  readonly #streams = new Set<EventStream>();
  readonly #beat: NodeJS.Timeout;
  #closed = false;

  /** @param stillGood throws key_refused for a visitor whose key has ended since it was looked at */
  constructor(limits: StreamLimits, stillGood: (visitor: Visitor) => void) {
    this.#limits = limits;
    this.#stillGood = stillGood;
    this.#beat = setInterval(() => this.#keepAlive(), limits.beat_ms);
    this.#beat.unref();
  }

  get count(): number {
    return this.#streams.size;
  }

  /**
   * Starts the answer.
   * @param gone called once, when the stream is over for whatever reason
   * @throws ClusterError limit_reached, not_ready, key_refused
   */
  open(response: ServerResponse, visitor: Visitor, gone: (stream: EventStream) => void): EventStream {
    // The job was read in between: a key that ended then has no streams that could be ended.
    this.#stillGood(visitor);
    const keyId = visitor.caller.kind === 'key' ? visitor.caller.keyId : null;
    const reader = keyId === null ? limitKey(visitor.address) : `key ${keyId}`;
    this.#admit(reader);
    const stream = new EventStream(
      response,
      { reader, keyId },
      () => performance.now(),
      () => {
        this.#streams.delete(stream);
        gone(stream);
      },
    );
    this.#streams.add(stream);
    return stream;
  }

  /** Ends the streams that were opened with a key which is good for nothing any more. */
  endOf(keyId: string): void {
    for (const stream of this.#streams) if (stream.keyId === keyId) stream.end();
  }

  /** Ends every stream; readers come back to whoever serves next. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#beat);
    for (const stream of this.#streams) stream.end();
  }

  #admit(reader: string): void {
    if (this.#closed) throw new ClusterError('not_ready', 'the coordinator stops: come back in a moment');
    if (this.#streams.size >= this.#limits.streams) {
      throw new ClusterError(
        'limit_reached',
        `${this.#limits.streams} event streams are open: close some, or poll /api/status`,
      );
    }
    const own = [...this.#streams].filter((stream) => stream.reader === reader).length;
    if (own >= this.#limits.streamsOfOne) {
      throw new ClusterError(
        'limit_reached',
        `${own} event streams of your key or address are open: close some, or poll /api/status`,
      );
    }
  }

  #keepAlive(): void {
    for (const stream of this.#streams) {
      stream.cutIfStalled(this.#limits.stall_ms);
      stream.beat();
    }
  }
}
