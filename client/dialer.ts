/**
 * Keeps a connection to the coordinator: dials, waits for the welcome, dials again with jittered back-off when it
 * is lost, stops where trying again can't help.
 */
import type { Hello, Welcome, WireError } from '../protocol/messages.ts';
import { NOTICES } from '../protocol/messages.ts';
import { BackOff } from './back-off.ts';
import { HANDSHAKE_MS } from './connection.ts';
import type { Connection, ConnectionEnd, Transport } from './connection.ts';
import { Link } from './link.ts';
import type { Log } from './log.ts';
import type { Runtime } from './runtime.ts';
import type { KeyRefusal } from './worker-status.ts';

/** The handshake, and the welcome after it. */
const WELCOME_TIMEOUT_MS = HANDSHAKE_MS + 5000;
const DRAIN_TIMEOUT_MS = 60_000;

export type RefusalKind = 'protocol_mismatch' | 'refused' | KeyRefusal;

export interface DialerEvents {
  hello(): Hello;
  welcomed(link: Link, welcome: Welcome): void;
  /** A lease may be had. */
  work(): void;
  revoked(lease_ids: readonly string[]): void;
  /** The coordinator stops soon: no more leases on this connection. */
  draining(): void;
  /** The connection is gone, or none could be made; another try follows. */
  lost(message: string): void;
  /** The coordinator refuses this worker; the dialer has stopped. */
  refused(kind: RefusalKind, message: string): void;
}

interface Attempt {
  connection: Connection | undefined;
  /** Once it is welcomed. */
  link: Link | undefined;
  /** Why the coordinator closes it, if it said so. */
  closing: string;
}

export class Dialer {
  readonly #transport: Transport;
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #events: DialerEvents;
  readonly #backOff: BackOff;
  #current: Attempt | undefined;
  #cancelTimer: () => void = () => undefined;
  #comeBack_ms: number | undefined;
  #closed = false;

  constructor(transport: Transport, runtime: Runtime, log: Log, events: DialerEvents) {
    this.#transport = transport;
    this.#runtime = runtime;
    this.#log = log;
    this.#events = events;
    this.#backOff = new BackOff(runtime, { first_ms: 500, longest_ms: 30_000 });
  }

  dial(): void {
    if (this.#closed) return;
    this.#cancelTimer();
    // A transport may report before it has returned the connection.
    const early: (() => void)[] = [];
    const attempt: Attempt = { connection: undefined, link: undefined, closing: '' };
    const deliver = (event: () => void) => {
      if (attempt.connection === undefined) early.push(event);
      else if (this.#current === attempt) event();
    };
    attempt.connection = this.#transport.connect(this.#events.hello(), {
      notice: (name, body) => deliver(() => this.#notice(name, body)),
      ended: (end) => deliver(() => this.#ended(end)),
    });
    this.#current = attempt;
    this.#cancelTimer = this.#runtime.setTimer(WELCOME_TIMEOUT_MS, () => this.drop('no welcome came'));
    for (const event of early) deliver(event);
  }

  /** The coordinator has answered: the next loss starts with a short wait again. */
  healthy(): void {
    this.#backOff.reset();
  }

  /** Gives the connection up and dials again. */
  drop(reason: string): void {
    this.#ended({ message: reason, refusal: undefined });
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer();
    this.#current?.connection?.close();
    this.#current?.link?.lost();
    this.#current = undefined;
  }

  #notice(name: string, body: unknown): void {
    switch (name) {
      case 'welcome': {
        const welcome = NOTICES.welcome.safeParse(body);
        if (!welcome.success) return this.drop("the coordinator's welcome can't be read");
        const attempt = this.#current;
        if (attempt?.connection === undefined || attempt.link !== undefined) return;
        this.#cancelTimer();
        const link = new Link(attempt.connection, this.#runtime);
        attempt.link = link;
        this.#events.welcomed(link, welcome.data);
        return;
      }
      case 'work':
        return this.#events.work();
      case 'revoke': {
        const revoke = NOTICES.revoke.safeParse(body);
        if (revoke.success) this.#events.revoked(revoke.data.lease_ids);
        return;
      }
      case 'drain': {
        const drain = NOTICES.drain.safeParse(body);
        if (!drain.success) return;
        this.#comeBack_ms = drain.data.reconnect_after_ms;
        this.#cancelTimer();
        // It closes the connection when it stops; if it changed its mind, a new one asks it for work.
        this.#cancelTimer = this.#runtime.setTimer(DRAIN_TIMEOUT_MS, () =>
          this.drop('the coordinator was to stop'),
        );
        return this.#events.draining();
      }
      case 'closing': {
        const closing = NOTICES.closing.safeParse(body);
        if (closing.success && this.#current !== undefined) this.#current.closing = closing.data.reason;
        return;
      }
      default:
        this.#log.debug({ name }, 'a notice of an unknown kind is ignored');
    }
  }

  #ended(end: ConnectionEnd): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    this.#cancelTimer();
    current.connection?.close();
    current.link?.lost();
    const { refusal } = end;
    if (refusal !== undefined && !refusal.retry) {
      this.#closed = true;
      this.#events.refused(kindOf(refusal), refusal.message);
      return;
    }
    let wait_ms = this.#backOff.next_ms();
    if (this.#comeBack_ms !== undefined) {
      wait_ms = this.#comeBack_ms * (1 + this.#runtime.random() / 2);
      this.#comeBack_ms = undefined;
    }
    const message = current.closing === '' ? end.message : `${end.message}: ${current.closing}`;
    this.#log.warn({ wait_ms: Math.round(wait_ms) }, message);
    this.#events.lost(message);
    if (!this.#closed) this.#cancelTimer = this.#runtime.setTimer(wait_ms, () => this.dial());
  }
}

function kindOf({ code }: WireError): RefusalKind {
  switch (code) {
    case 'protocol_mismatch':
    case 'key_needed':
    case 'key_refused':
    case 'forbidden':
      return code;
    default:
      return 'refused';
  }
}
