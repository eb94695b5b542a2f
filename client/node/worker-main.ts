/**
 * A headless worker on Node: one connection over the CPU's threads, or one per GPU adapter. Signals are the
 * caller's: it calls `stop()`.
 */
import { createHash, randomBytes } from 'node:crypto';
import { cpus } from 'node:os';
import type { DeviceInfo } from '../../protocol/messages.ts';
import { workloads } from '../../shaders/registry.ts';
import type { TuningMemory } from '../engines/autotune.ts';
import { CpuEngine } from '../engines/cpu.ts';
import { Duty } from '../engines/duty.ts';
import type { Engine } from '../engines/engine.ts';
import { GpuEngine } from '../engines/gpu.ts';
import { HttpKernels } from '../kernel-source.ts';
import type { Log } from '../log.ts';
import { socketTransport } from '../socket-transport.ts';
import type { WorkerEnd, WorkerStatus } from '../worker-status.ts';
import { Worker } from '../worker.ts';
import { nodeCpuPool } from './cpu-threads.ts';
import type { DawnAdapter } from './dawn.ts';
import { openDawn } from './dawn.ts';
import { startHealthServer } from './health-server.ts';
import { freshNodeId, persistentNodeId } from './node-id.ts';
import type { NodeRuntime } from './node-runtime.ts';
import { nodeRuntime } from './node-runtime.ts';
import { NodeWorkerError } from './node-worker-error.ts';
import { matchNvidiaGpus, NvidiaMonitor } from './nvidia-smi.ts';
import { keepHeapSmall } from './small-heap.ts';
import { tuningFile } from './tuning-file.ts';
import type { MeteredWorker } from './worker-metrics.ts';
import { WorkerMetrics } from './worker-metrics.ts';

export interface NodeWorkerConfig {
  /** Origin of the coordinator. */
  readonly url: string;
  /** Shown to the coordinator, which takes the worker for its operator's own then. */
  readonly key?: string | undefined;
  readonly kind: 'cpu' | 'gpu';
  readonly nodeId?: string | undefined;
  readonly tags: readonly string[];
  readonly priority: number;
  readonly gpuMemoryMb?: number | undefined;
  readonly gpuEnabled: 'auto' | 'true' | 'false';
  /** Indices of adapters; all unless given. */
  readonly gpuDevices?: readonly number[] | undefined;
  /** CPU threads, ≥ 1; a GPU worker has one of its own beside the GPU, whatever this says. */
  readonly threads: number;
  /** Upper limit of units in one dispatch. */
  readonly gpuBatchSize?: number | undefined;
  readonly host: string;
  readonly port: number;
  /** Where the worker's name is kept. Without it the name is a new one at each start. */
  readonly dataDir?: string | undefined;
  readonly log: Log;
  /** Name and version of the program. */
  readonly software: string;
}

export interface RunningWorker {
  /** Of /health and /metrics. */
  readonly healthUrl: string;
  statuses(): readonly WorkerStatus[];
  /** One per connection, in the order of `statuses`. Never rejects. */
  readonly finished: Promise<readonly WorkerEnd[]>;
  /** Hands back what is done, within 2 s. */
  stop(): Promise<void>;
}

interface Member extends MeteredWorker {
  readonly worker: Worker;
}

interface Device {
  readonly suffix: string;
  readonly nvidia: number | null;
  open(runtime: NodeRuntime): Engine;
}

const FETCH_TIMEOUT_MS = 15_000;

/** @throws NodeWorkerError if this machine can't be the worker that is asked for */
export async function startNodeWorker(config: NodeWorkerConfig): Promise<RunningWorker> {
  keepHeapSmall();
  const monitor = new NvidiaMonitor();
  const devices = config.kind === 'cpu' ? [cpuDevice(config)] : await gpuDevices(config, monitor);
  const base = nodeIdOf(config);
  const members: Member[] = [];
  const bytes = { sent: 0, received: 0 };
  let metrics: WorkerMetrics | undefined;
  const server = await startHealthServer(config.host, config.port, {
    metrics: () => (metrics ??= new WorkerMetrics(members, bytes, monitor)),
    statuses: () => members.map(({ worker }) => worker.status()),
  });
  config.log.info({ url: server.url }, 'this worker answers /health and /metrics');

  const runtime = nodeRuntime();
  const kernels = new HttpKernels(config.url, {
    fetch: async (url) => {
      const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
      bytes.received += Number(response.headers.get('content-length') ?? 0);
      return response;
    },
    sha256: (data) => Promise.resolve(createHash('sha256').update(data).digest('hex')),
  });
  for (const device of devices) {
    const node_id = `${base}${device.suffix}`;
    const engine = device.open(runtime);
    const worker = new Worker({
      identity: {
        node_id,
        session: randomBytes(16).toString('hex'),
        host: 'node',
        software: config.software,
        tags: config.tags,
        priority: config.priority,
        health_url: server.url,
        key: config.key,
      },
      engine,
      transport: socketTransport({
        url: config.url,
        onBytes: (direction, size) => {
          bytes[direction] += size;
        },
      }),
      kernels,
      runtime,
      log: withFields(config.log, { node_id }),
      workloads,
      handBack: (body) => postHandBack(config.url, body),
    });
    members.push({ node_id, engine, nvidia: device.nvidia, worker, status: () => worker.status() });
  }
  metrics ??= new WorkerMetrics(members, bytes, monitor);

  const finished = Promise.all(members.map(({ worker }) => worker.finished)).then(async (ends) => {
    metrics?.close();
    runtime.close();
    await server.close();
    return ends;
  });
  return {
    healthUrl: server.url,
    statuses: () => members.map(({ worker }) => worker.status()),
    finished,
    stop: async () => {
      await Promise.all(members.map(({ worker }) => worker.stop()));
      await finished;
    },
  };
}

function nodeIdOf(config: NodeWorkerConfig): string {
  if (config.nodeId !== undefined) return config.nodeId;
  if (config.dataDir === undefined) return freshNodeId();
  try {
    return persistentNodeId(config.dataDir);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new NodeWorkerError('data_dir', `the worker's name can't be kept in ${config.dataDir}: ${why}`);
  }
}

function cpuDevice(config: NodeWorkerConfig): Device {
  const { threads } = config;
  const model = cpus()[0]?.model.trim() ?? '';
  const device: DeviceInfo = {
    description: (model === '' ? 'CPU' : model).slice(0, 200),
    vendor: null,
    backend: null,
    software: false,
    gpu_memory_mb: null,
    threads,
  };
  return {
    suffix: '',
    nvidia: null,
    open: (runtime) =>
      new CpuEngine({ kind: 'cpu', device, pool: nodeCpuPool(threads), duty: new Duty(runtime) }),
  };
}

async function gpuDevices(config: NodeWorkerConfig, monitor: NvidiaMonitor): Promise<Device[]> {
  if (config.gpuEnabled === 'false') {
    throw new NodeWorkerError('no_gpu', 'GPU_ENABLED=false: a GPU worker needs auto or true');
  }
  const dawn = await openDawn({ software: config.gpuEnabled === 'true' });
  if (dawn.adapters.length === 0) {
    throw new NodeWorkerError('no_gpu', dawn.problem?.message ?? 'there is no GPU adapter');
  }
  for (const name of dawn.unreachable) {
    config.log.warn({ adapter: name }, 'this adapter is left out: another of the same name comes first');
  }
  const nvidia = matchNvidiaGpus(
    dawn.adapters.map(({ name }) => name),
    await monitor.read(),
  );
  const gpus = await monitor.read();
  const wanted = config.gpuDevices ?? [...dawn.adapters.keys()];
  return wanted.map((index) => {
    const adapter = dawn.adapters[index];
    if (adapter === undefined) {
      const listed = dawn.adapters.map(({ name }, i) => `${i}: ${name}`).join(', ');
      throw new NodeWorkerError('gpu_devices', `GPU_DEVICES names adapter ${index}; there are ${listed}`);
    }
    const place = nvidia[index] ?? null;
    const told_mb = place === null ? null : (gpus[place]?.memory_total_mb ?? null);
    const memory_mb = config.gpuMemoryMb ?? told_mb;
    return {
      suffix: `-gpu${index}`,
      nvidia: place,
      open: (runtime) => openGpu(config, adapter, memory_mb, runtime),
    };
  });
}

function openGpu(
  config: NodeWorkerConfig,
  adapter: DawnAdapter,
  memory_mb: number | null,
  runtime: NodeRuntime,
): Engine {
  return new GpuEngine({
    kind: 'node-gpu',
    device: {
      description: adapter.name.slice(0, 200),
      vendor: adapter.vendor === '' ? null : adapter.vendor.slice(0, 100),
      backend: adapter.backend.slice(0, 100),
      software: adapter.software,
      gpu_memory_mb: memory_mb === null ? null : Math.round(memory_mb),
      threads: 1,
    },
    adapter: () => adapter.gpu.requestAdapter(),
    cpu: nodeCpuPool(1),
    runtime,
    log: config.log,
    maxUnits: config.gpuBatchSize,
    sleeps: true,
    duty: new Duty(runtime),
    tunings: tuningsOf(config, adapter),
  });
}

function tuningsOf({ dataDir, log }: NodeWorkerConfig, adapter: DawnAdapter): TuningMemory | undefined {
  if (dataDir === undefined) return undefined;
  return tuningFile(dataDir, `${adapter.name} (${adapter.backend})`, (message) => log.warn({}, message));
}

function withFields(log: Log, own: Readonly<Record<string, unknown>>): Log {
  return {
    debug: (fields, message) => log.debug({ ...own, ...fields }, message),
    info: (fields, message) => log.info({ ...own, ...fields }, message),
    warn: (fields, message) => log.warn({ ...own, ...fields }, message),
    error: (fields, message) => log.error({ ...own, ...fields }, message),
  };
}

/** @throws Error if it does not arrive, or is refused as a whole */
async function postHandBack(url: string, body: string): Promise<void> {
  const response = await fetch(new URL('/api/hand-back', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`it was answered ${response.status}`);
}
