/** The last minute of this device, second by second, from the reports of the computing thread. */
import type { LentSecond, PauseCause } from './lend.ts';

const SECOND_MS = 1000;
/** A report that comes a little early ends the second too. */
const EARLY_MS = 40;
const KEPT = 60;

export interface SecondsReport {
  /** Of the computing thread's clock, in milliseconds. */
  readonly at_ms: number;
  /** Since its start. */
  readonly busy_ms: number;
  readonly units_computed: bigint;
}

export class Seconds {
  readonly #now: () => number;
  #from: SecondsReport | undefined;
  #list: readonly LentSecond[] = [];

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Oldest first. The same list while no second has ended. */
  get list(): readonly LentSecond[] {
    return this.#list;
  }

  /** Another thread reports from now on: its clock starts anew. */
  restart(): void {
    this.#from = undefined;
  }

  add(report: SecondsReport, paused: readonly PauseCause[]): void {
    const from = this.#from;
    if (from === undefined) {
      this.#from = report;
      return;
    }
    const passed_ms = report.at_ms - from.at_ms;
    if (passed_ms < SECOND_MS - EARLY_MS) return;
    this.#from = report;
    const at = this.#now();
    const second: LentSecond = {
      at,
      rate_per_second: (Number(report.units_computed - from.units_computed) / passed_ms) * 1000,
      busy: Math.max(0, Math.min(1, (report.busy_ms - from.busy_ms) / passed_ms)),
      paused,
    };
    this.#list = [...this.#list.filter((old) => at - old.at < KEPT * SECOND_MS), second].slice(-KEPT);
  }
}
