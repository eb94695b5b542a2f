/** What the page and its computing thread say to each other. Everything that computes is behind it. */
import type { KeyRefusal, WorkerEnd, WorkerStatus } from '../../worker-status.ts';

/** Each cause by itself: the page has one sentence and one action for each. */
export type ContributionProblem =
  /** Plain HTTP beyond localhost: browsers give such pages no GPU. */
  | 'insecure'
  | 'no_webgpu'
  /** There is WebGPU, and no GPU that it would use. */
  | 'no_adapter'
  /** The device was lost again and again. */
  | 'device_lost'
  /** It failed its known answers. */
  | 'unfit'
  /** The page is older than the coordinator, or younger. */
  | 'outdated'
  | 'refused'
  | KeyRefusal
  /** The computing thread could not be loaded, or died. */
  | 'broken';

export interface ContributionEnd {
  /** Undefined: it was stopped. */
  readonly problem: ContributionProblem | undefined;
  readonly message: string;
}

export type EngineKind = 'gpu' | 'cpu';

export interface ContributionOptions {
  /** Of the coordinator. */
  readonly origin: string;
  readonly node_id: string;
  /** 32 hex digits; the same after a reload, so that the coordinator knows the worker again. */
  readonly session: string;
  /** For the handshake; undefined: it contributes as anybody may. */
  readonly key: string | undefined;
  /** auto: measure both. */
  readonly engine: EngineKind | 'auto';
  /** CPU threads. */
  readonly threads: number;
  /** Of the time: 0 < share ≤ 1. */
  readonly share: number;
  readonly paused: boolean;
}

/** The device that computes. */
export interface ContributionDevice {
  readonly engine: EngineKind;
  /** Empty where the browser does not tell. */
  readonly name: string;
  readonly threads: number;
  /** The CPU kernels run as WebAssembly; false: their twins in JavaScript run, as this browser has none. */
  readonly web_assembly: boolean;
  /** It computes on the CPU, whatever it is called. */
  readonly on_cpu: boolean;
  /** It was found the faster one by a measurement just now. */
  readonly measured: boolean;
}

export interface ContributionReport {
  readonly status: WorkerStatus;
  /** Of the thread's own clock, in milliseconds: what `busy_ms` is compared with. */
  readonly at_ms: number;
  /** Time for which the device was busy since the start. */
  readonly busy_ms: number;
}

export interface ContributionEvents {
  device(device: ContributionDevice): void;
  /** At most four times a second. */
  report(report: ContributionReport): void;
  /**
   * What is to be sent to POST /api/hand-back if the page ends now; undefined: nothing. When leases come and go, and
   * before every report.
   */
  handBack(body: string | undefined): void;
}

export interface Contribution {
  /** Computes until `stop`, or until it can't go on. Once per thread. */
  run(options: ContributionOptions, events: ContributionEvents): Promise<ContributionEnd>;
  setPaused(paused: boolean): void;
  setShare(share: number): void;
  /** Below 1: shorter pieces, because the page's frames slip. */
  setPieceScale(scale: number): void;
  /** Computing ends with the pieces that run; then hands back what is done. */
  stop(): Promise<void>;
}

export function endOf(end: WorkerEnd): ContributionEnd {
  const { message } = end;
  switch (end.kind) {
    case 'stopped':
      return { problem: undefined, message };
    case 'protocol_mismatch':
      return { problem: 'outdated', message };
    case 'refused':
    case 'key_needed':
    case 'key_refused':
    case 'forbidden':
    case 'unfit':
    case 'device_lost':
      return { problem: end.kind, message };
  }
}
