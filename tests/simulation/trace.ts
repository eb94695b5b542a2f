/** What happened, in the order in which it did: printed when an oracle fails, compared to show determinism. */
import type { VirtualClock } from './clock.ts';

const KEPT = 250;

export class Trace {
  readonly #clock: VirtualClock;
  readonly #lines: string[] = [];
  #count = 0;
  #hash = 0x811c9dc5;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  add(text: string): void {
    const line = `${(this.#clock.elapsed() / 1000).toFixed(3).padStart(10)} ${text}`;
    this.#count++;
    for (let i = 0; i < line.length; i++) this.#hash = Math.imul(this.#hash ^ line.charCodeAt(i), 0x01000193);
    this.#lines.push(line);
    if (this.#lines.length > 2 * KEPT) this.#lines.splice(0, KEPT);
  }

  /** Equal for equal histories. */
  get digest(): string {
    return `${this.#count} events, ${(this.#hash >>> 0).toString(16)}`;
  }

  tail(lines = KEPT): string {
    return this.#lines.slice(-lines).join('\n');
  }
}
