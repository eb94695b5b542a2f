/**
 * The audit log: who did what to which job, node or key, from where, when, with what outcome. What succeeds is
 * written in the transaction that does it (jobs/, key-ring.ts); what is refused, and what anybody with a key can do
 * without end (join), is written here, within a bound: whoever knocks must not fill the disk.
 */
import type { AuditAction, AuditList, AuditQuery } from '../../protocol/access.ts';
import type { AccessRecords, Actor } from '../cluster.ts';
import { limitKey } from './client-address.ts';
import { RateLimiter } from './rate-limiter.ts';

/** Lines written for one address, or one key, and for all of them. */
const LINES_OF_ONE = { perSecond: 1, burst: 30 };
const LINES = { perSecond: 10, burst: 300 };
/** How often those that were left out are told, as a number. */
const SUMMARY_MS = 60_000;
const NOBODY: Actor = { user: null, role: null, keyId: null, address: null };

export class AuditLog {
  readonly #records: Pick<AccessRecords, 'note' | 'listAudit'>;
  readonly #now: () => number;
  readonly #ofOne: RateLimiter;
  readonly #all: RateLimiter;
  /** Lines that did not fit, by their action. */
  readonly #leftOut = new Map<AuditAction, number>();
  #toldAt: number;

  /** @param now milliseconds since 1970 */
  constructor(records: Pick<AccessRecords, 'note' | 'listAudit'>, now: () => number = () => Date.now()) {
    this.#records = records;
    this.#now = now;
    this.#ofOne = new RateLimiter(LINES_OF_ONE, now);
    this.#all = new RateLimiter(LINES, now);
    this.#toldAt = now();
  }

  /** Something that was done, and is not worth a transaction of its own: a worker has joined. */
  done(by: Actor, action: AuditAction, target: string | null): void {
    this.#line(by, action, target, 'done', `key ${by.keyId ?? ''}`);
  }

  /** @param outcome the code of the error */
  refused(by: Actor, action: AuditAction, target: string | null, outcome: string): void {
    this.#line(by, action, target, outcome, limitKey(by.address ?? ''));
  }

  /** Call now and then. */
  sweep(): void {
    if (this.#now() - this.#toldAt >= SUMMARY_MS) this.tellLeftOut();
  }

  /** One line for each action of which lines were left out: how many. */
  tellLeftOut(): void {
    if (this.#leftOut.size === 0) return;
    this.#toldAt = this.#now();
    for (const [action, count] of this.#leftOut) this.#write(NOBODY, action, null, `${count} more`);
    this.#leftOut.clear();
  }

  async list({ user, target, action, limit, before }: AuditQuery): Promise<AuditList> {
    const found = await this.#records.listAudit({ user, target, action, before, limit: limit + 1 });
    const page = found.slice(0, limit);
    return {
      entries: page.map(({ seq, at, keyId, ...entry }) => ({
        seq,
        at: new Date(at).toISOString(),
        user: entry.user,
        key_id: keyId,
        role: entry.role,
        address: entry.address,
        action: entry.action,
        target: entry.target,
        outcome: entry.outcome,
      })),
      next_before: found.length > limit ? (page.at(-1)?.seq ?? null) : null,
    };
  }

  /** @param who of whom only so many lines are written */
  #line(by: Actor, action: AuditAction, target: string | null, outcome: string, who: string): void {
    const fits = this.#ofOne.take(who) === 0 && this.#all.take('') === 0;
    if (fits) this.#write(by, action, target, outcome);
    else this.#leftOut.set(action, (this.#leftOut.get(action) ?? 0) + 1);
  }

  #write(by: Actor, action: AuditAction, target: string | null, outcome: string): void {
    this.#records.note({ kind: 'audited', entry: { at: this.#now(), ...by, action, target, outcome } });
  }
}
