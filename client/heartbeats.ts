/** Tells the coordinator at fixed intervals that the worker lives, and what it does. */
import type { Heartbeat } from '../protocol/messages.ts';
import { heartbeatReply } from '../protocol/messages.ts';
import type { Link } from './link.ts';
import type { Runtime } from './runtime.ts';

const MIN_INTERVAL_MS = 50;
/** Half-open connections are found by this: TCP alone needs minutes. */
const ANSWER_TIMEOUT_MS = 15_000;

export interface HeartbeatEvents {
  /** @param busy_fraction of the time since the last one */
  body(busy_fraction: number): Heartbeat;
  answered(revoked: readonly string[]): void;
  silent(): void;
}

export class Heartbeats {
  readonly #runtime: Runtime;
  readonly #busy_ms: () => number;
  readonly #events: HeartbeatEvents;
  #cancel: () => void = () => undefined;
  #link: Link | undefined;
  #last = { at_ms: 0, busy_ms: 0 };

  /** @param busy_ms cumulative busy time of the engine */
  constructor(runtime: Runtime, busy_ms: () => number, events: HeartbeatEvents) {
    this.#runtime = runtime;
    this.#busy_ms = busy_ms;
    this.#events = events;
  }

  start(link: Link, interval_ms: number): void {
    this.stop();
    this.#link = link;
    this.#last = { at_ms: this.#runtime.now(), busy_ms: this.#busy_ms() };
    const wait_ms = Math.max(MIN_INTERVAL_MS, interval_ms);
    const beat = () => {
      this.#cancel = this.#runtime.setTimer(wait_ms, beat);
      const busy = this.#busySince(this.#last);
      this.#last = { at_ms: this.#runtime.now(), busy_ms: this.#busy_ms() };
      void this.#send(link, busy);
    };
    // The first at a random moment of the interval, so that workers that came together don't beat together.
    this.#cancel = this.#runtime.setTimer(wait_ms * this.#runtime.random(), beat);
  }

  /** One more at once: the state changed. The busy share goes on being measured from one regular one to the next. */
  now(): void {
    if (this.#link !== undefined) void this.#send(this.#link, this.#busySince(this.#last));
  }

  stop(): void {
    this.#link = undefined;
    this.#cancel();
    this.#cancel = () => undefined;
  }

  #busySince(last: { at_ms: number; busy_ms: number }): number {
    const passed_ms = this.#runtime.now() - last.at_ms;
    if (passed_ms <= 0) return 0;
    return Math.max(0, Math.min(1, (this.#busy_ms() - last.busy_ms) / passed_ms));
  }

  async #send(link: Link, busy: number): Promise<void> {
    const body = this.#events.body(busy);
    const outcome = await link.request('heartbeat', body, heartbeatReply, { timeout_ms: ANSWER_TIMEOUT_MS });
    if (outcome.ok === true) this.#events.answered(outcome.value.revoked);
    else if (outcome.ok === 'unknown') this.#events.silent();
  }
}
