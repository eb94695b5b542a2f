/**
 * Which of a kernel's tunings is the fastest on this device: measured on the batches themselves, since no tuning shows
 * in a result. The conservative one computes until the device has been at the kernel for a while, so that short jobs
 * pay nothing; then all take turns for some dispatches. The choice holds for all variants of the kernel and is
 * remembered per device, so it is measured once.
 */
import type { PipelineConstants } from '../../protocol/workload.ts';

/** Remembers choices for one device, across restarts where the host can. Keys and values are short texts. */
export interface TuningMemory {
  get(kernel: string): string | undefined;
  set(kernel: string, tuning: string): void;
}

/** Only then are turns taken: a new variant may take a software adapter seconds to compile. */
const SETTLED_MS = 3000;
const ROUNDS = 3;
/** Another tuning is taken only if it is faster by this: noise would change it back and forth between restarts. */
const GAIN = 1.05;

interface Candidate {
  readonly tuning: PipelineConstants;
  /** Units per millisecond, one for each round. */
  readonly rates: number[];
  failed: boolean;
}

export class Autotune {
  readonly #kernel: string;
  readonly #memory: TuningMemory | undefined;
  readonly #candidates: readonly Candidate[];
  #chosen: Candidate | undefined;
  #settled = false;
  #spent_ms = 0;

  /**
   * @param kernel what the choice is remembered under: changes whenever the kernel's text does
   * @param usual one of the tunings, used until they are measured; absent: the first
   */
  constructor(
    kernel: string,
    tunings: readonly PipelineConstants[],
    memory?: TuningMemory,
    usual?: PipelineConstants,
  ) {
    this.#kernel = kernel;
    this.#memory = memory;
    this.#candidates = tunings.map((tuning) => ({ tuning, rates: [], failed: false }));
    const remembered = memory?.get(kernel);
    const known = this.#candidates.find(({ tuning }) => JSON.stringify(tuning) === remembered);
    const expected = this.#candidates.find(({ tuning }) => JSON.stringify(tuning) === JSON.stringify(usual));
    this.#chosen = known ?? expected ?? this.#candidates[0];
    this.#settled = known !== undefined || this.#candidates.length < 2;
  }

  /** What computes while nothing is measured; undefined: the kernel has no tunings. */
  get chosen(): PipelineConstants | undefined {
    return this.#chosen?.tuning;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** For the next dispatch of a full length. */
  next(): PipelineConstants | undefined {
    if (this.#settled || this.#spent_ms < SETTLED_MS) return this.chosen;
    return this.#waiting()?.tuning ?? this.chosen;
  }

  /**
   * A dispatch of full length was computed with this tuning.
   * @returns true if the choice is made by this
   */
  record(tuning: PipelineConstants | undefined, units: bigint, elapsed_ms: number): boolean {
    this.#spent_ms += elapsed_ms;
    if (this.#settled || this.#spent_ms < SETTLED_MS) return false;
    const candidate = this.#candidates.find((one) => one.tuning === tuning);
    if (candidate === undefined) return false;
    candidate.rates.push(Number(units) / Math.max(elapsed_ms, 0.001));
    return this.#chooseIfDone();
  }

  /** The device does not take this tuning, e.g. so large a workgroup. False if it is the chosen one. */
  reject(tuning: PipelineConstants | undefined): boolean {
    const candidate = this.#candidates.find((one) => one.tuning === tuning);
    if (candidate === undefined || candidate === this.#chosen) return false;
    candidate.failed = true;
    this.#chooseIfDone();
    return true;
  }

  /** The candidate with the fewest rounds, the first of them. */
  #waiting(): Candidate | undefined {
    let least: Candidate | undefined;
    for (const candidate of this.#candidates) {
      if (candidate.failed || candidate.rates.length >= ROUNDS) continue;
      if (least === undefined || candidate.rates.length < least.rates.length) least = candidate;
    }
    return least;
  }

  #chooseIfDone(): boolean {
    if (this.#settled || this.#waiting() !== undefined) return false;
    this.#settled = true;
    const usual = this.#chosen;
    for (const candidate of this.#candidates) {
      if (candidate.failed || this.#chosen === undefined) continue;
      const least = candidate === usual ? 1 : this.#chosen === usual ? GAIN : 1;
      if (median(candidate.rates) > median(this.#chosen.rates) * least) this.#chosen = candidate;
    }
    this.#memory?.set(this.#kernel, JSON.stringify(this.chosen));
    return true;
  }
}

function median(rates: readonly number[]): number {
  return rates.toSorted((a, b) => a - b)[rates.length >> 1] ?? 0;
}
