/** Places in the queue: how many pending jobs of the same user come before a given one. */
import { PRIORITIES } from '../../protocol/http.ts';
import type { Priority } from '../../protocol/http.ts';

/** What the line needs to know of a job. */
export interface Placed {
  readonly user: string | null;
  readonly priority: Priority;
  readonly seq: number;
}

/** Sequence numbers of a user's pending jobs, ascending. New ones are nearly always appended. */
type Lines = Record<Priority, number[]>;

export class WaitingLine {
  readonly #users = new Map<string | null, Lines>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Pending jobs of one user. */
  sizeOf(user: string | null): number {
    const lines = this.#users.get(user);
    return lines === undefined ? 0 : lengthOf(lines);
  }

  add({ user, priority, seq }: Placed): void {
    const lines = this.#users.get(user) ?? { low: [], normal: [], high: [] };
    this.#users.set(user, lines);
    const line = lines[priority];
    line.splice(rank(line, seq), 0, seq);
    this.#size += 1;
  }

  remove({ user, priority, seq }: Placed): void {
    const lines = this.#users.get(user);
    const line = lines?.[priority] ?? [];
    const index = rank(line, seq);
    if (lines === undefined || line[index] !== seq) return;
    line.splice(index, 1);
    this.#size -= 1;
    if (lengthOf(lines) === 0) this.#users.delete(user);
  }

  /**
   * Jobs of higher priorities come first, then those of the same that were submitted before. Other users' jobs are
   * not counted: each user has a turn of its own, so it is not their number that one waits for.
   */
  position({ user, priority, seq }: Placed): number {
    const lines = this.#users.get(user);
    if (lines === undefined) return 0;
    let before = rank(lines[priority], seq);
    for (const higher of PRIORITIES.slice(PRIORITIES.indexOf(priority) + 1)) before += lines[higher].length;
    return before;
  }
}

function lengthOf(lines: Lines): number {
  return PRIORITIES.reduce((sum, priority) => sum + lines[priority].length, 0);
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
