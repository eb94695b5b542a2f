/**
 * The worker loop, the same for every host: no DOM, no Node. Connect, lease → prove → compute → submit, with
 * the next lease fetched before the current one ends. Everything outside is injected, so that tests drive the
 * real loop with a virtual clock and a faulty network.
 *
 * What survives what: a lost connection or a restarted coordinator costs nothing (the batch goes on, results
 * wait in the outbox); a lost device is the engine's affair until it gives up; a failing kernel costs its lease.
 */
import type { Hello, Lease, LeaseReply, LeaseRequest, Release } from '../protocol/messages.ts';
import { leaseReply } from '../protocol/messages.ts';
import { BackOff } from './back-off.ts';
import { BatchLog } from './batch-log.ts';
import { Dialer } from './dialer.ts';
import type { BatchEnd } from './engines/engine.ts';
import { handBackText, sendLast } from './hand-back.ts';
import { Heartbeats } from './heartbeats.ts';
import { HeldLease, prepareBatch } from './held-lease.ts';
import { makeHello } from './hello.ts';
import { KernelProofs, leasable } from './kernel-proofs.ts';
import type { Link } from './link.ts';
import { Outbox } from './outbox.ts';
import type { NextLease } from './outbox.ts';
import { prefetchIn_ms } from './prefetch.ts';
import { RateMemory } from './rate-memory.ts';
import { sleep } from './runtime.ts';
import type { WorkerOptions } from './worker-options.ts';
import type { WorkerEnd, WorkerState, WorkerStatus } from './worker-status.ts';

const TARGET_MS = 10_000;
const MAX_HELD = 2;
/** Results that may wait for the coordinator before no more work is taken. */
const MAX_OUTBOX = 4;
const LEASE_TIMEOUT_MS = 30_000;
/** `stop` is done in 2 s: so long for the running pieces, the rest for handing back. */
const STOP_COMPUTE_MS = 1200;
const STOP_TOTAL_MS = 1800;
/** A pause that lasts longer gives back what is held: others may be waiting for it. */
const KEEP_PAUSED_MS = 60_000;

export class Worker {
  /** Resolves once everything is closed. Never rejects. */
  readonly finished: Promise<WorkerEnd>;
  readonly #options: WorkerOptions;
  readonly #dialer: Dialer;
  readonly #heartbeats: Heartbeats;
  readonly #outbox: Outbox;
  readonly #proofs: KernelProofs;
  readonly #rates = new RateMemory();
  readonly #failures: BackOff;
  readonly #log: BatchLog;
  #resolveFinished: (end: WorkerEnd) => void = () => undefined;
  #phase: 'testing' | 'running' | 'stopping' | 'ended' = 'testing';
  #fit: Hello['workloads'] = [];
  #held: HeldLease[] = [];
  #link: Link | undefined;
  #draining = false;
  #paused = false;
  #cancelPauseEnd: () => void = () => undefined;
  #asking = false;
  #ask_at_ms = 0;
  #message: string | undefined;
  #unit: string | undefined;
  #cancelStep: () => void = () => undefined;
  /** By leases that are not held any more. */
  #computed = 0n;
  #counts = { accepted: 0, duplicate: 0, refused: 0, failed: 0, units: 0n };

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { runtime, log, engine, transport } = options;
    this.finished = new Promise((resolve) => {
      this.#resolveFinished = resolve;
    });
    this.#proofs = new KernelProofs(engine);
    this.#failures = new BackOff(runtime, { first_ms: 1000, longest_ms: 60_000 });
    this.#log = new BatchLog(() => runtime.now());
    this.#outbox = new Outbox(runtime, log, {
      accepted: (item, status) => {
        this.#counts[status]++;
        this.#log.settled(item.lease_id, status);
        if (item.kind === 'submit' && status === 'accepted') this.#counts.units += item.units;
        this.#step();
      },
      refused: (item, reason) => {
        this.#counts.refused++;
        this.#log.settled(item.lease_id, 'refused');
        log.warn({ lease_id: item.lease_id, reason }, 'a result was refused and is thrown away');
        this.#step();
      },
    });
    this.#heartbeats = new Heartbeats(runtime, () => engine.busy_ms(), {
      body: (busy_fraction) => ({
        state: this.#paused ? 'paused' : this.#held.length > 0 ? 'computing' : 'idle',
        busy_fraction,
        rate_per_second: this.#rate(),
        leases: this.#held.map((held) => ({ lease_id: held.lease.lease_id, done: String(held.done()) })),
      }),
      answered: (revoked) => {
        this.#dialer.healthy();
        this.#revoke(revoked);
      },
      silent: () => this.#dialer.drop('the coordinator does not answer'),
    });
    this.#dialer = new Dialer(transport, runtime, log, {
      hello: () => this.#hello(),
      welcomed: (link, welcome) => {
        this.#link = link;
        this.#draining = false;
        this.#message = undefined;
        this.#ask_at_ms = runtime.now();
        log.info({ coordinator: welcome.software }, 'connected');
        this.#outbox.connected(link);
        this.#heartbeats.start(link, welcome.heartbeat_ms);
        this.#revoke(welcome.revoked);
      },
      work: () => {
        this.#ask_at_ms = runtime.now();
        this.#step();
      },
      revoked: (lease_ids) => this.#revoke(lease_ids),
      draining: () => {
        this.#draining = true;
      },
      lost: (message) => {
        this.#message = message;
        this.#unlink();
        this.#step();
      },
      refused: (kind, message) => void this.#refused({ kind, message }),
    });
    void engine.given_up.then((message) => this.#leave({ kind: 'device_lost', message }, 'device_lost'));
    void this.#begin();
  }

  status(): WorkerStatus {
    const { accepted, duplicate, refused, failed, units } = this.#counts;
    return {
      node_id: this.#options.identity.node_id,
      state: this.#state(),
      message: this.#message,
      connected: this.#link !== undefined,
      batches_accepted: accepted,
      batches_duplicate: duplicate,
      batches_refused: refused,
      batches_failed: failed,
      units_accepted: units,
      units_computed: this.#held.reduce((sum, held) => sum + held.done(), this.#computed),
      rate_per_second: this.#rate(),
      unit: this.#unit,
      leases_held: this.#held.length,
      batches: this.#log.list(),
      recovering: this.#options.engine.recovering,
    };
  }

  /**
   * What the host sends to POST /api/hand-back where it ends without a moment for `stop`: results that wait, and of
   * each lease what is done by now. Undefined: there is nothing to hand back.
   */
  handBack(): string | undefined {
    return this.#phase === 'ended' ? undefined : handBackText(this.#held, this.#outbox.items);
  }

  /**
   * Computing ends with the running pieces; no lease is taken. What is held is kept for a minute and then handed
   * back: what is done of it as a result.
   */
  pause(): void {
    if (this.#paused || this.#phase === 'stopping' || this.#phase === 'ended') return;
    const { engine, runtime } = this.#options;
    this.#paused = true;
    engine.hold();
    this.#cancelPauseEnd = runtime.setTimer(KEEP_PAUSED_MS, () => {
      if (this.#phase === 'running')
        void this.#handBack('paused', 'paused for long').then(() => this.#step());
    });
    this.#heartbeats.now();
    this.#step();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#cancelPauseEnd();
    this.#options.engine.go();
    this.#ask_at_ms = this.#options.runtime.now();
    this.#heartbeats.now();
    this.#step();
  }

  /**
   * Hands back what is done and closes everything: within 2 s.
   * @param pieces what becomes of the pieces that run: they are finished first, or dropped, so that computing ends now
   */
  async stop(pieces: 'finish' | 'drop' = 'finish'): Promise<void> {
    if (this.#phase === 'testing') this.#finish({ kind: 'stopped', message: 'stopped' });
    if (this.#phase === 'running') {
      this.#phase = 'stopping';
      this.#report();
      await this.#handBack('stopping', 'the worker stops', pieces);
      this.#finish({ kind: 'stopped', message: 'stopped' });
    }
    await this.finished;
  }

  /** The coordinator wants no connection of this worker. */
  async #refused(end: WorkerEnd): Promise<void> {
    await sendLast(this.handBack(), this.#options);
    this.#finish(end);
  }

  async #begin(): Promise<void> {
    const { engine, workloads, kernels, runtime, log } = this.#options;
    const backOff = new BackOff(runtime, { first_ms: 500, longest_ms: 15_000 });
    this.#report();
    while (this.#phase === 'testing') {
      try {
        const fit = await leasable(workloads.values(), kernels);
        if (this.#phase !== 'testing') return;
        this.#fit = fit;
        this.#phase = 'running';
        log.info({ device: engine.device.description }, 'the coordinator was found');
        this.#report();
        this.#dialer.dial();
      } catch (error) {
        this.#message = `waiting for the coordinator: ${error instanceof Error ? error.message : String(error)}`;
        log.warn({}, this.#message);
        this.#report();
        await sleep(runtime, backOff.next_ms());
      }
    }
  }

  #hello(): Hello {
    const leases = [...this.#held.map(({ lease }) => lease.lease_id), ...this.#outbox.lease_ids];
    return makeHello(this.#options, this.#fit, leases);
  }

  /** Decides what to do next. Called after every change; cheap. */
  #step(): void {
    this.#cancelStep();
    this.#cancelStep = () => undefined;
    if (this.#phase !== 'running') return;
    this.#report();
    const wait_ms = this.#askIn_ms();
    if (wait_ms === undefined || this.#link === undefined) return;
    if (wait_ms > 0) {
      this.#cancelStep = this.#options.runtime.setTimer(wait_ms, () => this.#step());
    } else void this.#ask(this.#link);
  }

  /** When another lease is wanted; undefined: not before something else changes. */
  #askIn_ms(): number | undefined {
    if (this.#link === undefined || this.#draining || this.#asking || this.#paused) return undefined;
    if (this.#held.length >= MAX_HELD || this.#outbox.size >= MAX_OUTBOX) return undefined;
    return Math.max(this.#ask_at_ms - this.#options.runtime.now(), prefetchIn_ms(this.#held, this.#rates));
  }

  #leaseRequest(): LeaseRequest {
    return { target_ms: this.#options.target_ms ?? TARGET_MS, rate_per_second: this.#rate() };
  }

  async #ask(link: Link): Promise<void> {
    this.#asking = true;
    const outcome = await link.request('lease', this.#leaseRequest(), leaseReply, {
      timeout_ms: LEASE_TIMEOUT_MS,
      late: (late) => this.#lateLease(late.ok === true ? late.value : undefined),
    });
    this.#asking = false;
    if (outcome.ok === true) this.#leaseAnswered(link, outcome.value);
    else if (this.#link === link && this.#phase === 'running') {
      const { runtime, log } = this.#options;
      const why = outcome.ok === false ? outcome.error.message : outcome.message;
      const wait_ms = this.#failures.next_ms();
      log.warn({ wait_ms: Math.round(wait_ms) }, `no lease: ${why}`);
      this.#ask_at_ms = runtime.now() + wait_ms;
    }
    this.#step();
  }

  /** A lease to be asked for along with a result, if one is wanted now: half the messages of short batches. */
  #askAlong(): NextLease | undefined {
    const link = this.#link;
    if (link === undefined || this.#askIn_ms() !== 0) return undefined;
    this.#asking = true;
    let waiting = true;
    return {
      request: this.#leaseRequest(),
      answered: (reply) => {
        if (!waiting) {
          this.#lateLease(reply);
          return;
        }
        waiting = false;
        this.#asking = false;
        if (reply !== undefined) this.#leaseAnswered(link, reply);
        this.#step();
      },
    };
  }

  #leaseAnswered(link: Link, reply: LeaseReply): void {
    if (this.#link !== link || this.#phase !== 'running' || this.#paused) {
      this.#lateLease(reply);
      return;
    }
    this.#dialer.healthy();
    const { runtime } = this.#options;
    const { lease, retry_after_ms } = reply;
    if (lease === null) this.#ask_at_ms = runtime.now() + retry_after_ms * (0.75 + runtime.random() / 2);
    else this.#adopt(lease);
  }

  /** A lease that came when it could not be used any more. */
  #lateLease(reply: LeaseReply | undefined): void {
    if (reply === undefined || reply.lease === null) return;
    this.#release(reply.lease, this.#paused ? 'paused' : 'stopping', 'the lease came too late');
  }

  #adopt(lease: Lease): void {
    if (this.#held.some((held) => held.lease.lease_id === lease.lease_id)) return;
    const held = new HeldLease(lease);
    this.#held.push(held);
    this.#log.began(held);
    void this.#compute(held);
  }

  async #compute(held: HeldLease): Promise<void> {
    const { engine } = this.#options;
    let end: BatchEnd;
    try {
      const batch = await prepareBatch(held, this.#options);
      if (held.dropped) return;
      end = await this.#proofs.of(batch);
      if (held.dropped) return;
      if (end.how === 'failed') {
        const message = `this device gets no work: ${end.message}`;
        await this.#leave({ kind: 'unfit', message }, 'stopping');
        return;
      }
      if (end.how === 'finished') {
        held.run = engine.start(batch);
        this.#unit = batch.workload.unit;
        this.#report();
        end = await held.run.ended;
      }
    } catch (error) {
      end = { how: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
    if (held.dropped) return;
    this.#forget(held);
    // While stopping, `handBack` decides about what was stopped on the way.
    held.dropped = end.how !== 'stopped';
    const rate = held.rate_per_second();
    if (rate !== undefined) this.#rates.set(held.lease.job_id, rate);
    switch (end.how) {
      case 'finished':
        this.#failures.reset();
        // Told earlier to wait, but now there is nothing left to do meanwhile: work may have come since.
        if (this.#held.length === 0) this.#ask_at_ms = this.#options.runtime.now();
        this.#submit(held, 'ask along');
        break;
      case 'stopped':
        break;
      case 'failed': {
        this.#counts.failed++;
        const { log, runtime } = this.#options;
        log.error({ lease_id: held.lease.lease_id, reason: end.message }, 'a batch failed on this device');
        this.#release(held.lease, 'failed', end.message);
        this.#ask_at_ms = runtime.now() + this.#failures.next_ms();
        break;
      }
      case 'device_lost':
        this.#release(held.lease, 'device_lost', end.message);
        break;
    }
    this.#step();
  }

  #submit(held: HeldLease, more: 'ask along' | 'no more'): void {
    const body = held.submission();
    if (body === undefined) return;
    const { lease_id } = held.lease;
    const units = held.done();
    this.#log.sending(held, held.range.start + units);
    this.#outbox.add(
      { kind: 'submit', lease_id, units, body },
      more === 'ask along' ? this.#askAlong() : undefined,
    );
  }

  #release(lease: Lease, reason: Release['reason'], message: string): void {
    this.#log.released(lease.lease_id);
    const body = { token: lease.token, reason, message: message.slice(0, 500) };
    this.#outbox.add({ kind: 'release', lease_id: lease.lease_id, body });
  }

  #revoke(lease_ids: readonly string[]): void {
    for (const held of this.#held.filter(({ lease }) => lease_ids.includes(lease.lease_id))) {
      this.#options.log.info({ lease_id: held.lease.lease_id }, 'a lease was revoked');
      this.#log.released(held.lease.lease_id);
      this.#drop(held);
    }
    this.#step();
  }

  #drop(held: HeldLease): void {
    held.dropped = true;
    this.#forget(held);
    held.run?.abandon();
  }

  #forget(held: HeldLease): void {
    if (this.#held.includes(held)) this.#computed += held.done();
    this.#held = this.#held.filter((other) => other !== held);
  }

  /** Hands back every lease: what is done of it as a result, else as a release. */
  async #handBack(
    reason: 'stopping' | 'paused' | 'device_lost',
    message: string,
    pieces: 'finish' | 'drop' = reason === 'device_lost' ? 'drop' : 'finish',
  ): Promise<void> {
    const { runtime, engine } = this.#options;
    const held = this.#held;
    const begun_ms = runtime.now();
    if (pieces === 'finish') {
      for (const { run } of held) run?.stop();
      await Promise.race([
        Promise.all(held.flatMap(({ run }) => (run === undefined ? [] : [run.ended]))),
        sleep(runtime, STOP_COMPUTE_MS),
      ]);
    }
    for (const one of held) {
      // Finished, failed or revoked meanwhile.
      if (one.dropped) continue;
      if (one.done() > 0n) this.#submit(one, 'no more');
      else this.#release(one.lease, reason, message);
      this.#drop(one);
    }
    // After what is done was taken: a piece that is dropped would fail its batch.
    if (pieces === 'drop') engine.halt();
    if (this.#link === undefined) return;
    const left_ms = Math.max(0, STOP_TOTAL_MS - (runtime.now() - begun_ms));
    await Promise.race([this.#outbox.empty(), sleep(runtime, left_ms)]);
  }

  /** Ends by itself, once what is held is handed back. */
  async #leave(end: WorkerEnd, reason: 'stopping' | 'device_lost'): Promise<void> {
    if (this.#phase !== 'testing' && this.#phase !== 'running') return;
    if (this.#phase === 'running') {
      this.#phase = 'stopping';
      await this.#handBack(reason, end.message);
    }
    this.#finish(end);
  }

  #unlink(): void {
    this.#link = undefined;
    this.#outbox.disconnected();
    this.#heartbeats.stop();
  }

  #finish(end: WorkerEnd): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#message = end.message;
    this.#cancelStep();
    this.#cancelPauseEnd();
    for (const held of this.#held) this.#drop(held);
    this.#unlink();
    this.#dialer.close();
    this.#report();
    void this.#options.engine.close().then(() => this.#resolveFinished(end));
  }

  /** Units per second of the job that is computed, else of the one before; 0 if none ever was. */
  #rate(): number {
    return this.#held[0]?.rate_per_second() ?? this.#rates.latest();
  }

  #state(): WorkerState {
    switch (this.#phase) {
      case 'testing':
      case 'stopping':
      case 'ended':
        return this.#phase;
      case 'running':
        if (this.#paused) return 'paused';
        if (this.#proofs.running && this.#held.every(({ run }) => run === undefined)) return 'testing';
        if (this.#held.length > 0) return 'computing';
        return this.#link === undefined ? 'connecting' : 'idle';
    }
  }

  #report(): void {
    this.#options.onStatus?.(this.status());
  }
}
