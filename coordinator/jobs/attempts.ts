/**
 * What failed of a job: how often each part of its range was tried in vain, and how many batches failed since the last
 * one that succeeded. In memory only: a restart of the coordinator is a new beginning.
 *
 * Attempts of strangers are counted apart from those of the operator's own workers, since strangers may fail on
 * purpose.
 */
import type { Range } from '../../protocol/range.ts';

/** A batch that failed. */
export interface Attempt {
  readonly nodeId: string;
  /** It was one of the operator's own workers. */
  readonly own: boolean;
  /** What the worker said, or what became of it. */
  readonly message: string;
  /** Nothing more was heard of the worker: that says little of the range, and little of the worker. */
  readonly silent?: boolean;
}

/** A part of the range, all of whose numbers were tried equally often. */
export interface Piece extends Range {
  /** Attempts by own workers, and by strangers since they were last forgiven. */
  readonly own: number;
  readonly strangers: number;
  /** Some of the strangers, without those that fell silent. */
  readonly strangerIds: readonly string[];
  readonly last: Attempt;
  /** Longest batch that begins in it, so that what can't be computed is closed in on; undefined: as usual. */
  readonly longest: bigint | undefined;
}

/** Batches that failed since one succeeded. */
export interface Streak {
  batches: number;
  ownBatches: number;
  /** Who failed; at most MAX_NODES. */
  readonly nodes: Set<string>;
  readonly ownNodes: Set<string>;
}

const MAX_PIECES = 256;
const MAX_STRANGERS = 32;
const MAX_NODES = 1000;

export class Attempts {
  #pieces: readonly Piece[] = [];
  #streak: Streak | undefined;
  #last: Attempt | undefined;

  /** Undefined: the latest batch succeeded. */
  get streak(): Streak | undefined {
    return this.#streak;
  }

  /** The latest batch that failed, as long as none has succeeded since. */
  get last(): Attempt | undefined {
    return this.#last;
  }

  /**
   * The range was tried in vain.
   * @returns the part of it that was tried most often
   */
  record(range: Range, attempt: Attempt): Piece {
    const counted = tried(this.#pieces, range, attempt);
    this.#pieces = counted.toSorted((a, b) => (a.start < b.start ? -1 : 1));
    if (this.#pieces.length > MAX_PIECES) {
      const kept = this.#pieces.toSorted((a, b) => total(b) - total(a)).slice(0, MAX_PIECES);
      this.#pieces = kept.toSorted((a, b) => (a.start < b.start ? -1 : 1));
    }
    const first: Piece = counted.find((piece) => overlaps(piece, range)) ?? fresh(range, attempt);
    return counted
      .filter((piece) => overlaps(piece, range))
      .reduce((worst, piece) => (total(piece) > total(worst) ? piece : worst), first);
  }

  /** A worker said that it could not compute a batch. */
  batchFailed(attempt: Attempt): Streak {
    const streak = (this.#streak ??= { batches: 0, ownBatches: 0, nodes: new Set(), ownNodes: new Set() });
    streak.batches += 1;
    if (streak.nodes.size < MAX_NODES) streak.nodes.add(attempt.nodeId);
    if (attempt.own) {
      streak.ownBatches += 1;
      if (streak.ownNodes.size < MAX_NODES) streak.ownNodes.add(attempt.nodeId);
    }
    this.#last = attempt;
    return streak;
  }

  /** A batch succeeded. */
  succeeded(range: Range): void {
    this.endStreak();
    if (this.#pieces.length === 0) return;
    this.#pieces = this.#pieces.flatMap((piece) => outside(piece, range));
  }

  endStreak(): void {
    this.#streak = undefined;
    this.#last = undefined;
  }

  /** What strangers tried in vain there is forgotten, and batches there are at most `longest`. */
  forgive(range: Range, longest: bigint): void {
    this.#pieces = this.#pieces.map((piece) =>
      overlaps(piece, range) ? { ...piece, strangers: 0, strangerIds: [], longest } : piece,
    );
  }

  /** How long a batch that begins here may be; undefined: as usual. */
  longestFrom(start: bigint): bigint | undefined {
    for (const piece of this.#pieces) {
      if (piece.longest === undefined || piece.end <= start) continue;
      return piece.start <= start ? piece.longest : piece.start - start;
    }
    return undefined;
  }
}

export function total({ own, strangers }: Piece): number {
  return own + strangers;
}

function overlaps(a: Range, b: Range): boolean {
  return a.start < b.end && b.start < a.end;
}

function fresh({ start, end }: Range, attempt: Attempt): Piece {
  const none = { start, end, own: 0, strangers: 0, strangerIds: [], last: attempt, longest: undefined };
  return counted(none, attempt);
}

function counted(piece: Piece, attempt: Attempt): Piece {
  if (attempt.own) return { ...piece, own: piece.own + 1, last: attempt };
  if (attempt.silent === true) return { ...piece, strangers: piece.strangers + 1, last: attempt };
  const others = piece.strangerIds.filter((id) => id !== attempt.nodeId).slice(1 - MAX_STRANGERS);
  const strangerIds = [...others, attempt.nodeId];
  return { ...piece, strangers: piece.strangers + 1, strangerIds, last: attempt };
}

/** What is left of the piece beside the range. */
function outside(piece: Piece, { start, end }: Range): Piece[] {
  if (piece.end <= start || end <= piece.start) return [piece];
  const left = piece.start < start ? [{ ...piece, end: start }] : [];
  const right = end < piece.end ? [{ ...piece, start: end }] : [];
  return [...left, ...right];
}

/** The pieces, ascending, with one attempt more on the range: cut where it begins and ends. */
function tried(pieces: readonly Piece[], range: Range, attempt: Attempt): Piece[] {
  const result: Piece[] = [];
  let position = range.start;
  for (const piece of pieces) {
    result.push(...outside(piece, range));
    if (!overlaps(piece, range)) continue;
    const start = piece.start > range.start ? piece.start : range.start;
    const end = piece.end < range.end ? piece.end : range.end;
    if (position < start) result.push(fresh({ start: position, end: start }, attempt));
    result.push(counted({ ...piece, start, end }, attempt));
    position = end;
  }
  if (position < range.end) result.push(fresh({ start: position, end: range.end }, attempt));
  return result;
}
