/** One worker's requests: validated, bounded, answered. Transport-free: it sees values and gives values. */
import { ClusterError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { REQUESTS } from '../../protocol/messages.ts';
import type { Ack, RequestName, WireError } from '../../protocol/messages.ts';
import { fieldProblems, summary, wireErrorOf } from '../../protocol/problems.ts';
import type { WorkerSession } from '../cluster.ts';
import type { Log } from '../log.ts';

export interface RequestLimits {
  /** Requests of one worker that wait for their answer. */
  readonly inFlight: number;
  /** Messages against the protocol within a minute before the connection is closed. */
  readonly strikesPerMinute: number;
  /** Messages above the rate within a minute before the connection is closed: a worker that is told to wait waits. */
  readonly hurriedPerMinute: number;
}

/** Who is asked before a request is looked at, and who is told of a peer that breaks the protocol. */
export interface RequestGuard {
  /** @throws ClusterError limit_reached */
  admit(): void;
  /** The worker has broken the protocol too often: close the connection. */
  abused(reason: string): void;
}

type Reply = Ack<unknown>;
type Answer = (reply: Reply) => void;

export class WorkerRequests {
  readonly #session: WorkerSession;
  readonly #limits: RequestLimits;
  readonly #log: Log;
  readonly #guard: RequestGuard;
  #inFlight = 0;
  #strikes = 0;
  #hurried = 0;
  #minuteSince = performance.now();

  constructor(session: WorkerSession, limits: RequestLimits, log: Log, guard: RequestGuard) {
    this.#session = session;
    this.#limits = limits;
    this.#log = log;
    this.#guard = guard;
  }

  /** @param args as the transport gave them: body, then the acknowledgement to call */
  handle(name: unknown, args: readonly unknown[]): void {
    const answer = args.at(-1);
    if (!isAnswer(answer)) {
      this.#strike('a message without acknowledgement: every request has one');
      return;
    }
    if (!isRequestName(name) || args.length !== 2) {
      const names = Object.keys(REQUESTS).join(', ');
      this.#refuse(answer, 'malformed', `expected one of the requests ${names}, with one body`);
      return;
    }
    if (this.#inFlight >= this.#limits.inFlight) {
      const text = `${this.#limits.inFlight} requests wait for their answer already: wait for one`;
      this.#refuse(answer, 'limit_reached', text);
      return;
    }
    try {
      this.#guard.admit();
    } catch (error) {
      // No strike: whoever shares its address may have taken what there was.
      answer({ ok: false, error: this.#wireError(name, error) });
      this.#hurry();
      return;
    }
    const reply = this.#dispatch(name, args[0], answer);
    if (reply === undefined) return;
    this.#inFlight += 1;
    void reply.then(
      (value) => this.#settle(answer, { ok: true, value }),
      (error: unknown) => this.#settle(answer, { ok: false, error: this.#wireError(name, error) }),
    );
  }

  /** Starts the request; undefined if it was answered at once. */
  #dispatch(name: RequestName, body: unknown, answer: Answer): Promise<unknown> | undefined {
    switch (name) {
      case 'lease': {
        const parsed = REQUESTS.lease.request.safeParse(body);
        if (parsed.success) return this.#session.lease(parsed.data);
        return this.#invalid(answer, name, parsed.error);
      }
      case 'submit': {
        const parsed = REQUESTS.submit.request.safeParse(body);
        if (parsed.success) return this.#session.submit(parsed.data);
        return this.#invalid(answer, name, parsed.error);
      }
      case 'release': {
        const parsed = REQUESTS.release.request.safeParse(body);
        if (parsed.success) return this.#session.release(parsed.data).then(() => ({}));
        return this.#invalid(answer, name, parsed.error);
      }
      case 'heartbeat': {
        const parsed = REQUESTS.heartbeat.request.safeParse(body);
        if (!parsed.success) return this.#invalid(answer, name, parsed.error);
        answer(this.#heartbeat(parsed.data));
        return undefined;
      }
    }
  }

  #heartbeat(body: Parameters<WorkerSession['heartbeat']>[0]): Reply {
    try {
      return { ok: true, value: this.#session.heartbeat(body) };
    } catch (error) {
      return { ok: false, error: this.#wireError('heartbeat', error) };
    }
  }

  #invalid(answer: Answer, name: RequestName, error: Parameters<typeof fieldProblems>[0]): undefined {
    this.#refuse(answer, 'invalid_request', `${name}: ${summary(fieldProblems(error))}`);
    return undefined;
  }

  #refuse(answer: Answer, code: ErrorCode, message: string): void {
    answer({ ok: false, error: wireErrorOf(new ClusterError(code, message)) });
    this.#strike(message);
  }

  #settle(answer: Answer, reply: Reply): void {
    this.#inFlight -= 1;
    answer(reply);
  }

  #wireError(name: RequestName, error: unknown): WireError {
    if (error instanceof ClusterError) return wireErrorOf(error);
    this.#log.error({ err: error, node_id: this.#session.nodeId, request: name }, 'a request failed');
    return wireErrorOf(
      new ClusterError('internal', 'the coordinator failed at this request; its log says why'),
    );
  }

  #strike(reason: string): void {
    this.#newMinute();
    this.#strikes += 1;
    if (this.#strikes === this.#limits.strikesPerMinute) this.#guard.abused(reason);
  }

  /** Each refusal costs what an answer costs: without an end a few hundred connections would keep us busy. */
  #hurry(): void {
    this.#newMinute();
    this.#hurried += 1;
    if (this.#hurried === this.#limits.hurriedPerMinute) {
      this.#guard.abused(`${this.#hurried} messages within a minute came above the rate`);
    }
  }

  #newMinute(): void {
    const now = performance.now();
    if (now - this.#minuteSince <= 60_000) return;
    this.#minuteSince = now;
    this.#strikes = 0;
    this.#hurried = 0;
  }
}

function isAnswer(value: unknown): value is Answer {
  return typeof value === 'function';
}

function isRequestName(name: unknown): name is RequestName {
  return typeof name === 'string' && Object.hasOwn(REQUESTS, name);
}
