/** A welcomed connection with checked messages: nothing that a coordinator sends is used before its schema read it. */
import type { Ack, RequestName, RequestOf } from '../protocol/messages.ts';
import { ackEnvelope } from '../protocol/messages.ts';
import type { Connection } from './connection.ts';
import type { Runtime } from './runtime.ts';

export type Outcome<R> =
  | Ack<R>
  /** No acknowledgement in time, or none that can be read: it may have arrived all the same. */
  | { readonly ok: 'unknown'; readonly message: string };

/** A schema of a reply. */
export interface Reader<R> {
  safeParse(value: unknown): { readonly success: true; readonly data: R } | { readonly success: false };
}

export class Link {
  readonly #connection: Connection;
  readonly #runtime: Runtime;
  readonly #waiting = new Set<(message: string) => void>();

  constructor(connection: Connection, runtime: Runtime) {
    this.#connection = connection;
    this.#runtime = runtime;
  }

  /**
   * Sends a request. Never rejects.
   * @param late called with an answer that comes after the time is over
   */
  request<N extends RequestName, R>(
    name: N,
    body: RequestOf<N>,
    reply: Reader<R>,
    options: { readonly timeout_ms: number; readonly late?: (outcome: Outcome<R>) => void },
  ): Promise<Outcome<R>> {
    const { timeout_ms, late } = options;
    return new Promise((resolve) => {
      const giveUp = (message: string) => {
        cancel();
        this.#waiting.delete(giveUp);
        resolve({ ok: 'unknown', message });
      };
      const cancel = this.#runtime.setTimer(timeout_ms, () =>
        giveUp(`no answer to ${name} in ${timeout_ms / 1000} s`),
      );
      this.#waiting.add(giveUp);
      const settle = (outcome: Outcome<R>) => {
        cancel();
        if (this.#waiting.delete(giveUp)) resolve(outcome);
        else late?.(outcome);
      };
      this.#connection.send(name, body).then(
        (ack) => settle(readAck(name, ack, reply)),
        (error: unknown) => settle({ ok: 'unknown', message: String(error) }),
      );
    });
  }

  /** The connection is gone: whatever still waits has no answer. */
  lost(): void {
    for (const giveUp of [...this.#waiting]) giveUp('the connection was lost');
  }
}

function readAck<R>(name: RequestName, ack: unknown, reply: Reader<R>): Outcome<R> {
  const envelope = ackEnvelope.safeParse(ack);
  if (envelope.success) {
    if (!envelope.data.ok) return envelope.data;
    const value = reply.safeParse(envelope.data.value);
    if (value.success) return { ok: true, value: value.data };
  }
  return { ok: 'unknown', message: `the coordinator's answer to ${name} can't be read` };
}
