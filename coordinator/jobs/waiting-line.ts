/** Places in the queue: how many pending jobs come before a given one. */
import { PRIORITIES } from '../../protocol/http.ts';
import type { Priority } from '../../protocol/http.ts';

export class WaitingLine {
  /** Sequence numbers of pending jobs, ascending. New ones are nearly always appended. */
  readonly #lines: Record<Priority, number[]> = { low: [], normal: [], high: [] };

  get size(): number {
    return PRIORITIES.reduce((sum, priority) => sum + this.#lines[priority].length, 0);
  }

  add(priority: Priority, seq: number): void {
    const line = this.#lines[priority];
    line.splice(rank(line, seq), 0, seq);
  }

  remove(priority: Priority, seq: number): void {
    const line = this.#lines[priority];
    const index = rank(line, seq);
    if (line[index] === seq) line.splice(index, 1);
  }

  /** Jobs of higher priorities come first, then those of the same that were submitted before. */
  position(priority: Priority, seq: number): number {
    let before = rank(this.#lines[priority], seq);
    for (const higher of PRIORITIES.slice(PRIORITIES.indexOf(priority) + 1))
      before += this.#lines[higher].length;
    return before;
  }
}

/** How many numbers of the sorted line are below `seq`. */
function rank(line: readonly number[], seq: number): number {
  let low = 0;
  let high = line.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((line[middle] ?? seq) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
