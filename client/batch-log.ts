/** What became of the last batches, for whoever watches the worker. The loop tells it; it decides nothing. */
import type { HeldLease } from './held-lease.ts';
import type { BatchStatus } from './worker-status.ts';
import type { Range } from '../protocol/range.ts';
import { rangeLength } from '../protocol/range.ts';

/** Newest first. */
const KEPT = 8;

interface Entry {
  readonly lease_id: string;
  readonly type: string;
  readonly range: Range;
  /** While it is computed. */
  held: HeldLease | undefined;
  readonly begun_ms: number;
  state: BatchStatus['state'];
  /** Of what was handed in: the lease's end, or before it. */
  end: bigint;
  done: number;
  took_ms: number | undefined;
}

export class BatchLog {
  readonly #now: () => number;
  #entries: Entry[] = [];

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  began(held: HeldLease): void {
    const entry: Entry = {
      lease_id: held.lease.lease_id,
      type: held.lease.type,
      range: held.range,
      held,
      begun_ms: this.#now(),
      state: 'running',
      end: held.range.end,
      done: 0,
      took_ms: undefined,
    };
    // What runs stays, whatever has finished since.
    const finished = this.#entries.filter((one) => one.held === undefined);
    const dropped = this.#entries.length >= KEPT ? finished.at(-1) : undefined;
    this.#entries = [entry, ...this.#entries.filter((other) => other !== dropped)];
  }

  /** Its result, or that of its beginning up to `end`, is on its way. */
  sending(held: HeldLease, end: bigint): void {
    const entry = this.#running(held.lease.lease_id);
    if (entry === undefined) return;
    this.#over(entry, 'sending');
    entry.end = end;
  }

  /** Without a result. */
  released(lease_id: string): void {
    const entry = this.#running(lease_id);
    if (entry !== undefined) this.#over(entry, 'handed back');
  }

  settled(lease_id: string, state: 'accepted' | 'duplicate' | 'refused'): void {
    const entry = this.#entries.find((one) => one.lease_id === lease_id);
    if (entry?.state !== 'sending') return;
    const whole = entry.end >= entry.range.end;
    entry.state = state === 'accepted' && !whole ? 'handed back' : state;
  }

  list(): BatchStatus[] {
    return this.#entries.map(({ lease_id, type, range, held, state, done, took_ms }) => ({
      lease_id,
      type,
      start: range.start,
      end: range.end,
      state,
      done: held === undefined ? done : shareDone(held),
      took_ms,
    }));
  }

  #running(lease_id: string): Entry | undefined {
    return this.#entries.find((one) => one.held !== undefined && one.lease_id === lease_id);
  }

  #over(entry: Entry, state: BatchStatus['state']): void {
    if (entry.held !== undefined) entry.done = shareDone(entry.held);
    entry.held = undefined;
    entry.took_ms = this.#now() - entry.begun_ms;
    entry.state = state;
  }
}

function shareDone(held: HeldLease): number {
  return Number(held.done()) / Number(rangeLength(held.range));
}
