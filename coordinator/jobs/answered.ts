/**
 * What became of leases that were answered, for a while: a worker whose acknowledgement was lost sends its
 * result again, perhaps after it was folded into the tally.
 */
const REMEMBERED = 20_000;

export class AnsweredLeases {
  readonly #answers = new Map<string, string>();

  remember(leaseId: string, end: bigint, digest: string): void {
    this.#answers.set(leaseId, `${end} ${digest}`);
    const oldest = this.#answers.keys().next();
    if (this.#answers.size > REMEMBERED && oldest.done !== true) this.#answers.delete(oldest.value);
  }

  forget(leaseId: string): void {
    this.#answers.delete(leaseId);
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
}
