/** A headless worker's own metrics, in Prometheus' text format. */
import { totalmem } from 'node:os';
import { Counter, Gauge, Registry } from 'prom-client';
import type { Engine } from '../engines/engine.ts';
import type { WorkerStatus } from '../worker-status.ts';
import type { NvidiaMonitor } from './nvidia-smi.ts';

/** One connection of this process. */
export interface MeteredWorker {
  readonly node_id: string;
  readonly engine: Engine;
  /** nvidia-smi's index of its GPU; null where unknown. */
  readonly nvidia: number | null;
  status(): WorkerStatus;
}

export interface TransferredBytes {
  sent: number;
  received: number;
}

/** The busy fraction is that of the last minute. */
const WINDOW_MS = 60_000;
const SAMPLE_MS = 5000;

export class WorkerMetrics {
  readonly registry = new Registry();
  readonly #workers: readonly MeteredWorker[];
  readonly #samples = new Map<string, { at_ms: number; busy_ms: number }[]>();
  readonly #timer: NodeJS.Timeout;

  constructor(workers: readonly MeteredWorker[], bytes: TransferredBytes, nvidia: NvidiaMonitor) {
    this.#workers = workers;
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref();
    const registers = [this.registry];
    const labelNames = ['node_id'] as const;
    const gauge = (name: string, help: string, read: (worker: MeteredWorker) => number) =>
      new Gauge({
        name,
        help,
        labelNames,
        registers,
        collect() {
          for (const worker of workers) this.set({ node_id: worker.node_id }, read(worker));
        },
      });
    new Gauge({
      name: 'worker_info',
      help: 'Always 1: which kind of device each worker of this process computes on',
      labelNames: ['node_id', 'kind'],
      registers,
      collect() {
        for (const { node_id, engine } of workers) this.set({ node_id, kind: engine.kind }, 1);
      },
    });
    gauge('worker_busy_fraction', 'Share of the last minute in which the device computed, 0 to 1', (worker) =>
      this.busyFraction(worker),
    );
    gauge(
      'worker_busy_seconds',
      'Time for which the device computed since the start',
      (worker) => worker.engine.busy_ms() / 1000,
    );
    gauge(
      'worker_rate_units_per_second',
      'Numbers or roots per second of the current job',
      (worker) => worker.status().rate_per_second,
    );
    gauge('worker_leases', 'Leases held', (worker) => worker.status().leases_held);
    gauge('worker_connected', '1 while connected to the coordinator', (worker) =>
      Number(worker.status().connected),
    );
    counter(registers, 'worker_batches_total', 'Batches by outcome', ['node_id', 'outcome'], () =>
      workers.flatMap((worker) => batchCounts(worker)),
    );
    counter(
      registers,
      'worker_errors_total',
      'Batches that this device failed or the coordinator refused',
      ['node_id'],
      () =>
        workers.map((worker) => {
          const { batches_failed, batches_refused } = worker.status();
          return { labels: { node_id: worker.node_id }, value: batches_failed + batches_refused };
        }),
    );
    counter(
      registers,
      'worker_network_bytes_total',
      'Payload bytes of messages and kernels',
      ['direction'],
      () => [
        { labels: { direction: 'sent' }, value: bytes.sent },
        { labels: { direction: 'received' }, value: bytes.received },
      ],
    );
    new Gauge({
      name: 'worker_memory_bytes',
      help: 'Resident memory of the process',
      registers,
      collect() {
        this.set(process.memoryUsage.rss());
      },
    });
    new Gauge({
      name: 'worker_memory_limit_bytes',
      help: 'Memory that the process may have: its container’s limit, else what the machine has',
      registers,
      collect() {
        // Without a limit the system tells a number beyond all memory, or 0.
        const limit = process.constrainedMemory();
        this.set(limit > 0 ? Math.min(limit, totalmem()) : totalmem());
      },
    });
    counter(registers, 'worker_cpu_seconds_total', 'Processor time of the process', [], () => {
      const { user, system } = process.cpuUsage();
      return [{ labels: {}, value: (user + system) / 1e6 }];
    });
    if (workers.some((worker) => worker.nvidia !== null)) gpuGauges(registers, workers, nvidia);
  }

  /** 0 … 1, over the last minute or since the start if that is less. */
  busyFraction(worker: MeteredWorker): number {
    const first = this.#samples.get(worker.node_id)?.[0];
    if (first === undefined) return 0;
    const passed_ms = performance.now() - first.at_ms;
    if (passed_ms <= 0) return 0;
    return Math.max(0, Math.min(1, (worker.engine.busy_ms() - first.busy_ms) / passed_ms));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const at_ms = performance.now();
    for (const { node_id, engine } of this.#workers) {
      const kept = (this.#samples.get(node_id) ?? []).filter((sample) => at_ms - sample.at_ms <= WINDOW_MS);
      this.#samples.set(node_id, [...kept, { at_ms, busy_ms: engine.busy_ms() }]);
    }
  }
}

interface Reading {
  readonly labels: Record<string, string>;
  readonly value: number;
}

function counter(
  registers: Registry[],
  name: string,
  help: string,
  labelNames: readonly string[],
  read: () => readonly Reading[],
): void {
  new Counter({
    name,
    help,
    labelNames,
    registers,
    collect() {
      // The worker keeps the counts; they only grow.
      this.reset();
      for (const { labels, value } of read()) this.inc(labels, value);
    },
  });
}

function batchCounts(worker: MeteredWorker): Reading[] {
  const { node_id } = worker;
  const status = worker.status();
  return [
    { labels: { node_id, outcome: 'accepted' }, value: status.batches_accepted },
    { labels: { node_id, outcome: 'duplicate' }, value: status.batches_duplicate },
    { labels: { node_id, outcome: 'refused' }, value: status.batches_refused },
    { labels: { node_id, outcome: 'failed' }, value: status.batches_failed },
  ];
}

function gpuGauges(registers: Registry[], workers: readonly MeteredWorker[], monitor: NvidiaMonitor): void {
  const figures = [
    ['worker_gpu_utilisation', 'Use of the GPU as nvidia-smi tells it, 0 to 1', 'utilisation'],
    ['worker_gpu_memory_used_mb', 'Memory in use on the GPU', 'memory_used_mb'],
    ['worker_gpu_memory_total_mb', 'Memory of the GPU', 'memory_total_mb'],
  ] as const;
  for (const [name, help, figure] of figures) {
    new Gauge({
      name,
      help,
      labelNames: ['node_id'],
      registers,
      async collect() {
        this.reset();
        const gpus = await monitor.read();
        for (const { node_id, nvidia } of workers) {
          const value = nvidia === null ? undefined : gpus[nvidia]?.[figure];
          if (typeof value === 'number') this.set({ node_id }, value);
        }
      },
    });
  }
}
