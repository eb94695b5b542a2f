/**
 * The engine over one GPU. No code per workload: kernels come with the batch.
 *
 * Two dispatches are in flight, so that the GPU computes one while the words of the other are read. Each lasts
 * about 50 ms and at most about 100: pieces per dispatch follow the measured time. A CPU thread of its own
 * computes what the GPU hands back and what the running maxima need (`claims`), while the GPU goes on.
 *
 * A device that is lost or answers wrongly is opened again with half the dispatch; the pieces it had are
 * computed again, so a batch survives it. After five times in ten minutes the engine gives up.
 */
import type { DeviceInfo, WorkerKind } from '../../protocol/messages.ts';
import type { Range } from '../../protocol/range.ts';
import { rangeLength } from '../../protocol/range.ts';
import { KernelFault } from '../../protocol/workload.ts';
import type { Log } from '../log.ts';
import type { Runtime } from '../runtime.ts';
import { Signal, sleep } from '../runtime.ts';
import type { CpuPool, CpuProgramSource } from './cpu-pool.ts';
import { describeFailure } from './cpu-pool.ts';
import type { Duty } from './duty.ts';
import { cpuProgram } from './cpu.ts';
import type { Batch, BatchRun, Engine, LoadedKernel } from './engine.ts';
import type { TuningMemory } from './autotune.ts';
import { Autotune } from './autotune.ts';
import { GpuDevice } from './gpu-device.ts';
import { GpuFault } from './gpu-fault.ts';
import { extendByWords, probeOf } from './gpu-piece.ts';
import type { GpuProgram } from './gpu-program.ts';
import type { SessionProgramSource } from './gpu-session.ts';
import { GpuSession } from './gpu-session.ts';
import { Pacing } from './pacing.ts';
import { TileRun } from './tile-run.ts';

const DISPATCH_TARGET_MS = 50;
/** A dispatch that took so many times the target shrinks the next at once. */
const DISPATCH_LIMIT = 2;
const MAX_IN_FLIGHT = 2;
/** Pieces that may wait for the CPU's share: more would only be thrown away when the batch is stopped. */
const MAX_BACKLOG = 512;
const GIVE_UP_FAULTS = 5;
const GIVE_UP_WINDOW_MS = 10 * 60_000;
/** A batch on which the device failed so often is given back; the device may be good for others. */
const MAX_FAULTS_PER_BATCH = 3;
const REOPEN_AFTER_MS = 500;
/** What the CPU is asked at once: the CPU's own pieces have to stay short, too. */
const MAX_PACES = 8;

export interface GpuEngineOptions {
  readonly kind: WorkerKind;
  readonly device: DeviceInfo;
  /** A fresh adapter at each call; rejects or gives null if there is none any more. */
  readonly adapter: () => Promise<GPUAdapter | null>;
  /** One thread is enough. Closed with the engine. */
  readonly cpu: CpuPool;
  readonly runtime: Runtime;
  readonly log: Log;
  /** Upper limit of units per dispatch (GPU_BATCH_SIZE). */
  readonly maxUnits?: number | undefined;
  /** Wait by timers, not by polling (Dawn). */
  readonly sleeps: boolean;
  readonly duty: Duty;
  /** How long a dispatch should take. */
  readonly dispatch_ms?: number;
  /** What was found fastest on this device before. */
  readonly tunings?: TuningMemory | undefined;
}

interface Started {
  readonly run: TileRun;
  readonly program: SessionProgramSource;
  readonly exact: (range: Range) => Promise<unknown>;
  readonly pacing: Pacing;
  readonly tune: Autotune;
  faults: number;
}

export class GpuEngine implements Engine {
  readonly kind: WorkerKind;
  readonly device: DeviceInfo;
  readonly given_up: Promise<string>;
  readonly #options: GpuEngineOptions;
  readonly #runs: Started[] = [];
  readonly #changed = new Signal();
  readonly #paces = new Map<string, Pacing>();
  /** By the kernel's hash. */
  readonly #tunes = new Map<string, Autotune>();
  #giveUp: (reason: string) => void = () => undefined;
  #session: GpuSession | undefined;
  #in_flight = 0;
  #busy_ms = 0;
  /** Why the session can't be used any more. */
  #broken: unknown;
  #recovering = false;
  #faults_at_ms: number[] = [];
  #over: string | undefined;

  constructor(options: GpuEngineOptions) {
    this.kind = options.kind;
    this.device = options.device;
    this.#options = options;
    this.given_up = new Promise((resolve) => {
      this.#giveUp = resolve;
    });
    options.duty.attach(() => this.#changed.fire());
    void this.#loop();
  }

  start(batch: Batch): BatchRun {
    const run = new TileRun(batch);
    if (this.#over !== undefined) {
      run.lose(this.#over);
      return run;
    }
    const { gpu } = batch.kernels;
    if (gpu === undefined) {
      run.fail('the batch has no kernel for a GPU');
      return run;
    }
    const started = this.#prepare(run, gpu);
    this.#runs.push(started);
    void run.ended.then(() => {
      this.#runs.splice(this.#runs.indexOf(started), 1);
      this.#changed.fire();
    });
    this.#changed.fire();
    return run;
  }

  busy_ms(): number {
    return this.#busy_ms;
  }

  get recovering(): boolean {
    return this.#recovering;
  }

  hold(): void {
    this.#options.duty.hold();
  }

  go(): void {
    this.#options.duty.go();
  }

  /** What was submitted to a GPU can't be called back: the two dispatches in flight end. */
  halt(): void {
    this.hold();
    for (const { run } of [...this.#runs]) run.abandon();
  }

  async close(): Promise<void> {
    this.#over ??= 'the engine was closed';
    for (const { run } of [...this.#runs]) run.abandon();
    this.#changed.fire();
    this.#session?.close();
    this.#session = undefined;
    await this.#options.cpu.close();
  }

  #prepare(run: TileRun, text: LoadedKernel): Started {
    const { batch } = run;
    const { workload, parameters } = batch;
    const kernel = workload.kernels(parameters).gpu;
    const cpu = cpuProgram(batch);
    const key = `${text.sha256} ${cpu.key}`;
    const exact = (range: Range) => this.#exact(batch, cpu, range);
    const probe = probeOf(workload, parameters, exact);
    let pacing = this.#paces.get(key);
    if (pacing === undefined) {
      const target_ms = this.#options.dispatch_ms ?? DISPATCH_TARGET_MS;
      const probe_units = Number(rangeLength(probe.range));
      pacing = new Pacing({
        target_ms,
        limit_ms: target_ms * DISPATCH_LIMIT,
        start_units: Math.max(probe_units, kernel.itemsPerWorkgroup),
        ...(this.#options.maxUnits === undefined ? {} : { max_units: this.#options.maxUnits }),
      });
      for (const old of this.#paces.keys()) {
        if (this.#paces.size < MAX_PACES) break;
        this.#paces.delete(old);
      }
      this.#paces.set(key, pacing);
      probe.begin();
    }
    const { device, tunings } = this.#options;
    const usual = device.software ? kernel.softwareTuning : undefined;
    const tune =
      this.#tunes.get(text.sha256) ?? new Autotune(text.sha256, kernel.tunings ?? [], tunings, usual);
    this.#tunes.set(text.sha256, tune);
    const program: SessionProgramSource = {
      key,
      kernel,
      text,
      parameterWords: () => cpu.parameterWords,
      constants: () => workload.gpuConstants(parameters),
      probe,
    };
    return { run, program, exact, pacing, tune, faults: 0 };
  }

  async #exact(batch: Batch, cpu: CpuProgramSource, range: Range): Promise<unknown> {
    const { words } = await this.#options.cpu.run(cpu, range);
    return batch.workload.decodeCpu(batch.parameters, range, words);
  }

  async #loop(): Promise<void> {
    while (this.#over === undefined) {
      if (this.#broken !== undefined) {
        if (this.#in_flight === 0) await this.#recover();
        else {
          // What is in flight on a device that answers wrongly is not wanted; closing makes it fail now.
          this.#session?.close();
          await this.#changed.wait();
        }
        continue;
      }
      const started = this.#runs.find(({ run }) => run.cuttable);
      const { duty } = this.#options;
      const most = duty.rests ? 1 : MAX_IN_FLIGHT;
      if (
        started === undefined ||
        this.#in_flight >= most ||
        started.run.backlog >= MAX_BACKLOG ||
        !duty.mayBegin()
      ) {
        await this.#changed.wait();
        continue;
      }
      await this.#dispatchNext(started);
    }
  }

  async #dispatchNext(started: Started): Promise<void> {
    try {
      this.#session ??= await this.#open();
    } catch (error) {
      // No fault of the batch: it waits for the device, or for the engine to give up.
      this.#broken ??= error;
      return;
    }
    let program: GpuProgram;
    try {
      program = await this.#session.program(started.program);
    } catch (error) {
      this.#fault(started, error);
      return;
    }
    // It was held while the program was built.
    if (this.#options.duty.held) return;
    started.pacing.retarget(this.#options.duty.piece_scale);
    const pieces = cutPieces(started.run, program, started.pacing);
    if (pieces.length === 0) return;
    this.#in_flight++;
    void this.#dispatch(started, program, pieces).finally(() => {
      this.#in_flight--;
      this.#changed.fire();
    });
  }

  async #open(): Promise<GpuSession> {
    const { runtime, sleeps, adapter: request } = this.#options;
    let adapter: GPUAdapter | null;
    try {
      adapter = await request();
    } catch (error) {
      throw new GpuFault('lost', `the adapter can't be had: ${describeFailure(error)}`);
    }
    if (adapter === null) throw new GpuFault('lost', 'the adapter is gone');
    const now = () => runtime.now();
    const gpu = await GpuDevice.open(adapter, now, sleeps ? (ms) => sleep(runtime, ms) : undefined);
    const session = new GpuSession(gpu);
    void gpu.lost.then((fault) => {
      if (this.#session !== session || this.#over !== undefined) return;
      this.#broken ??= fault;
      this.#changed.fire();
    });
    return session;
  }

  async #dispatch(started: Started, program: GpuProgram, pieces: readonly Range[]): Promise<void> {
    const { run, pacing, tune } = started;
    const { duty } = this.#options;
    const units = pieces.reduce((sum, piece) => sum + rangeLength(piece), 0n);
    const full = units * 2n >= pacing.units;
    const tuning = full ? tune.next() : tune.chosen;
    const usual = tuning === tune.chosen;
    try {
      const expected_ms = usual ? pacing.expected_ms(units) : 0;
      const { words, elapsed_ms, exact } = await program.dispatch(pieces, expected_ms, tuning);
      // One that is only tried says nothing of the next.
      if (usual) pacing.record(units, elapsed_ms, exact);
      if (full && exact && tune.record(tuning, units, elapsed_ms)) this.#tellTuning(program, tune);
      this.#busy_ms += elapsed_ms;
      this.#recovering = false;
      duty.spent(elapsed_ms);
      const lasted_ms = duty.withRests_ms(elapsed_ms);
      for (const [index, piece] of pieces.entries()) {
        const compute_ms = (lasted_ms * Number(rangeLength(piece))) / Number(units);
        this.#fold(started, piece, words[index] ?? new Uint32Array(0), compute_ms);
      }
    } catch (error) {
      for (const piece of pieces) run.putBack(piece);
      const refused = error instanceof GpuFault && error.kind === 'compile' && tune.reject(tuning);
      if (!refused) this.#fault(started, error);
    }
  }

  #tellTuning(program: GpuProgram, tune: Autotune): void {
    const { log, device } = this.#options;
    log.info({ ...tune.chosen }, `${program.kernel.source}: fastest on ${device.description}`);
  }

  #fold(started: Started, piece: Range, words: Uint32Array, compute_ms: number): void {
    const { run, exact } = started;
    const { workload, parameters } = run.batch;
    run
      .settle(piece, compute_ms, (before) => extendByWords(workload, parameters, before, piece, words, exact))
      .then(
        () => this.#changed.fire(),
        (error: unknown) => this.#fault(started, error),
      );
  }

  /** Decides whose fault it is: the device's (open it again) or the batch's (give it back). */
  #fault(started: Started, error: unknown): void {
    const deviceFault =
      (error instanceof GpuFault && error.kind !== 'compile') || error instanceof KernelFault;
    if (!deviceFault) started.run.fail(describeFailure(error));
    else if (this.#over === undefined) {
      // Dispatches that were in flight together fail together: that is one fault.
      if (this.#broken === undefined) started.faults++;
      this.#broken ??= error;
      if (started.faults >= MAX_FAULTS_PER_BATCH) started.run.fail(describeFailure(error));
    }
    this.#changed.fire();
  }

  async #recover(): Promise<void> {
    const { runtime, log } = this.#options;
    const reason = describeFailure(this.#broken);
    this.#recovering = true;
    this.#session?.close();
    this.#session = undefined;
    const now = runtime.now();
    this.#faults_at_ms = [...this.#faults_at_ms.filter((at) => now - at < GIVE_UP_WINDOW_MS), now];
    if (this.#faults_at_ms.length >= GIVE_UP_FAULTS) {
      this.#over = `the GPU failed ${GIVE_UP_FAULTS} times in 10 minutes, the last time: ${reason}`;
      for (const { run } of [...this.#runs]) run.lose(this.#over);
      this.#giveUp(this.#over);
      return;
    }
    for (const pacing of this.#paces.values()) pacing.halve();
    log.warn(
      { faults: this.#faults_at_ms.length },
      `opening the GPU again with half the dispatch: ${reason}`,
    );
    await sleep(runtime, REOPEN_AFTER_MS * 2 ** this.#faults_at_ms.length * (0.5 + runtime.random()));
    this.#broken = undefined;
  }
}

/** Takes pieces of one dispatch off the run: of whole tiles, or of a part of one where it exceeds the pace. */
function cutPieces(run: TileRun, program: GpuProgram, pacing: Pacing): Range[] {
  const { tileLength } = run.batch;
  const most = BigInt(program.kernel.maxPieceLength);
  const pieces: Range[] = [];
  let left = pacing.units;
  let length = 0n;
  while (pieces.length < program.maxPieces && left > 0n) {
    const fits = left < most ? left : most;
    // One long piece, not many short ones: verify on lavapipe did 3.5 G numbers/s in a piece of 2^28, and 1.9 in 16 of
    // 2^24. Powers of two, of tiles or of units, so that few shapes of dispatch occur (see Probe).
    const wanted =
      fits >= tileLength ? tileLength * powerOfTwoBelow(fits / tileLength) : powerOfTwoBelow(fits);
    // A further piece that is shorter only makes two dispatches out of one.
    if (wanted < length) break;
    length = wanted;
    const piece = run.cut(wanted);
    if (piece === undefined) break;
    pieces.push(piece);
    left -= rangeLength(piece);
  }
  return pieces;
}

function powerOfTwoBelow(units: bigint): bigint {
  let power = 1n;
  while (power * 2n <= units) power *= 2n;
  return power;
}
