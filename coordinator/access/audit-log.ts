/**
 * The audit log: who did what to which job, node or key, from where, when, with what outcome. What succeeds is
 * written in the transaction that does it (jobs/, key-ring.ts); what is refused is written here, within a bound:
 * whoever knocks without end must not fill the disk.
 */
import type { AuditAction, AuditList, AuditQuery } from '../../protocol/access.ts';
import type { AccessRecords, Actor } from '../cluster.ts';
import { limitKey } from './client-address.ts';
import { RateLimiter } from './rate-limiter.ts';

/** Refusals written for one address, and for all of them. */
const REFUSALS_OF_ADDRESS = { perSecond: 1, burst: 30 };
const REFUSALS = { perSecond: 10, burst: 300 };
/** How often those that were left out are told, as a number. */
const SUMMARY_MS = 60_000;
const NOBODY: Actor = { user: null, role: null, keyId: null, address: null };

export class AuditLog {
  readonly #records: Pick<AccessRecords, 'note' | 'listAudit'>;
  readonly #now: () => number;
  readonly #ofAddress: RateLimiter;
  readonly #all: RateLimiter;
  #leftOut = 0;
  #toldAt: number;

  /** @param now milliseconds since 1970 */
  constructor(records: Pick<AccessRecords, 'note' | 'listAudit'>, now: () => number = () => Date.now()) {
    this.#records = records;
    this.#now = now;
    this.#ofAddress = new RateLimiter(REFUSALS_OF_ADDRESS, now);
    this.#all = new RateLimiter(REFUSALS, now);
    this.#toldAt = now();
  }

  /** Something that was done, and is not worth a transaction of its own: a worker has joined. */
  done(by: Actor, action: AuditAction, target: string | null): void {
    this.#write(by, action, target, 'done');
  }

  /** @param outcome the code of the error */
  refused(by: Actor, action: AuditAction, target: string | null, outcome: string): void {
    const fits = this.#ofAddress.take(limitKey(by.address ?? '')) === 0 && this.#all.take('') === 0;
    if (fits) this.#write(by, action, target, outcome);
    else this.#leftOut += 1;
  }

  /** Call now and then. */
  sweep(): void {
    if (this.#leftOut === 0 || this.#now() - this.#toldAt < SUMMARY_MS) return;
    this.#toldAt = this.#now();
    this.#write(NOBODY, 'access.refused', null, `${this.#leftOut} more`);
    this.#leftOut = 0;
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

  #write(by: Actor, action: AuditAction, target: string | null, outcome: string): void {
    this.#records.note({ kind: 'audited', entry: { at: this.#now(), ...by, action, target, outcome } });
  }
}
