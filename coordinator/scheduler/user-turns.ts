/**
 * Whose turn it is: stride scheduling between users, with equal shares of granted compute time. Users that have
 * something to lease stand in line, the one that is owed most first; who was charged moves back.
 */

/** A user as the line sees it. Only `UserTurns` writes here. */
export interface Turn {
  /** Granted milliseconds, counted from wherever the user began. */
  pass: number;
  /** When it was last charged, in charges; 0: never. */
  servedAt: number;
  inLine: boolean;
}

/** A user that no worker could serve for long may not claim all of that back at once (ms). */
const MAX_LAG_MS = 60_000;

export class UserTurns<U extends Turn> {
  /** Ascending by (pass, servedAt). */
  readonly #line: U[] = [];
  #charges = 0;
  #served = 0;

  /** Those that stand in line, the one whose turn it is first. Not to be changed meanwhile. */
  get line(): readonly U[] {
    return this.#line;
  }

  /** The pass of the latest user that was charged, before that: who has more than this had more than the others. */
  get served(): number {
    return this.#served;
  }

  /**
   * The user has something to lease. It starts where the least served one is, so the next free worker is its own;
   * what it had beyond the others before it went is not forgotten, or tiny jobs one after the other would always be
   * the newest.
   */
  arrive(user: U): void {
    user.pass = Math.max(user.pass, this.#line[0]?.pass ?? this.#served);
    user.inLine = true;
    this.#insert(user);
  }

  leave(user: U): void {
    user.inLine = false;
    this.#line.splice(this.#line.indexOf(user), 1);
  }

  /** @param ms of compute time that the user was granted */
  charge(user: U, ms: number): void {
    this.#charges += 1;
    this.#served = user.pass;
    user.servedAt = this.#charges;
    this.move(user, ms);
    const least = this.#served - MAX_LAG_MS;
    for (let last = this.#line[0]; last !== undefined && last.pass < least; last = this.#line[0]) {
      this.#line.shift();
      last.pass = least;
      this.#insert(last);
    }
  }

  /** Moves the user back by `ms`, or forward again, without its having been served. */
  move(user: U, ms: number): void {
    const stays = user.inLine;
    if (stays) this.leave(user);
    user.pass += ms;
    if (!stays) return;
    user.inLine = true;
    this.#insert(user);
  }

  #insert(user: U): void {
    const line = this.#line;
    let low = 0;
    let high = line.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = line[middle];
      if (other !== undefined && isBefore(user, other)) high = middle;
      else low = middle + 1;
    }
    line.splice(low, 0, user);
  }
}

function isBefore(a: Turn, b: Turn): boolean {
  return a.pass < b.pass || (a.pass === b.pass && a.servedAt < b.servedAt);
}
