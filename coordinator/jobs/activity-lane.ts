/** What a worker did in the last hour, in half minutes: 60 bytes, kept through reconnects. */
import { ACTIVITY_SLOT_SECONDS, ACTIVITY_SLOTS } from '../../protocol/http.ts';

const SLOT_MS = ACTIVITY_SLOT_SECONDS * 1000;
/** A worker reports every ten seconds, but a browser may slow a hidden tab to once a minute. */
const MISSED_SLOTS = 2;
const AWAY_CODE = '-'.charCodeAt(0);
const IDLE_CODE = '0'.charCodeAt(0);

export class ActivityLane {
  /**
   * Two slots a byte; 0: not connected, else 1 more than the busy tenths. V8 keeps up to 64 bytes within the array itself; more
   * are an allocation and a second object, 0.3 KB of a worker's 20.
   */
  readonly #pairs = new Uint8Array(ACTIVITY_SLOTS / 2);
  /** Number of the newest slot, counted from 1970; what is older than an hour before it is overwritten. */
  #newest = 0;

  /** Idle until its first report; what it did just before, in the same half minute, stands. */
  connected(nowMs: number): void {
    const slot = Math.floor(nowMs / SLOT_MS);
    this.#moveTo(slot);
    if (this.#value(slot) === 0) this.#put(slot, 1);
  }

  /** @param busyFraction share of the time since the last report in which it computed, 0 … 1 */
  record(nowMs: number, busyFraction: number): void {
    const slot = Math.floor(nowMs / SLOT_MS);
    const missed = slot - this.#newest - 1;
    const before = this.#value(this.#newest);
    this.#moveTo(slot);
    if (missed >= 1 && missed <= MISSED_SLOTS) {
      for (let gap = slot - missed; gap < slot; gap++) this.#put(gap, before);
    }
    this.#put(slot, 1 + Math.min(9, Math.floor(busyFraction * 10)));
  }

  /** @param connected whether it is now: until its next report the last one stands */
  text(nowMs: number, connected: boolean): string {
    const now = Math.floor(nowMs / SLOT_MS);
    const codes = new Array<number>(ACTIVITY_SLOTS);
    const carries = connected && now - this.#newest <= MISSED_SLOTS;
    for (let i = 0; i < ACTIVITY_SLOTS; i++) {
      const slot = now - ACTIVITY_SLOTS + 1 + i;
      const value = this.#value(carries && slot > this.#newest ? this.#newest : slot);
      codes[i] = value === 0 ? AWAY_CODE : IDLE_CODE + value - 1;
    }
    // Character by character it took most of the time of a list of 20,000 workers.
    return String.fromCharCode(...codes);
  }

  #value(slot: number): number {
    if (slot > this.#newest || slot <= this.#newest - ACTIVITY_SLOTS) return 0;
    const index = slot % ACTIVITY_SLOTS;
    return ((this.#pairs[index >> 1] ?? 0) >> shiftOf(index)) & 15;
  }

  #put(slot: number, value: number): void {
    const index = slot % ACTIVITY_SLOTS;
    const other = (this.#pairs[index >> 1] ?? 0) & ~(15 << shiftOf(index));
    this.#pairs[index >> 1] = other | (value << shiftOf(index));
  }

  #moveTo(slot: number): void {
    if (slot <= this.#newest) return;
    const first = Math.max(this.#newest + 1, slot - ACTIVITY_SLOTS + 1);
    for (let passed = first; passed <= slot; passed++) this.#put(passed, 0);
    this.#newest = slot;
  }
}

function shiftOf(index: number): 0 | 4 {
  return index % 2 === 0 ? 0 : 4;
}
