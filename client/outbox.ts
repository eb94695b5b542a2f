/**
 * Results and releases that the coordinator has not acknowledged. Each is sent until it is: again with the same
 * token after a reconnect, after silence, and after a refusal that says "retry"; thrown away, with the reason
 * logged, after one that does not.
 */
import { MAX_MESSAGE_BYTES, REQUESTS } from '../protocol/messages.ts';
import type { LeaseReply, LeaseRequest, Release, Submission, SubmissionReply } from '../protocol/messages.ts';
import { BackOff } from './back-off.ts';
import type { Link, Outcome } from './link.ts';
import type { Log } from './log.ts';
import type { Runtime } from './runtime.ts';
import { Signal } from './runtime.ts';

/** A result is acknowledged after its commit; under load that takes a while. */
const ACK_TIMEOUT_MS = 30_000;

export type OutboxItem =
  | { readonly kind: 'submit'; readonly lease_id: string; readonly units: bigint; readonly body: Submission }
  | { readonly kind: 'release'; readonly lease_id: string; readonly body: Release };

interface Entry {
  readonly item: OutboxItem;
  readonly backOff: BackOff;
  /** Asked for when it is sent for the first time. */
  next: NextLease | undefined;
  /** The link on which it is under way, if any. */
  sentOn: Link | undefined;
}

/** A lease that is asked for along with a result. */
export interface NextLease {
  readonly request: LeaseRequest;
  /** Undefined: no answer, or not to this; also called once more for an answer that comes too late. */
  answered(reply: LeaseReply | undefined): void;
}

export interface OutboxEvents {
  /** A result was counted, now or before. */
  accepted(item: OutboxItem, status: SubmissionReply['status']): void;
  /** A result was thrown away. */
  refused(item: OutboxItem, reason: string): void;
}

export class Outbox {
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #events: OutboxEvents;
  readonly #entries: Entry[] = [];
  readonly #emptied = new Signal();
  #link: Link | undefined;

  constructor(runtime: Runtime, log: Log, events: OutboxEvents) {
    this.#runtime = runtime;
    this.#log = log;
    this.#events = events;
  }

  get size(): number {
    return this.#entries.length;
  }

  get items(): OutboxItem[] {
    return this.#entries.map(({ item }) => item);
  }

  get lease_ids(): string[] {
    return this.#entries.map(({ item }) => item.lease_id);
  }

  /** Resolves once nothing waits. */
  async empty(): Promise<void> {
    while (this.#entries.length > 0) await this.#emptied.wait();
  }

  add(item: OutboxItem, next?: NextLease): void {
    if (item.kind === 'submit' && JSON.stringify(item.body).length > MAX_MESSAGE_BYTES) {
      // The coordinator would cut the connection at it, again and again.
      this.#events.refused(item, `the result is larger than a message may be (${MAX_MESSAGE_BYTES} bytes)`);
      next?.answered(undefined);
      return;
    }
    const entry: Entry = {
      item,
      backOff: new BackOff(this.#runtime, { first_ms: 500, longest_ms: 30_000 }),
      next,
      sentOn: undefined,
    };
    this.#entries.push(entry);
    void this.#send(entry);
  }

  /** A new connection was welcomed: everything goes out again. */
  connected(link: Link): void {
    this.#link = link;
    for (const entry of [...this.#entries]) void this.#send(entry);
  }

  disconnected(): void {
    this.#link = undefined;
    for (const entry of this.#entries) entry.sentOn = undefined;
  }

  async #send(entry: Entry): Promise<void> {
    const link = this.#link;
    if (link === undefined || entry.sentOn === link || !this.#entries.includes(entry)) return;
    entry.sentOn = link;
    const { item } = entry;
    const timeout_ms = ACK_TIMEOUT_MS;
    if (item.kind === 'submit') {
      const { next } = entry;
      entry.next = undefined;
      const body = next === undefined ? item.body : { ...item.body, next: next.request };
      const answered = (outcome: Outcome<SubmissionReply>) => {
        this.#settle(entry, link, outcome);
        next?.answered(outcome.ok === true ? outcome.value.next : undefined);
      };
      const options = { timeout_ms, late: answered };
      answered(await link.request('submit', body, REQUESTS.submit.reply, options));
    } else {
      const outcome = await link.request('release', item.body, REQUESTS.release.reply, { timeout_ms });
      this.#settle(entry, link, outcome.ok === true ? { ok: true, value: undefined } : outcome);
    }
  }

  /** @param outcome without a status where a release was acknowledged */
  #settle(entry: Entry, link: Link, outcome: Outcome<SubmissionReply | undefined>): void {
    const { item } = entry;
    if (!this.#entries.includes(entry)) return;
    if (outcome.ok === true) {
      this.#remove(entry);
      if (outcome.value !== undefined) this.#events.accepted(item, outcome.value.status);
      return;
    }
    if (outcome.ok === false && !outcome.error.retry) {
      this.#remove(entry);
      const reason = `${outcome.error.code}: ${outcome.error.message}`;
      if (item.kind === 'submit') this.#events.refused(item, reason);
      else this.#log.debug({ lease_id: item.lease_id, reason }, 'a lease was given back in vain');
      return;
    }
    // The link died meanwhile: `connected` sends it again.
    if (this.#link !== link || entry.sentOn !== link) return;
    const why = outcome.ok === false ? outcome.error.message : outcome.message;
    const wait_ms = Math.round(entry.backOff.next_ms());
    this.#log.warn({ lease_id: item.lease_id, wait_ms }, `${item.kind} is sent again: ${why}`);
    this.#runtime.setTimer(wait_ms, () => {
      if (entry.sentOn === link) entry.sentOn = undefined;
      void this.#send(entry);
    });
  }

  #remove(entry: Entry): void {
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    if (this.#entries.length === 0) this.#emptied.fire();
  }
}
