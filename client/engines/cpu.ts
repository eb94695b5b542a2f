/** The engine over CPU threads: CPU kernels, or their twins, give each tile's exact aggregate. */
import type { DeviceInfo, WorkerKind } from '../../protocol/messages.ts';
import type { Range } from '../../protocol/range.ts';
import type { CpuPool, CpuProgramSource } from './cpu-pool.ts';
import { describeFailure } from './cpu-pool.ts';
import type { Batch, BatchRun, Engine } from './engine.ts';
import type { Duty } from './duty.ts';
import { Pacing } from './pacing.ts';
import { TileRun } from './tile-run.ts';

/**
 * A tile that takes longer is cut, so that a batch can be handed back soon; of shorter ones a piece takes several. A
 * kernel works in blocks of its own, up to 2^30 numbers: with one tile a piece, a thousandth of a batch, a job of
 * verify got a fifth of its kernel's rate, and the low rate kept its tiles short.
 */
const PIECE_TARGET_MS = 150;
/** A piece that took so many times the target shrinks the next at once. */
const PIECE_LIMIT = 2.5;

export interface CpuEngineOptions {
  readonly kind: WorkerKind;
  readonly device: DeviceInfo;
  /** Closed with the engine. */
  readonly pool: CpuPool;
  readonly duty: Duty;
  /** How long a piece should take. */
  readonly piece_ms?: number;
}

interface Started {
  readonly run: TileRun;
  readonly program: CpuProgramSource;
  readonly pacing: Pacing;
}

export class CpuEngine implements Engine {
  readonly kind: WorkerKind;
  readonly device: DeviceInfo;
  /** A CPU is not lost. */
  readonly given_up = new Promise<string>(() => undefined);
  readonly recovering = false;
  readonly #pool: CpuPool;
  readonly #duty: Duty;
  readonly #piece_ms: number;
  readonly #runs: Started[] = [];
  /** Of the job computed last, so that its next batch goes on at the pace found. */
  #pace: { key: string; pacing: Pacing } | undefined;

  constructor({ kind, device, pool, duty, piece_ms = PIECE_TARGET_MS }: CpuEngineOptions) {
    this.kind = kind;
    this.device = device;
    this.#pool = pool;
    this.#duty = duty;
    this.#piece_ms = piece_ms;
    duty.attach(() => this.#fill());
  }

  start(batch: Batch): BatchRun {
    const run = new TileRun(batch);
    const program = cpuProgram(batch);
    if (this.#pace?.key !== program.key) {
      const { min, max } = batch.workload.tileLimits(batch.parameters);
      const target_ms = this.#piece_ms;
      const limit_ms = target_ms * PIECE_LIMIT;
      const shortest = batch.tileLength < min ? batch.tileLength : min;
      const units = { start_units: Number(shortest), max_units: Number(max) };
      const pacing = new Pacing({ target_ms, limit_ms, ...units });
      this.#pace = { key: program.key, pacing };
    }
    const started = { run, program, pacing: this.#pace.pacing };
    this.#runs.push(started);
    void run.ended.then(() => {
      this.#runs.splice(this.#runs.indexOf(started), 1);
    });
    this.#fill();
    return run;
  }

  busy_ms(): number {
    return this.#pool.busy_ms();
  }

  hold(): void {
    this.#duty.hold();
  }

  go(): void {
    this.#duty.go();
  }

  halt(): void {
    void this.close();
  }

  async close(): Promise<void> {
    for (const { run } of [...this.#runs]) run.abandon();
    await this.#pool.close();
  }

  #fill(): void {
    while (this.#duty.rests ? this.#pool.idle > 0 : this.#pool.room > 0) {
      const started = this.#runs.find(({ run }) => run.cuttable);
      if (started === undefined || !this.#duty.mayBegin()) return;
      started.pacing.retarget(this.#duty.piece_scale);
      const { workload, parameters } = started.run.batch;
      const { grain } = workload.kernels(parameters).cpu;
      const piece = started.run.cut(started.pacing.units, grain);
      if (piece === undefined) return;
      void this.#compute(started, piece);
    }
  }

  async #compute({ run, program, pacing }: Started, piece: Range): Promise<void> {
    const { workload, parameters } = run.batch;
    try {
      const { words, elapsed_ms } = await this.#pool.run(program, piece);
      const engine_ms = elapsed_ms / this.#pool.threads;
      this.#duty.spent(engine_ms);
      this.#fill();
      pacing.record(piece.end - piece.start, elapsed_ms);
      await run.settle(piece, this.#duty.withRests_ms(engine_ms), (before) =>
        workload.fold(parameters, before, workload.decodeCpu(parameters, piece, words)),
      );
    } catch (error) {
      run.fail(describeFailure(error));
    }
    this.#fill();
  }
}

/** Longer parameter words are tables, which a workload makes once: they are told apart by identity. */
const MAX_WORDS_IN_KEY = 256;
const tables = new WeakMap<Uint32Array, number>();
let tableCount = 0;

/** A batch's CPU kernel with its parameters. */
export function cpuProgram(batch: Pick<Batch, 'workload' | 'parameters' | 'kernels'>): CpuProgramSource {
  const parameterWords = batch.workload.parameterWords(batch.parameters);
  const { module } = batch.workload.kernels(batch.parameters).cpu;
  const wasm = batch.kernels.cpu;
  return { key: `${wasm.sha256} ${keyOf(parameterWords)}`, module, wasm, parameterWords };
}

function keyOf(words: Uint32Array): string {
  if (words.length <= MAX_WORDS_IN_KEY) return words.join(' ');
  const known = tables.get(words) ?? ++tableCount;
  tables.set(words, known);
  return `table ${known}`;
}
