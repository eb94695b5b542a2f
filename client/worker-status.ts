/** What a worker says of itself: to a page, to /health, to metrics. */
import type { ErrorCode } from '../protocol/errors.ts';

export type WorkerState =
  /** The coordinator is asked for its kernels, or known answers are computed on the device. */
  | 'testing'
  | 'connecting'
  /** Connected, without work. */
  | 'idle'
  | 'computing'
  /** Its host paused it. */
  | 'paused'
  | 'stopping'
  | 'ended';

/** One lease and what became of it. */
export interface BatchStatus {
  readonly lease_id: string;
  readonly type: string;
  /** The lease's range: start ≤ n < end. */
  readonly start: bigint;
  readonly end: bigint;
  readonly state:
    | 'running'
    /** The result waits for its acknowledgement. */
    | 'sending'
    | 'accepted'
    /** Counted before. */
    | 'duplicate'
    | 'refused'
    /** Not finished: what was done of it counts, the rest is somebody else's. */
    | 'handed back';
  /** Share of the range that is computed: 0 … 1. */
  readonly done: number;
  /** From the lease to its end; undefined while it runs. */
  readonly took_ms: number | undefined;
}

export interface WorkerStatus {
  readonly node_id: string;
  readonly state: WorkerState;
  /** Why it is connecting, or ended; undefined where there is nothing to say. */
  readonly message: string | undefined;
  readonly connected: boolean;
  readonly batches_accepted: number;
  /** Results that were counted before. */
  readonly batches_duplicate: number;
  /** Results that the coordinator refused. */
  readonly batches_refused: number;
  /** Batches that this device could not compute. */
  readonly batches_failed: number;
  readonly units_accepted: bigint;
  /** All that was computed since the start, whatever became of it. */
  readonly units_computed: bigint;
  /** 0 before anything was computed. */
  readonly rate_per_second: number;
  /** What the current job counts, in the plural (`numbers`, `roots`); undefined before the first. */
  readonly unit: string | undefined;
  readonly leases_held: number;
  /** The last ones, newest first. */
  readonly batches: readonly BatchStatus[];
  /** The device was lost and is opened again. */
  readonly recovering: boolean;
}

/** It has no key where one is needed, one that is not good (any more), or one whose role may not compute. */
export type KeyRefusal = Extract<ErrorCode, 'key_needed' | 'key_refused' | 'forbidden'>;

/** Why a worker ended by itself, or that it was told to. */
export interface WorkerEnd {
  readonly kind:
    | 'stopped'
    /** Update the worker (or reload the page), or the coordinator. */
    | 'protocol_mismatch'
    /** The coordinator does not take this worker as it is. */
    | 'refused'
    | KeyRefusal
    /** The device failed its self-test. */
    | 'unfit'
    | 'device_lost';
  readonly message: string;
}
