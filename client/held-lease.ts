/** One lease from its arrival to its result: reading it, fetching its kernels, its run on the engine. */
import type { Lease, Submission } from '../protocol/messages.ts';
import { isGpuKind } from '../protocol/messages.ts';
import type { Range } from '../protocol/range.ts';
import { rangeLength } from '../protocol/range.ts';
import type { Workload } from '../protocol/workload.ts';
import { BackOff } from './back-off.ts';
import type { Batch, BatchRun, Engine, Prefix } from './engines/engine.ts';
import type { KernelSource } from './kernel-source.ts';
import type { Runtime } from './runtime.ts';
import { sleep } from './runtime.ts';

/** With waiting times from 0.5 s on: about 15 s in which a restarting coordinator comes back. */
const KERNEL_ATTEMPTS = 6;
/** Less says more about the timer than about the device. */
const SHORTEST_MEASURE_MS = 20;

export class HeldLease {
  readonly lease: Lease;
  readonly range: Range;
  /** Set once the engine has the batch. */
  run: BatchRun | undefined;
  /** Revoked, or handed back: whatever still comes of it is dropped. */
  dropped = false;

  constructor(lease: Lease) {
    this.lease = lease;
    this.range = { start: BigInt(lease.start), end: BigInt(lease.end) };
  }

  /** What is done; undefined before the engine has it. */
  prefix(): Prefix | undefined {
    return this.run?.prefix();
  }

  /** What is done, as it is submitted; undefined before the engine has it. */
  submission(): Submission | undefined {
    if (this.run === undefined) return undefined;
    const { end, aggregate, compute_ms } = this.run.prefix();
    const { workload, parameters } = this.run.batch;
    return {
      token: this.lease.token,
      end: String(end),
      aggregate: workload.encode(parameters, aggregate),
      compute_ms,
    };
  }

  done(): bigint {
    return (this.run?.prefix().end ?? this.range.start) - this.range.start;
  }

  left(): bigint {
    return rangeLength(this.range) - this.done();
  }

  /** Units per second of the whole engine, as far as this batch tells. */
  rate_per_second(): number | undefined {
    const prefix = this.run?.prefix();
    if (prefix === undefined || prefix.compute_ms < SHORTEST_MEASURE_MS) return undefined;
    return (Number(prefix.end - this.range.start) / prefix.compute_ms) * 1000;
  }
}

/** @throws Error whose message says why this worker can't compute the lease */
export async function prepareBatch(
  held: HeldLease,
  parts: {
    readonly engine: Engine;
    readonly workloads: ReadonlyMap<string, Workload>;
    readonly kernels: KernelSource;
    readonly runtime: Runtime;
  },
): Promise<Batch> {
  const { lease, range } = held;
  const workload = parts.workloads.get(lease.type);
  if (workload === undefined || workload.version !== lease.workload_version) {
    throw new Error(`this worker has no code for ${lease.type} version ${lease.workload_version}`);
  }
  const parsed = workload.parameters.safeParse(lease.parameters);
  if (!parsed.success) throw new Error(`the lease's parameters can't be read: ${parsed.error.message}`);
  const tileLength = BigInt(lease.tile_length);
  if (range.start >= range.end || tileLength < 1n) throw new Error('the lease has an empty range or tile');
  const load = (sha256: string) => loadWithRetry(held, sha256, parts.kernels, parts.runtime);
  const cpu = await load(lease.kernels.cpu);
  const gpu = isGpuKind(parts.engine.kind) ? await load(lease.kernels.gpu) : undefined;
  return { id: lease.lease_id, workload, parameters: parsed.data, range, tileLength, kernels: { gpu, cpu } };
}

async function loadWithRetry(held: HeldLease, sha256: string, kernels: KernelSource, runtime: Runtime) {
  const backOff = new BackOff(runtime, { first_ms: 500, longest_ms: 8000 });
  for (;;) {
    try {
      return await kernels.load(sha256);
    } catch (error) {
      if (backOff.failures + 1 >= KERNEL_ATTEMPTS || held.dropped) throw error;
      await sleep(runtime, backOff.next_ms());
    }
  }
}
