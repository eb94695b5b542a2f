/**
 * The way to a coordinator, as the worker loop sees it. One `Connection` is one attempt: when it ends, the loop
 * decides when to try again. socket-transport.ts implements it over Socket.IO; tests have one in memory, with
 * faults.
 */
import type { Hello, RequestName, WireError } from '../protocol/messages.ts';

/**
 * An attempt that has not reached its coordinator by then is given up. In a storm that is work done for nothing, and done
 * once more: where 5,000 workers took longer than the 15 s that stood here to be taken in again, the storm fed itself.
 */
export const HANDSHAKE_MS = 30_000;

/** Why a connection ended or never came to be. `refusal`: the coordinator said so itself. */
export interface ConnectionEnd {
  readonly message: string;
  readonly refusal: WireError | undefined;
}

export interface ConnectionEvents {
  /** A notice as it came: unchecked. */
  notice(name: string, body: unknown): void;
  /** Exactly once, and the last event. Not after `close`. */
  ended(end: ConnectionEnd): void;
}

export interface Connection {
  /** Resolves with the acknowledgement as it came: unchecked. May never settle: the caller has a timer. */
  send(name: RequestName, body: unknown): Promise<unknown>;
  close(): void;
}

export interface Transport {
  connect(hello: Hello, events: ConnectionEvents): Connection;
}
