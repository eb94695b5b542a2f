/**
 * The computing thread of a page: a Web Worker with the GPU engine, its CPU helper (WebAssembly in this same
 * thread) and the worker loop. Loaded after the visitor's click, never before.
 */
import './zod-without-eval.ts';
import { expose } from 'comlink';
import { workloads } from '../../../shaders/registry.ts';
import { CpuPool } from '../../engines/cpu-pool.ts';
import { inlineThread } from '../../engines/cpu-thread.ts';
import { describeAdapter } from '../../engines/gpu-device.ts';
import { GpuEngine } from '../../engines/gpu.ts';
import { HttpKernels } from '../../kernel-source.ts';
import type { Log } from '../../log.ts';
import { socketTransport } from '../../socket-transport.ts';
import type { WorkerStatus } from '../../worker-status.ts';
import { Worker as ClusterWorker } from '../../worker.ts';
import { browserRuntime } from './browser-runtime.ts';
import type { Contribution, ContributionEnd } from './contribution.ts';
import { endOf } from './contribution.ts';

const STATUS_MS = 250;
const FETCH_TIMEOUT_MS = 15_000;

let worker: ClusterWorker | undefined;

const contribution: Contribution = {
  async run(origin, onDevice, onStatus): Promise<ContributionEnd> {
    const { gpu } = navigator;
    if (gpu === undefined) return { problem: 'no_webgpu', message: 'navigator.gpu is missing' };
    const request = () => gpu.requestAdapter({ powerPreference: 'high-performance' });
    const adapter = await request();
    if (adapter === null) return { problem: 'no_adapter', message: 'requestAdapter() gave null' };
    const description = describeAdapter(adapter);
    onDevice(description.software ? `${description.description} (software)` : description.description);
    const now = () => performance.now();
    const engine = new GpuEngine({
      kind: 'browser-gpu',
      device: { ...description, gpu_memory_mb: null, threads: 1 },
      adapter: request,
      cpu: new CpuPool(() => inlineThread(now), 1),
      runtime: browserRuntime,
      log: consoleLog,
      sleeps: false,
    });
    const report = throttled(onStatus);
    worker = new ClusterWorker({
      identity: {
        node_id: `browser-${randomHex(4)}`,
        session: randomHex(16),
        host: 'browser',
        software: 'threads-cluster page',
        tags: [],
        priority: 0,
        health_url: null,
      },
      engine,
      transport: socketTransport({ url: origin }),
      kernels: new HttpKernels(origin, {
        fetch: (url) => fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) }),
        sha256: async (bytes) => toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))),
      }),
      runtime: browserRuntime,
      log: consoleLog,
      workloads,
      onStatus: report,
    });
    const end = await worker.finished;
    onStatus(worker.status());
    return endOf(end);
  },
  async stop() {
    await worker?.stop();
  },
};

expose(contribution);

/** The first report at once, then at most one in a while, the latest. */
function throttled(report: (status: WorkerStatus) => void): (status: WorkerStatus) => void {
  let latest: WorkerStatus | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    timer = undefined;
    if (latest === undefined) return;
    report(latest);
    latest = undefined;
    timer = setTimeout(flush, STATUS_MS);
  };
  return (status) => {
    latest = status;
    if (timer === undefined) flush();
  };
}

function randomHex(bytes: number): string {
  return toHex(crypto.getRandomValues(new Uint8Array(bytes)));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const consoleLog: Log = {
  debug: (fields, message) => console.debug(message, fields),
  info: (fields, message) => console.info(message, fields),
  warn: (fields, message) => console.warn(message, fields),
  error: (fields, message) => console.error(message, fields),
};
