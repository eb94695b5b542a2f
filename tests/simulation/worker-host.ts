/** One machine that runs the real worker loop on a simulated CPU: starts it, kills it, stops it, starts it again. */
import { CpuEngine } from '../../client/engines/cpu.ts';
import { CpuPool } from '../../client/engines/cpu-pool.ts';
import { Duty } from '../../client/engines/duty.ts';
import type { Connection, Transport } from '../../client/connection.ts';
import type { KernelSource } from '../../client/kernel-source.ts';
import { Worker } from '../../client/worker.ts';
import { submission as submissionSchema } from '../../protocol/messages.ts';
import type { Chance } from './chance.ts';
import type { VirtualClock } from './clock.ts';
import { SimulatedThread } from './device.ts';
import type { DeviceFaults } from './device.ts';
import { simulatedWorkloads, usualRate } from './jobs.ts';
import type { Ledger } from './ledger.ts';
import type { Lies } from './lies.ts';
import { Wire } from './network.ts';
import type { Listener, NetworkFaults } from './network.ts';
import { ProcessTime } from './process-time.ts';
import type { Programs } from './programs.ts';
import type { Trace } from './trace.ts';

export interface WorkerParts {
  readonly nodeId: string;
  readonly clock: VirtualClock;
  readonly chance: Chance;
  readonly listener: Listener;
  readonly network: () => NetworkFaults;
  readonly device: () => DeviceFaults;
  readonly programs: Programs;
  readonly ledger: Ledger;
  readonly trace: Trace;
  readonly lies: Lies;
  /** Share of its results that are lies; 0 for honest ones. */
  readonly lieProbability: number;
  readonly target_ms: number;
  /** Against the usual worker: 0.05 is a straggler. */
  readonly speed: number;
}

interface Process {
  readonly time: ProcessTime;
  readonly wire: Wire;
  readonly worker: Worker;
}

const THREADS = 2;

export class WorkerHost {
  readonly nodeId: string;
  readonly #parts: WorkerParts;
  #process: Process | undefined;
  #stopping = false;

  constructor(parts: WorkerParts) {
    this.nodeId = parts.nodeId;
    this.#parts = parts;
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  get honest(): boolean {
    return this.#parts.lieProbability === 0;
  }

  start(): void {
    if (this.#process !== undefined) return;
    const { clock, chance, listener, network, programs, trace, ledger, nodeId } = this.#parts;
    const time = new ProcessTime(clock, chance.fork('worker').unit);
    const wire = new Wire({ clock, chance: chance.fork('wire'), listener, faults: network, worker: time });
    const device = chance.fork('device');
    const pool = new CpuPool(
      () =>
        new SimulatedThread({
          programs,
          time,
          chance: device,
          faults: this.#parts.device,
          rate: (words, range) => (usualRate(words, range) * this.#parts.speed) / THREADS,
        }),
      THREADS,
    );
    const info = {
      description: 'simulated CPU',
      vendor: null,
      backend: null,
      software: false,
      gpu_memory_mb: null,
      threads: THREADS,
    };
    const warn = (_fields: unknown, message: string) => trace.add(`${nodeId} warns: ${message}`);
    const worker = new Worker({
      identity: {
        node_id: nodeId,
        session: Buffer.from(chance.bytes(16)).toString('hex'),
        host: 'node',
        software: 'simulation',
        tags: [],
        priority: 0,
        health_url: null,
      },
      engine: new CpuEngine({ kind: 'cpu', device: info, pool, duty: new Duty(time) }),
      transport: this.honest ? wire : new LyingTransport(wire, this.#parts),
      kernels: localKernels(programs),
      runtime: time,
      log: { debug: () => undefined, info: () => undefined, warn, error: warn },
      workloads: simulatedWorkloads,
      target_ms: this.#parts.target_ms,
    });
    const process = { time, wire, worker };
    this.#process = process;
    trace.add(`${nodeId} started`);
    ledger.count('worker start');
    void worker.finished.then((end) => {
      trace.add(`${nodeId} ended: ${end.kind} ${end.message}`);
      ledger.count(`worker ended: ${end.kind}`);
      // A kernel may fail in the self-test; the machine is started again. Any other end is wrong here.
      if (end.kind !== 'stopped' && end.kind !== 'unfit')
        ledger.violation(`${nodeId} gave up: ${end.message}`);
      this.#gone(process);
    });
  }

  /** As SIGKILL: memory and results that were not sent are gone. */
  kill(): void {
    const process = this.#process;
    if (process === undefined) return;
    this.#parts.trace.add(`${this.nodeId} killed`);
    this.#parts.ledger.count('worker killed');
    this.#gone(process);
    process.wire.cut(this.#parts.chance.chance(0.7));
  }

  /** As SIGTERM: hands back what is done. */
  stop(): void {
    const process = this.#process;
    if (process === undefined || this.#stopping) return;
    this.#stopping = true;
    this.#parts.trace.add(`${this.nodeId} stops`);
    this.#parts.ledger.count('worker stopped');
    void process.worker.stop();
  }

  /** Silent, then back with all its memory. */
  freeze(ms: number): void {
    if (this.#process === undefined) return;
    this.#parts.trace.add(`${this.nodeId} is frozen for ${Math.round(ms)} ms`);
    this.#parts.ledger.count('worker frozen');
    this.#process.time.freeze(ms);
  }

  partition(ms: number): void {
    if (this.#process === undefined) return;
    this.#parts.trace.add(`${this.nodeId} is cut off for ${Math.round(ms)} ms`);
    this.#parts.ledger.count('partition');
    this.#process.wire.partition(ms);
  }

  /** The coordinator's process died. @param told its machine still says so */
  coordinatorDied(told: boolean): void {
    this.#process?.wire.cut(told);
  }

  #gone(process: Process): void {
    process.time.kill();
    if (this.#process !== process) return;
    this.#process = undefined;
    this.#stopping = false;
  }
}

function localKernels(programs: Programs): KernelSource {
  return {
    index: () => Promise.resolve(programs.library.index),
    load: (sha256) => {
      const kernel = programs.library.find(sha256);
      if (kernel === undefined) return Promise.reject(new Error(`no kernel ${sha256}`));
      return Promise.resolve({ sha256, bytes: new Uint8Array(kernel.bytes) });
    },
  };
}

/** Sends another aggregate than the one computed; now and then with a token of its own making. */
class LyingTransport implements Transport {
  readonly #wire: Wire;
  readonly #parts: WorkerParts;

  constructor(wire: Wire, parts: WorkerParts) {
    this.#wire = wire;
    this.#parts = parts;
  }

  connect(...[hello, events]: Parameters<Transport['connect']>): Connection {
    const connection = this.#wire.connect(hello, events);
    return {
      send: (name, body) => {
        if (name !== 'submit') return connection.send(name, body);
        const altered = this.#altered(body);
        // Two-faced: both answers for one range, in any order.
        if (altered !== body && this.#parts.chance.chance(0.4)) {
          const [first, second] = this.#parts.chance.chance(0.5) ? [altered, body] : [body, altered];
          void connection.send(name, first);
          return connection.send(name, second);
        }
        return connection.send(name, altered);
      },
      close: () => connection.close(),
    };
  }

  #altered(body: unknown): unknown {
    const { chance, ledger, lies, lieProbability, nodeId } = this.#parts;
    if (!chance.chance(lieProbability)) return body;
    const submission = submissionSchema.parse(body);
    const found = ledger.rangeOf(submission);
    if (found === undefined) return body;
    const { template, range } = found;
    const kind = chance.whole(0, 9);
    if (kind === 0) {
      ledger.count('lie: forged token');
      return { ...submission, token: `${submission.token.slice(0, -2)}xx` };
    }
    const plausible = kind < 8 ? lies.plausible(template, range, submission.aggregate) : undefined;
    const lie = plausible ?? lies.contradiction(submission.aggregate);
    this.#parts.trace.add(`${nodeId} lies about [${range.start}, ${range.end})`);
    ledger.count(plausible === undefined ? 'lie: contradiction' : 'lie: plausible');
    return { ...submission, aggregate: lie };
  }
}
