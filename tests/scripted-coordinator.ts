/**
 * The worker's other end for its unit tests: a connection in memory under virtual time, and a coordinator that
 * leases one job and does as the test says. tests/simulation has the real one.
 */
import type { Connection, ConnectionEvents, Transport } from '../client/connection.ts';
import type { Hello, RequestName, RequestOf } from '../protocol/messages.ts';
import { hello as helloSchema, REQUESTS } from '../protocol/messages.ts';
import { handBack as handBackSchema } from '../protocol/hand-back.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { ERROR_KINDS } from '../protocol/errors.ts';
import type { Range } from '../protocol/range.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';
import type { Batch } from '../client/engines/engine.ts';
import type { VirtualClock } from './simulation/clock.ts';

/** What becomes of a request: undefined lets the coordinator answer it. */
export type Fault =
  /** It never arrives. */
  | 'lost'
  /** It is carried out, and its acknowledgement never arrives. */
  | 'ack lost'
  /** It is carried out, and the connection ends before the acknowledgement. */
  | 'cut'
  | { readonly refuse: ErrorCode }
  /** It is carried out, and answered so much later. */
  | { readonly delay_ms: number }
  | { readonly answer: unknown };

export interface Received {
  readonly at_ms: number;
  readonly name: RequestName;
  readonly body: unknown;
}

const LATENCY_MS = 5;

export class ScriptedCoordinator implements Transport {
  readonly hellos: { readonly at_ms: number; readonly hello: Hello }[] = [];
  readonly received: Received[] = [];
  /** Token to the range that was counted. */
  readonly accepted = new Map<string, { readonly range: Range; readonly aggregate: unknown }>();
  readonly released: { readonly lease_id: string; readonly reason: string }[] = [];
  /** Most leases that were out at once. */
  mostLeases = 0;
  /** Units of a lease. */
  leaseLength: bigint;
  heartbeat_ms = 10_000;
  /** Handshakes end like this. */
  refusal: ErrorCode | 'unreachable' | undefined;
  fault: (name: RequestName, body: unknown) => Fault | undefined = () => undefined;
  readonly #clock: VirtualClock;
  readonly #batch: Batch;
  readonly #leases = new Map<string, Range>();
  #waiting: Range[];
  #count = 0;
  #live: { readonly events: ConnectionEvents; open: boolean }[] = [];

  /** @param batch the job: its range is leased piece by piece */
  constructor(clock: VirtualClock, batch: Batch, leaseLength: bigint) {
    this.#clock = clock;
    this.#batch = batch;
    this.leaseLength = leaseLength;
    this.#waiting = [batch.range];
  }

  /** Every number is counted. */
  get complete(): boolean {
    return this.#waiting.length === 0 && this.#leases.size === 0;
  }

  get connected(): boolean {
    return this.#live.some(({ open }) => open);
  }

  /** Ids of leases that are out. */
  get leases(): readonly string[] {
    return [...this.#leases.keys()];
  }

  connect(hello: Hello, events: ConnectionEvents): Connection {
    const live = { events, open: true };
    this.#live = [...this.#live.filter(({ open }) => open), live];
    this.hellos.push({ at_ms: this.#clock.now(), hello: helloSchema.parse(structuredClone(hello)) });
    this.#later(() => this.#shake(live));
    return {
      send: (name, body) => this.#receive(live, name, structuredClone(body)),
      close: () => {
        live.open = false;
      },
    };
  }

  notice(name: string, body: unknown): void {
    for (const live of this.#live) {
      this.#later(() => {
        if (live.open) live.events.notice(name, body);
      });
    }
  }

  /** All connections end. */
  cut(): void {
    for (const live of this.#live) this.#end(live, 'the connection broke', undefined);
  }

  #shake(live: { readonly events: ConnectionEvents; open: boolean }): void {
    if (this.refusal === 'unreachable') this.#end(live, 'connection refused', undefined);
    else if (this.refusal !== undefined) this.#end(live, `refused: ${this.refusal}`, this.refusal);
    else if (live.open) {
      const { heartbeat_ms } = this;
      live.events.notice('welcome', {
        protocol: PROTOCOL_VERSION,
        software: 'scripted',
        heartbeat_ms,
        revoked: [],
      });
    }
  }

  #end(
    live: { readonly events: ConnectionEvents; open: boolean },
    message: string,
    code: ErrorCode | undefined,
  ): void {
    if (!live.open) return;
    live.open = false;
    live.events.ended({
      message,
      refusal: code === undefined ? undefined : { code, message, retry: ERROR_KINDS[code].retry },
    });
  }

  #receive(live: { readonly events: ConnectionEvents; open: boolean }, name: RequestName, body: unknown) {
    return new Promise<unknown>((resolve) => {
      this.#later(() => {
        if (!live.open) return;
        this.received.push({ at_ms: this.#clock.now(), name, body });
        const fault = this.fault(name, body);
        if (fault === 'lost') return;
        const before = this.#count;
        const answer = instead(fault) ?? this.#carryOut(name, body);
        const leased = this.#count > before ? `lease-${this.#count}` : undefined;
        // A lease that never arrived: the real coordinator takes it back at the next hello, or after a silence.
        const undelivered = () => {
          if (leased !== undefined) this.#takeBack(leased);
        };
        if (fault === 'ack lost') undelivered();
        else if (fault === 'cut') {
          undelivered();
          this.#end(live, 'the connection broke', undefined);
        } else {
          this.#clock.setTimer(latency(fault), () => {
            if (live.open) resolve(answer);
            else undelivered();
          });
        }
      });
    });
  }

  /** POST /api/hand-back: each lease settled by itself. */
  handBack(body: string): void {
    for (const { token, result } of handBackSchema.parse(JSON.parse(body)).leases) {
      if (result === null) this.#takeBack(token);
      else this.#submit({ token, ...result });
    }
  }

  #carryOut(name: RequestName, body: unknown): unknown {
    switch (name) {
      case 'lease':
        REQUESTS.lease.request.parse(body);
        return { ok: true, value: this.#lease() };
      case 'submit':
        return this.#submit(REQUESTS.submit.request.parse(body));
      case 'release': {
        const { token, reason } = REQUESTS.release.request.parse(body);
        if (!this.#takeBack(token)) return refuse('lease_superseded');
        this.released.push({ lease_id: token, reason });
        return { ok: true, value: {} };
      }
      case 'heartbeat':
        REQUESTS.heartbeat.request.parse(body);
        return { ok: true, value: { revoked: [] } };
    }
  }

  /** @returns whether it was out */
  #takeBack(id: string): boolean {
    const range = this.#leases.get(id);
    if (range === undefined) return false;
    this.#leases.delete(id);
    this.#waiting.push(range);
    return true;
  }

  #lease() {
    const next = this.#waiting.shift();
    if (next === undefined) return { lease: null, retry_after_ms: 2000 };
    const end = next.start + this.leaseLength < next.end ? next.start + this.leaseLength : next.end;
    if (end < next.end) this.#waiting.unshift({ start: end, end: next.end });
    const id = `lease-${++this.#count}`;
    this.#leases.set(id, { start: next.start, end });
    this.mostLeases = Math.max(this.mostLeases, this.#leases.size);
    const { workload, parameters, kernels, tileLength } = this.#batch;
    const lease = {
      lease_id: id,
      token: id,
      job_id: 'job-1',
      type: workload.type,
      workload_version: workload.version,
      parameters: workload.encodeParameters(parameters),
      start: String(next.start),
      end: String(end),
      tile_length: String(tileLength),
      kernels: { gpu: kernels.gpu?.sha256 ?? kernels.cpu.sha256, cpu: kernels.cpu.sha256 },
      expires_at: new Date(this.#clock.now() + 600_000).toISOString(),
    };
    return { lease, retry_after_ms: 0 };
  }

  #submit({ token, end, aggregate, next }: RequestOf<'submit'>): unknown {
    const { workload, parameters } = this.#batch;
    const acknowledge = (status: 'accepted' | 'duplicate') => ({
      ok: true,
      value: next === undefined ? { status } : { status, next: this.#lease() },
    });
    if (this.accepted.has(token)) return acknowledge('duplicate');
    const leased = this.#leases.get(token);
    if (leased === undefined) return refuse('lease_superseded');
    const range = { start: leased.start, end: BigInt(end) };
    const decoded = workload.decode(parameters, range, structuredClone(aggregate));
    const contradictions = workload.check(parameters, range, decoded);
    if (contradictions.length > 0) throw new Error(contradictions.join('; '));
    this.#leases.delete(token);
    this.accepted.set(token, { range, aggregate: decoded });
    if (range.end < leased.end) this.#waiting.unshift({ start: range.end, end: leased.end });
    return acknowledge('accepted');
  }

  #later(act: () => void): void {
    this.#clock.setTimer(LATENCY_MS, act);
  }
}

function refuse(code: ErrorCode) {
  return { ok: false, error: { code, message: `refused: ${code}`, retry: ERROR_KINDS[code].retry } };
}

/** What is answered instead of carrying the request out. */
function instead(fault: Fault | undefined): unknown {
  if (typeof fault !== 'object') return undefined;
  if ('refuse' in fault) return refuse(fault.refuse);
  return 'answer' in fault ? fault.answer : undefined;
}

function latency(fault: Fault | undefined): number {
  return typeof fault === 'object' && 'delay_ms' in fault ? fault.delay_ms : LATENCY_MS;
}
