/**
 * How much of the time a device computes: its host sets the share, the engine asks before each piece whether it
 * may begin, and rests in between. Nothing is lost by a change: it counts from the next piece on.
 *
 * The account is a bucket of computing time: it fills with the share of the time that passes, pieces take from
 * it what they took, and a piece may begin while there is no debt. So the share is kept over seconds, however
 * long single pieces are and however late timers fire.
 */
import type { Runtime } from '../runtime.ts';

/** Unused time is kept for so long: a late timer costs nothing, and an idle minute is not made up for. */
const KEPT_MS = 100;
/** The longest rest. A laptop that slept in the middle of a piece does not owe the hours. */
const LONGEST_REST_MS = 10_000;

export class Duty {
  readonly #runtime: Runtime;
  readonly #wakes: (() => void)[] = [];
  #share: number;
  #piece_scale = 1;
  #held = false;
  /** Milliseconds of computing; negative: debt. */
  #credit_ms = 0;
  #accrued_at_ms: number;
  #cancelTimer: () => void = () => undefined;

  /** @param share of the time, 0 < share ≤ 1 */
  constructor(runtime: Runtime, share = 1) {
    this.#runtime = runtime;
    this.#share = share;
    this.#accrued_at_ms = runtime.now();
  }

  /** @param wake called when a piece may begin that might not before, and after changes */
  attach(wake: () => void): void {
    this.#wakes.push(wake);
  }

  /** Share of the time in which the device computes: 0 < share ≤ 1. */
  get share(): number {
    return this.#share;
  }

  set share(share: number) {
    if (!(share > 0 && share <= 1)) throw new RangeError(`a share is above 0 and at most 1, got ${share}`);
    this.#accrue();
    this.#share = share;
    this.#wake();
  }

  /** Factor for the length of pieces: below 1 where something else needs the device often. */
  get piece_scale(): number {
    return this.#piece_scale;
  }

  set piece_scale(scale: number) {
    this.#piece_scale = scale;
    this.#wake();
  }

  /** At rests, pieces are begun one by one; without, the next ones are queued at the device. */
  get rests(): boolean {
    return this.#share < 1;
  }

  get held(): boolean {
    return this.#held;
  }

  /** Begins nothing more until `go`. */
  hold(): void {
    this.#held = true;
    this.#cancelTimer();
  }

  go(): void {
    this.#held = false;
    this.#wake();
  }

  /** If not, `wake` is called when it may. */
  mayBegin(): boolean {
    if (this.#held) return false;
    if (this.#share === 1) return true;
    this.#accrue();
    if (this.#credit_ms >= 0) return true;
    this.#cancelTimer();
    this.#cancelTimer = this.#runtime.setTimer(Math.ceil(-this.#credit_ms / this.#share), () => this.#wake());
    return false;
  }

  /** A piece took so long on the whole device. */
  spent(ms: number): void {
    this.#accrue();
    this.#credit_ms = Math.max(this.#credit_ms - ms, -LONGEST_REST_MS * this.#share);
  }

  /** How long work of so many milliseconds takes with its rests. */
  withRests_ms(ms: number): number {
    return ms / this.#share;
  }

  #wake(): void {
    for (const wake of this.#wakes) wake();
  }

  #accrue(): void {
    const now = this.#runtime.now();
    const filled = this.#credit_ms + (now - this.#accrued_at_ms) * this.#share;
    this.#credit_ms = Math.min(filled, KEPT_MS * this.#share);
    this.#accrued_at_ms = now;
  }
}
