/** A bar that draws itself again on one line of a terminal, or a line now and then where there is none. */
import type { JobStatus } from '../protocol/http.ts';
import { duration, percent, rate } from './quantities.ts';

/** As much of process.stderr as is needed. */
export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const FASTEST_MS = 100;
const LONGEST_BAR = 40;

export class ProgressBar {
  readonly #output: ProgressOutput;
  /** How often to write a line where there is no terminal; undefined: never. */
  readonly #lineEveryMs: number | undefined;
  #drawnAt = -Infinity;
  #isDrawn = false;

  constructor(output: ProgressOutput, lineEveryMs?: number) {
    this.#output = output;
    this.#lineEveryMs = lineEveryMs;
  }

  update(status: JobStatus, force = false): void {
    const every = this.#output.isTTY === true ? FASTEST_MS : this.#lineEveryMs;
    if (every === undefined || (!force && performance.now() - this.#drawnAt < every)) return;
    this.#drawnAt = performance.now();
    if (this.#output.isTTY === true) {
      this.#output.write(`\r${progressLine(status, this.#output.columns ?? 80)}\u001b[K`);
      this.#isDrawn = true;
    } else {
      this.#output.write(`${progressLine(status, 60)}\n`);
    }
  }

  /** Writes a line above the bar. */
  say(text: string): void {
    this.clear();
    this.#output.write(`${text}\n`);
  }

  clear(): void {
    if (this.#isDrawn) this.#output.write('\r\u001b[K');
    this.#isDrawn = false;
  }
}

/** One line of at most `columns` − 1 characters: what matters most comes first, the bar takes what is left. */
export function progressLine(status: JobStatus, columns: number): string {
  const { progress } = status;
  const room = Math.max(8, columns - 1);
  const parts = [percent(progress.fraction).padStart(7), note(status)].filter((part) => part !== '');
  let text = parts.join('  ');
  if (text.length > room) text = percent(progress.fraction);
  const barRoom = Math.min(LONGEST_BAR, room - text.length - 3);
  if (barRoom < 8) return text.slice(0, room);
  const full = Math.floor(barRoom * progress.fraction);
  return `[${'='.repeat(full)}${full < barRoom ? '>' : ''}${' '.repeat(Math.max(0, barRoom - full - 1))}] ${text}`;
}

function note({ status, progress, waiting_for }: JobStatus): string {
  switch (status) {
    case 'pending':
      return waiting_for === null ? 'waiting' : `waiting for ${waiting_for}`;
    case 'running': {
      if (progress.rate_per_second === null || progress.rate_per_second === 0) {
        return waiting_for === null ? 'starting' : `waiting for ${waiting_for}`;
      }
      const left = progress.eta_seconds === null ? '' : `  ${duration(progress.eta_seconds)} left`;
      return `${rate(progress.rate_per_second)}${left}`;
    }
    case 'paused':
    case 'completed':
    case 'failed':
    case 'cancelled':
      return status;
  }
}
