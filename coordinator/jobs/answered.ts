/**
 * What became of leases that were answered, for a while: a worker whose acknowledgement was lost sends its
 * result again, perhaps after it was folded into the tally.
 */
const REMEMBERED = 20_000;

export class AnsweredLeases {
  readonly #answers = new Map<string, string>();
  /**
   * The leases in the order of their answers, the oldest overwritten. Taking the oldest key of the map instead
   * steps over all that were deleted since its last rehash: 3 % of a busy coordinator.
   */
  readonly #ring: string[] = [];
  #oldest = 0;

  remember(leaseId: string, end: bigint, digest: string): void {
    if (!this.#answers.has(leaseId)) this.#makeRoom(leaseId);
    this.#answers.set(leaseId, `${end} ${digest}`);
  }

  /** By whatever lease it was given. O(remembered): disputes are rare. */
  forgetAnswer(end: bigint, digest: string): void {
    const wrong = `${end} ${digest}`;
    for (const [leaseId, answer] of this.#answers) if (answer === wrong) this.#answers.delete(leaseId);
  }

  /** The very same answer was accepted before. */
  has(leaseId: string, end: bigint, digest: string): boolean {
    return this.#answers.get(leaseId) === `${end} ${digest}`;
  }

  #makeRoom(leaseId: string): void {
    const oldest = this.#ring[this.#oldest];
    if (oldest !== undefined) this.#answers.delete(oldest);
    this.#ring[this.#oldest] = leaseId;
    this.#oldest = (this.#oldest + 1) % REMEMBERED;
  }
}
