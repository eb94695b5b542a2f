/**
 * This device's contribution as the page sees it. lend/ alone implements it; the panel and the pages read it. Nothing
 * that computes is loaded before `start`.
 */
import type { ReadonlySignal } from '@preact/signals';
import type { ContributionDevice, ContributionProblem } from './contribution.ts';

/** The five stops, as shares of the time in which the device computes. */
export const INTENSITIES = [
  { name: 'Trace', share: 0.05 },
  { name: 'Light', share: 0.2 },
  { name: 'Half', share: 0.5 },
  { name: 'Most', share: 0.8 },
  { name: 'All', share: 1 },
] as const;
export type Intensity = (typeof INTENSITIES)[number]['name'];

/**
 * gpu: WebGPU. cpu: WebAssembly in several Web Workers, or JavaScript where there is none. auto: what a short measurement
 * finds faster.
 */
export type EngineChoice = 'auto' | 'gpu' | 'cpu';

/** Each by itself; any of them pauses. */
export type PauseCause = 'battery' | 'hidden' | 'typing' | 'pressure' | 'user';

export type LendPhase =
  /** Nothing is loaded. */
  | 'off'
  /** Loading, measuring, testing the device. */
  | 'starting'
  | 'connecting'
  | 'idle'
  | 'computing'
  | 'paused'
  /** The GPU was lost; it goes on with shorter dispatches. */
  | 'recovering'
  | 'stopping'
  /** Another tab of this browser contributes. */
  | 'elsewhere'
  | 'failed';

export interface LentBatch {
  readonly lease_id: string;
  readonly type: string;
  readonly start: bigint;
  readonly end: bigint;
  readonly state: 'running' | 'sending' | 'accepted' | 'duplicate' | 'refused' | 'handed back';
  /** 0 … 1. */
  readonly done: number;
  /** Once finished. */
  readonly took_ms: number | undefined;
}

/** One second of the last minute. */
export interface LentSecond {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly rate_per_second: number;
  /** Share of that second in which the device computed, measured: 0 … 1. */
  readonly busy: number;
  readonly paused: readonly PauseCause[];
}

export interface PauseRule {
  readonly cause: Exclude<PauseCause, 'user'>;
  readonly on: boolean;
  /** Whether it would pause now, whatever the switch says; undefined: this browser can't tell. */
  readonly active: boolean | undefined;
  /** Its present value in words: "now plugged in". */
  readonly now: string;
}

export interface Lend {
  readonly phase: ReadonlySignal<LendPhase>;
  readonly problem: ReadonlySignal<
    { readonly kind: ContributionProblem; readonly message: string } | undefined
  >;
  readonly connected: ReadonlySignal<boolean>;
  /** Of the device that computes, once known. */
  readonly device: ReadonlySignal<
    Pick<ContributionDevice, 'engine' | 'name' | 'threads' | 'web_assembly'> | undefined
  >;
  readonly unit: ReadonlySignal<string>;
  readonly rate_per_second: ReadonlySignal<number>;
  /** The last minute, oldest first. */
  readonly minute: ReadonlySignal<readonly LentSecond[]>;
  /** Newest first, at most eight. */
  readonly batches: ReadonlySignal<readonly LentBatch[]>;
  readonly units_accepted: ReadonlySignal<bigint>;
  readonly batches_accepted: ReadonlySignal<number>;
  readonly intensity: ReadonlySignal<Intensity>;
  readonly engine_choice: ReadonlySignal<EngineChoice>;
  readonly rules: ReadonlySignal<readonly PauseRule[]>;
  /** Causes that hold it now. */
  readonly paused_by: ReadonlySignal<readonly PauseCause[]>;
  start(): void;
  /** Computing ends within 100 ms; what is done is handed back after that. Remembered: a reload does not start again. */
  stop(): void;
  pause(): void;
  resume(): void;
  setIntensity(intensity: Intensity): void;
  setEngine(choice: EngineChoice): void;
  setRule(cause: PauseRule['cause'], on: boolean): void;
}
