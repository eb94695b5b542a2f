/** One batch on an engine: cuts pieces off its range, and folds what comes back in order. */
import type { Range } from '../../protocol/range.ts';
import type { Batch, BatchEnd, BatchRun, Prefix } from './engine.ts';

/** Extends the aggregate of everything before the piece by the piece. */
export type Extend = (before: unknown) => unknown;

interface Settled {
  readonly piece: Range;
  readonly extend: Extend;
  readonly compute_ms: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class TileRun implements BatchRun {
  readonly batch: Batch;
  readonly ended: Promise<BatchEnd>;
  #resolveEnded: (end: BatchEnd) => void = () => undefined;
  #aggregate: unknown;
  #folded_end: bigint;
  #compute_ms = 0;
  #cursor: bigint;
  /** Pieces to be computed again, in ascending order. */
  #returned: Range[] = [];
  readonly #settled = new Map<bigint, Settled>();
  #running = 0;
  #folding = false;
  #stopping = false;
  #over = false;

  constructor(batch: Batch) {
    this.batch = batch;
    this.#aggregate = batch.workload.empty(batch.parameters);
    this.#folded_end = batch.range.start;
    this.#cursor = batch.range.start;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  prefix(): Prefix {
    return { end: this.#folded_end, aggregate: this.#aggregate, compute_ms: this.#compute_ms };
  }

  /** Pieces that wait to be folded: behind a slow one, or for the CPU's share of the work. */
  get backlog(): number {
    return this.#settled.size;
  }

  get over(): boolean {
    return this.#over;
  }

  get cuttable(): boolean {
    return (
      !this.#over && !this.#stopping && (this.#returned.length > 0 || this.#cursor < this.batch.range.end)
    );
  }

  /**
   * The next piece. Undefined if there is none.
   * @param units its length at most: of whole tiles, or within one
   * @param grain tiles are nothing to it then: it ends at a multiple of this where one is nearer than half of `units`
   */
  cut(units: bigint, grain?: bigint): Range | undefined {
    if (!this.cuttable) return undefined;
    this.#running++;
    const again = this.#returned.shift();
    if (again !== undefined) {
      const end = this.#pieceEnd(again.start, units, again.end, grain);
      if (end < again.end) this.#returned.unshift({ start: end, end: again.end });
      return { start: again.start, end };
    }
    const start = this.#cursor;
    this.#cursor = this.#pieceEnd(start, units, this.batch.range.end, grain);
    return { start, end: this.#cursor };
  }

  #pieceEnd(start: bigint, units: bigint, most: bigint, grain?: bigint): bigint {
    const end = start + (grain === undefined ? this.#tiles(start, units) : toSeam(start, units, grain));
    return end < most ? end : most;
  }

  #tiles(start: bigint, units: bigint): bigint {
    const { range, tileLength } = this.batch;
    const into = (start - range.start) % tileLength;
    if (into === 0n && units >= tileLength) return units - (units % tileLength);
    return units > tileLength - into ? tileLength - into : units;
  }

  /** The piece was not computed; it is cut again before anything else. */
  putBack(piece: Range): void {
    this.#running--;
    this.#returned.push(piece);
    this.#returned.sort((a, b) => (a.start < b.start ? -1 : 1));
    this.#endIfIdle();
  }

  /**
   * The piece was computed.
   * @returns resolves when it is folded; rejects with what `extend` threw: then the piece counts as put back
   */
  settle(piece: Range, compute_ms: number, extend: Extend): Promise<void> {
    this.#running--;
    if (this.#over) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#settled.set(piece.start, { piece, extend, compute_ms, resolve, reject });
      void this.#foldAll();
    });
  }

  stop(): void {
    this.#stopping = true;
    this.#endIfIdle();
  }

  abandon(): void {
    this.#end({ how: 'stopped' });
  }

  fail(message: string): void {
    this.#end({ how: 'failed', message });
  }

  lose(message: string): void {
    this.#end({ how: 'device_lost', message });
  }

  async #foldAll(): Promise<void> {
    if (this.#folding) return;
    this.#folding = true;
    let next = this.#settled.get(this.#folded_end);
    while (next !== undefined && !this.#over) {
      const { piece, extend, compute_ms, resolve, reject } = next;
      try {
        const extended: unknown = await extend(this.#aggregate);
        this.#settled.delete(piece.start);
        if (!this.#over) {
          this.#aggregate = extended;
          this.#folded_end = piece.end;
          this.#compute_ms += compute_ms;
        }
        resolve();
      } catch (error) {
        this.#settled.delete(piece.start);
        this.#running++;
        this.putBack(piece);
        reject(error);
      }
      next = this.#settled.get(this.#folded_end);
    }
    this.#folding = false;
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.#folded_end >= this.batch.range.end) this.#end({ how: 'finished' });
    else if (this.#stopping && this.#running === 0 && !this.#folding) this.#end({ how: 'stopped' });
  }

  #end(end: BatchEnd): void {
    if (this.#over) return;
    this.#over = true;
    for (const { resolve } of this.#settled.values()) resolve();
    this.#settled.clear();
    this.#returned = [];
    this.#resolveEnded(end);
  }
}

function toSeam(start: bigint, units: bigint, grain: bigint): bigint {
  const up = start + units + grain / 2n;
  const length = up - (up % grain) - start;
  return 2n * length >= units && 2n * length <= 3n * units ? length : units;
}
