/**
 * One visitor from joining to leaving, as the coordinator sees it. Dialling, heartbeats and what is sent again after a
 * loss are the real worker's own (client/); computing is a few numbers by the real kernel, and waiting.
 */
import { Dialer } from '../../client/dialer.ts';
import { Heartbeats } from '../../client/heartbeats.ts';
import type { Link } from '../../client/link.ts';
import type { Log } from '../../client/log.ts';
import { Outbox, type NextLease, type OutboxItem } from '../../client/outbox.ts';
import type { Runtime } from '../../client/runtime.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { Range } from '../../protocol/range.ts';
import { leaseReply, type Hello, type Lease, type LeaseReply } from '../../protocol/messages.ts';
import { Chance } from './chance.ts';
import { simulatedHello } from './simulated-hello.ts';
import type { Tally } from './tally.ts';
import { thinTransport, type ThinConnection } from './thin-transport.ts';
import type { TinyBatches } from './tiny-batches.ts';
import type { WorkerPlan } from './worker-plan.ts';

const LEASE_TIMEOUT_MS = 30_000;
const SUPERSEDED: ErrorCode = 'lease_superseded';
/** After a lease was refused. */
const RETRY_MS = 1000;
/** A worker that leaves waits so long for what it has sent. */
const GOODBYE_MS = 15_000;
/** Told to the coordinator, which then gives short leases. */
const TARGET_MS = 1000;

/** Thousands of workers' lines would be no log; what matters is counted. */
const SILENT: Log = { debug: () => 0, info: () => 0, warn: () => 0, error: () => 0 };

export interface Surroundings {
  readonly tally: Tally;
  readonly batches: TinyBatches;
  readonly key: string | undefined;
  /** Connected, for the first time or again. */
  readonly welcomed: (index: number) => void;
  readonly lost: (index: number) => void;
  /** Told of each range that was counted, now or before. */
  readonly acknowledged?: (range: Range) => void;
  /** What it says that a batch took, in ms; by default what it took. */
  readonly saysItTook?: (units: bigint, plan: WorkerPlan) => number;
}

interface Held {
  readonly lease: Lease;
  readonly due_ms: number;
}

export class SimulatedWorker {
  /** Rejects if the coordinator refuses it for good. */
  readonly joined: Promise<void>;
  readonly #plan: WorkerPlan;
  readonly #around: Surroundings;
  readonly #runtime: Runtime;
  readonly #chance: Chance;
  readonly #identity: { readonly node_id: string; readonly session: string };
  readonly #dialer: Dialer;
  readonly #heartbeats: Heartbeats;
  readonly #outbox: Outbox;
  #connection: ThinConnection | undefined;
  #link: Link | undefined;
  #dialled_ms = 0;
  #lost_ms: number | undefined;
  #phase: 'joining' | 'waiting' | 'working' | 'silent' | 'leaving' | 'gone' = 'joining';
  #wasJoined = false;
  #leaving: Promise<void> | undefined;
  #draining = false;
  #asking = false;
  #held: Held | undefined;
  /** When the latest result was sent and was to be sent; undefined once its connection is lost. */
  #sent: { readonly at_ms: number; readonly due_ms: number } | undefined;
  #nextDue_ms = 0;
  #cancel: () => void = () => undefined;
  #resolveJoined: () => void = () => undefined;
  #rejectJoined: (error: Error) => void = () => undefined;

  /** @param visit of the same device: a page that is opened again is another worker */
  constructor(plan: WorkerPlan, visit: number, around: Surroundings) {
    this.#plan = plan;
    this.#around = around;
    const chance = new Chance(`${plan.name} visit ${visit}`);
    this.#chance = chance;
    this.#identity = { node_id: `${plan.name}-${visit}`, session: chance.hex(16) };
    this.joined = new Promise((resolve, reject) => {
      this.#resolveJoined = resolve;
      this.#rejectJoined = reject;
    });
    this.joined.catch(() => undefined);
    this.#runtime = {
      now: () => performance.now(),
      setTimer: (ms, fire) => {
        const timer = setTimeout(fire, ms);
        return () => clearTimeout(timer);
      },
      random: chance.unit,
    };
    this.#heartbeats = new Heartbeats(this.#runtime, () => 0, {
      body: () => ({
        state: this.#held === undefined ? 'idle' : 'computing',
        busy_fraction: this.#held === undefined ? 0 : 1,
        rate_per_second: plan.rate,
        leases: this.#held === undefined ? [] : [{ lease_id: this.#held.lease.lease_id, done: '0' }],
      }),
      answered: (revoked) => {
        this.#dialer.healthy();
        this.#revoked(revoked);
      },
      silent: () => {
        if (this.#link === undefined) return;
        around.tally.error('no answer to a heartbeat');
        this.#dialer.drop('the coordinator does not answer');
      },
    });
    this.#outbox = new Outbox(this.#runtime, SILENT, {
      accepted: (item, status) => this.#accepted(item, status),
      refused: (item, reason) => {
        const [code = ''] = reason.split(':', 1);
        around.tally.error(`result refused: ${code}`);
        if (code === SUPERSEDED && item.kind === 'submit') around.tally.units.superseded += item.units;
        void this.#ask();
      },
    });
    const transport = thinTransport({
      url: plan.url,
      localAddress: plan.localAddress,
      word: chance.word,
      onEnd: (kind, detail) => {
        around.tally.end(`${kind}: ${detail}`);
        if (kind === 'refused' || kind === 'late' || kind === 'garbled')
          around.tally.error(`${kind}: ${detail}`);
      },
    });
    this.#dialer = new Dialer(
      { connect: (hello, events) => (this.#connection = transport.connect(hello, events)) },
      this.#runtime,
      SILENT,
      {
        hello: () => this.#hello(),
        welcomed: (link, { heartbeat_ms, revoked }) => this.#welcomed(link, heartbeat_ms, revoked),
        work: () => void this.#ask(),
        revoked: (ids) => this.#revoked(ids),
        draining: () => (this.#draining = true),
        lost: () => this.#unlink(),
        refused: (_kind, message) => {
          this.#unlink();
          this.#rejectJoined(new Error(message));
        },
      },
    );
  }

  get connected(): boolean {
    return this.#link !== undefined;
  }

  join(): void {
    this.#dial();
  }

  work(): void {
    if (this.#phase !== 'waiting' && this.#phase !== 'joining') return;
    if (this.#phase === 'joining') {
      void this.joined.then(
        () => this.work(),
        () => undefined,
      );
      return;
    }
    this.#phase = 'working';
    this.#planNext(performance.now());
    void this.#ask();
  }

  /** Its connection breaks; it dials again. */
  cut(): void {
    this.#connection?.cut();
  }

  /** Hands back what it holds, waits until that is acknowledged, and closes. */
  leave(): Promise<void> {
    return (this.#leaving ??= this.#leave());
  }

  async #leave(): Promise<void> {
    if (this.#phase === 'gone') return;
    this.#phase = 'leaving';
    this.#cancel();
    const { lease } = this.#held ?? {};
    this.#held = undefined;
    if (lease !== undefined) this.#release(lease);
    let cancel: () => void = () => undefined;
    const late = new Promise<void>((resolve) => (cancel = this.#runtime.setTimer(GOODBYE_MS, resolve)));
    await Promise.race([this.#outbox.empty(), late]);
    cancel();
    this.#gone('left');
  }

  /** Goes without a word. */
  vanish(): void {
    if (this.#phase === 'gone') return;
    this.#connection?.vanish();
    this.#gone('vanished');
  }

  #gone(how: 'left' | 'vanished'): void {
    this.#phase = 'gone';
    this.#cancel();
    const { tally } = this.#around;
    if (this.#wasJoined) tally.count(how);
    for (const item of this.#outbox.items) {
      if (item.kind !== 'submit') continue;
      tally.count('unanswered');
      tally.units.unanswered += item.units;
    }
    const wasConnected = this.connected;
    this.#heartbeats.stop();
    this.#outbox.disconnected();
    this.#link = undefined;
    this.#dialer.close();
    if (wasConnected) this.#around.lost(this.#plan.index);
  }

  #dial(): void {
    this.#dialled_ms = performance.now();
    this.#dialer.dial();
  }

  #hello(): Hello {
    const { behaviour } = this.#plan;
    const held = this.#held === undefined ? [] : [this.#held.lease.lease_id];
    return simulatedHello({
      ...this.#identity,
      // Jobs of the load ask for a GPU, so that the idle beside get nothing of them.
      kind: behaviour === 'idle' ? 'cpu' : 'node-gpu',
      leases: [...held, ...this.#outbox.lease_ids],
      key: this.#around.key,
    });
  }

  #welcomed(link: Link, heartbeat_ms: number, revoked: readonly string[]): void {
    const { tally, welcomed } = this.#around;
    const now = performance.now();
    if (this.#lost_ms !== undefined) tally.times.reconnect.add(now - this.#lost_ms);
    else tally.times.connect.add(now - this.#dialled_ms);
    this.#lost_ms = undefined;
    // What would have been due meanwhile was not computed.
    if (this.#nextDue_ms < now) this.#planNext(now);
    this.#link = link;
    this.#draining = false;
    if (this.#phase === 'joining') {
      this.#phase = 'waiting';
      this.#wasJoined = true;
      tally.count('joined');
    }
    this.#resolveJoined();
    welcomed(this.#plan.index);
    this.#outbox.connected(link);
    if (this.#phase !== 'silent') this.#heartbeats.start(link, heartbeat_ms);
    this.#revoked(revoked);
    void this.#ask();
  }

  #unlink(): void {
    const { tally, lost } = this.#around;
    this.#outbox.disconnected();
    this.#heartbeats.stop();
    if (this.#link === undefined) return;
    this.#link = undefined;
    this.#sent = undefined;
    this.#asking = false;
    this.#lost_ms ??= performance.now();
    tally.count('lost');
    lost(this.#plan.index);
  }

  get #mayAsk(): boolean {
    return (
      this.#phase === 'working' &&
      this.#link !== undefined &&
      !this.#draining &&
      !this.#asking &&
      this.#held === undefined &&
      this.#outbox.size === 0
    );
  }

  async #ask(): Promise<void> {
    const link = this.#link;
    if (link === undefined || !this.#mayAsk) return;
    this.#cancel();
    this.#asking = true;
    const { tally } = this.#around;
    const asked_ms = performance.now();
    const outcome = await link.request('lease', this.#request(), leaseReply, {
      timeout_ms: LEASE_TIMEOUT_MS,
    });
    if (this.#link !== link) return;
    this.#asking = false;
    if (outcome.ok === true) {
      tally.times.lease.add(performance.now() - asked_ms);
      this.#leased(outcome.value);
      return;
    }
    tally.error(outcome.ok === false ? `lease refused: ${outcome.error.code}` : 'no answer to a lease');
    this.#askIn(RETRY_MS);
  }

  #request() {
    return { target_ms: TARGET_MS, rate_per_second: this.#plan.rate };
  }

  #askIn(ms: number): void {
    this.#cancel();
    this.#cancel = this.#runtime.setTimer(ms, () => void this.#ask());
  }

  #leased({ lease, retry_after_ms }: LeaseReply): void {
    if (lease === null) {
      // As the real worker: others were told the same.
      this.#askIn(retry_after_ms * (0.75 + this.#chance.unit() / 2));
      return;
    }
    if (this.#phase !== 'working' || this.#held !== undefined) {
      this.#release(lease);
      return;
    }
    this.#around.tally.count('leases');
    this.#held = { lease, due_ms: this.#nextDue_ms };
    this.#dialer.healthy();
    if (this.#plan.behaviour === 'silent') {
      // Its connection stays open, and nothing comes of it any more.
      this.#phase = 'silent';
      this.#heartbeats.stop();
      return;
    }
    this.#cancel();
    const wait_ms = this.#nextDue_ms - performance.now();
    if (wait_ms <= 0) void this.#answer();
    else this.#cancel = this.#runtime.setTimer(wait_ms, () => void this.#answer());
  }

  /** Moments of its own, whatever the coordinator does: a slow answer must not slow the questions (coordinated omission). */
  #planNext(from_ms: number): void {
    const { interval_ms } = this.#plan;
    this.#nextDue_ms = interval_ms === 0 ? 0 : from_ms + this.#chance.exponential(interval_ms);
  }

  async #answer(): Promise<void> {
    const held = this.#held;
    if (held === undefined || this.#phase !== 'working') return;
    const { lease, due_ms } = held;
    const { tally, batches } = this.#around;
    const begun_ms = performance.now();
    const aggregate = await batches.compute(lease);
    if (this.#held !== held) return;
    this.#held = undefined;
    if (tally.resultBytes === 0) tally.resultBytes = JSON.stringify(aggregate).length;
    const at_ms = performance.now();
    // Without a connection it waits for the next one, which is no latency of an answer.
    this.#sent =
      this.#link === undefined
        ? undefined
        : // Timers may fire a part of a millisecond early, and what is early is not late.
          { at_ms, due_ms: this.#plan.interval_ms === 0 ? at_ms : Math.min(due_ms, at_ms) };
    this.#planNext(due_ms);
    const units = BigInt(lease.end) - BigInt(lease.start);
    const body = {
      token: lease.token,
      end: lease.end,
      aggregate,
      compute_ms: this.#around.saysItTook?.(units, this.#plan) ?? Math.max(0.01, at_ms - begun_ms),
    };
    const next = this.#link === undefined || this.#draining ? undefined : this.#askAlong(this.#link);
    this.#outbox.add({ kind: 'submit', lease_id: lease.lease_id, units, body }, next);
  }

  #askAlong(link: Link): NextLease {
    this.#asking = true;
    return {
      request: this.#request(),
      answered: (reply) => {
        if (this.#link !== link) return;
        this.#asking = false;
        if (reply !== undefined) this.#leased(reply);
        else void this.#ask();
      },
    };
  }

  #accepted(item: OutboxItem, status: 'accepted' | 'duplicate'): void {
    if (item.kind !== 'submit') return;
    const { tally } = this.#around;
    tally.count('acknowledged');
    tally.units[status] += item.units;
    if (status === 'duplicate') {
      tally.count('duplicate');
      tally.duplicate({ start: String(BigInt(item.body.end) - item.units), end: item.body.end });
    }
    const end = BigInt(item.body.end);
    this.#around.acknowledged?.({ start: end - item.units, end });
    if (this.#sent === undefined) tally.count('resent');
    else {
      const now = performance.now();
      tally.times.submit.add(now - this.#sent.at_ms);
      tally.times.due.add(now - this.#sent.due_ms);
    }
    // What was sent again, on this connection or a new one, asked for no lease along with it.
    void this.#ask();
  }

  #revoked(ids: readonly string[]): void {
    if (this.#held === undefined || !ids.includes(this.#held.lease.lease_id)) return;
    this.#held = undefined;
    this.#around.tally.count('revoked');
    void this.#ask();
  }

  #release(lease: Lease): void {
    const body = { token: lease.token, reason: 'stopping' as const, message: 'the simulated worker leaves' };
    this.#outbox.add({ kind: 'release', lease_id: lease.lease_id, body });
  }
}
