/** What a host injects into the worker loop. */
import type { Hello } from '../protocol/messages.ts';
import type { Workload } from '../protocol/workload.ts';
import type { Transport } from './connection.ts';
import type { Engine } from './engines/engine.ts';
import type { KernelSource } from './kernel-source.ts';
import type { Log } from './log.ts';
import type { Runtime } from './runtime.ts';
import type { WorkerStatus } from './worker-status.ts';

export interface WorkerIdentity {
  readonly node_id: string;
  /** 32 hex digits, random, made once per process or page. */
  readonly session: string;
  /** Name and version of the program. */
  readonly software: string;
  readonly host: Hello['host'];
  readonly tags: readonly string[];
  readonly priority: number;
  readonly health_url: string | null;
  /** An API key, if it has one. */
  readonly key?: string | undefined;
}

export interface WorkerOptions {
  readonly identity: WorkerIdentity;
  /** The worker closes it when it ends. */
  readonly engine: Engine;
  readonly transport: Transport;
  readonly kernels: KernelSource;
  readonly runtime: Runtime;
  readonly log: Log;
  readonly workloads: ReadonlyMap<string, Workload>;
  /** How long a batch should take; 10 s unless given. */
  readonly target_ms?: number;
  /**
   * Sends a body to POST /api/hand-back, where no connection is to be had any more: a coordinator of another version, a key
   * that was revoked. Without it what is held is lost with the worker.
   */
  readonly handBack?: (body: string) => Promise<void>;
  /** Called after every change; often. */
  readonly onStatus?: (status: WorkerStatus) => void;
}
