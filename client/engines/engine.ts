/**
 * What the worker loop knows of a device. An **engine** executes batches, tile by tile and in the order in
 * which they were started; the next batch's first pieces begin before the last ones of the batch before are
 * done, so that the device never idles while there is work.
 *
 * A **piece** is what one call of a kernel computes: whole tiles, or a part of one where a tile takes too long.
 * Pieces may finish out of order; they are folded in order, so that what is done is always a prefix of the
 * batch, and can be handed back at any moment.
 */
import type { DeviceInfo, WorkerKind } from '../../protocol/messages.ts';
import type { Range } from '../../protocol/range.ts';
import type { Workload } from '../../protocol/workload.ts';

/** A kernel as it came from the coordinator, its hash checked. */
export interface LoadedKernel {
  readonly sha256: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Batch {
  /** The lease's id. */
  readonly id: string;
  readonly workload: Workload;
  /** As the workload's schema made them. */
  readonly parameters: unknown;
  readonly range: Range;
  /** Units. */
  readonly tileLength: bigint;
  readonly kernels: {
    /** Undefined on a worker without a GPU. */
    readonly gpu: LoadedKernel | undefined;
    readonly cpu: LoadedKernel;
  };
}

/** The exact result of [batch.range.start, end). */
export interface Prefix {
  readonly end: bigint;
  readonly aggregate: unknown;
  /** Time that the whole engine would have needed for it alone, its rests included. */
  readonly compute_ms: number;
}

export type BatchEnd =
  /** The prefix is the whole batch. */
  | { readonly how: 'finished' }
  /** `stop` or `abandon` was called. The prefix may be empty. */
  | { readonly how: 'stopped' }
  /** The kernel fails on this batch; others may work. */
  | { readonly how: 'failed'; readonly message: string }
  /** The engine gave up on its device. */
  | { readonly how: 'device_lost'; readonly message: string };

export interface BatchRun {
  readonly batch: Batch;
  /** Never rejects. */
  readonly ended: Promise<BatchEnd>;
  /** What is done by now. */
  prefix(): Prefix;
  /** Begins no more pieces; ends when those that run are folded. */
  stop(): void;
  /** Ends at once; what still runs is dropped. */
  abandon(): void;
}

export interface Engine {
  readonly kind: WorkerKind;
  readonly device: DeviceInfo;
  start(batch: Batch): BatchRun;
  /** Time for which the device was busy since it was opened, 0 … wall time. */
  busy_ms(): number;
  /** The device was lost and is opened again. */
  readonly recovering: boolean;
  /** Begins no more pieces until `go`; those that run end. Batches stay. */
  hold(): void;
  go(): void;
  /** Computing ends now, in the middle of pieces where the device allows it. Only `close` may follow. */
  halt(): void;
  /** Resolves with the reason once the engine has given up on its device. Never rejects. */
  readonly given_up: Promise<string>;
  /** Ends all batches and gives the device back. */
  close(): Promise<void>;
}
