/**
 * Near the end of a job one coordinator may have holes and busy workers, another one idle workers and nothing left.
 * The idle one says so, and is given a part of the largest hole as a segment of its own: so big a part as its workers
 * are of all that wait for it or compute it. What has no workers here is given whole.
 */
import type { Range } from '../../protocol/range.ts';
import type { Core } from '../jobs/core.ts';
import type { Job } from '../jobs/job.ts';
import type { JobTable } from '../jobs/job-table.ts';
import { RangeSet } from '../jobs/ranges.ts';
import type { Segment } from '../jobs/segment.ts';
import type { Waker } from '../jobs/waker.ts';
import type { SegmentPiece } from '../store/store.ts';

/** Counted, to say how hungry a coordinator is. */
const MAX_COUNTED = 100;

export class Sharing {
  readonly #core: Core;
  readonly #jobs: JobTable;
  readonly #waker: Waker;
  readonly #giving = new Set<Job>();

  constructor(core: Core, jobs: JobTable, waker: Waker) {
    this.#core = core;
    this.#jobs = jobs;
    this.#waker = waker;
  }

  /** Idle workers here that could compute the job, of which nothing is left here. */
  hungryFor(job: Job): number {
    if (job.state !== 'running' || job.closing || job.ready || job.holdsRecovered) return 0;
    return this.#waker.candidates(job, MAX_COUNTED).length;
  }

  /** Gives the coordinator `to` a part of the job's largest hole, if there is one that nobody here is about to take. */
  async give(jobId: string, to: number, workers: number): Promise<void> {
    const job = this.#jobs.get(jobId);
    if (job === undefined || this.#giving.has(job)) return;
    this.#giving.add(job);
    try {
      await job.exclusive(() => this.#give(job, to, workers));
    } finally {
      this.#giving.delete(job);
    }
  }

  async #give(job: Job, to: number, workers: number): Promise<void> {
    while (job.foldInFlight) await this.#core.committer.flush();
    if (job.state !== 'running' || job.closing || job.cursor < job.record.range.end) return;
    const found = largestHole(job);
    if (found === undefined) return;
    const { segment, hole } = found;
    const range = partOf(hole, workers, this.#workersOf(job), job.tileLimits.min);
    // Until it is durable nobody has it: it can't be leased, and a late answer to it waits.
    segment.unleased.subtract(range);
    segment.pending.add(range);
    // No fold may name the segment by its start while that changes.
    job.foldInFlight = true;
    const change = {
      kind: 'segment_split',
      jobId: job.id,
      start: segment.range.start,
      pieces: piecesOf(segment, range, to),
    } as const;
    try {
      await this.#core.committer.write([change], () => {
        segment.pending.subtract(range);
        job.foldInFlight = false;
        takeOut(job, segment, range);
        this.#core.queue.refresh(job);
        this.#core.watchers.changed(job.id);
      });
    } catch {
      // The committer has said why. Nothing was written.
      job.foldInFlight = false;
      segment.abandon(range);
      this.#core.queue.refresh(job);
    }
  }

  /** Workers that compute the job here. */
  #workersOf(job: Job): number {
    return new Set([...job.leases].map(({ nodeId }) => nodeId)).size;
  }
}

function largestHole(job: Job): { readonly segment: Segment; readonly hole: Range } | undefined {
  let found: { readonly segment: Segment; readonly hole: Range } | undefined;
  for (const segment of job.segments) {
    if (!job.offers(segment)) continue;
    for (const hole of segment.unleased) {
      if (found === undefined || hole.end - hole.start > found.hole.end - found.hole.start)
        found = { segment, hole };
    }
  }
  return found;
}

/** The end of the hole: leases are cut from its beginning. Whole if the rest would be shorter than a tile. */
function partOf(hole: Range, theirs: number, ours: number, tile: bigint): Range {
  const length = hole.end - hole.start;
  const kept = (length * BigInt(ours)) / BigInt(ours + theirs);
  const aligned = kept - (kept % tile);
  return { start: hole.start + aligned, end: hole.end };
}

/** A piece of which everything is folded already has no row: nobody would fold anything of it, and delete it then. */
function piecesOf(segment: Segment, given: Range, to: number): readonly SegmentPiece[] {
  const { start, end } = segment.range;
  const folded = new RangeSet(segment.folded);
  const before = { start, end: given.start };
  const after = { start: given.end, end };
  return [
    { range: before, covered: folded.within(before), owner: null },
    { range: given, covered: [], owner: to },
    { range: after, covered: folded.within(after), owner: null },
  ].filter(({ range }) => range.start < range.end && !folded.contains(range));
}

/** The segment in memory, as the store has it now. */
function takeOut(job: Job, segment: Segment, given: Range): void {
  const pieces: Segment[] = [];
  if (given.end < segment.range.end) {
    const after = segment.splitAt(given.end);
    job.addSegment(after);
    pieces.push(after);
  }
  if (given.start > segment.range.start) {
    segment.splitAt(given.start);
    pieces.push(segment);
  } else job.removeSegment(segment);
  for (const piece of pieces) if (piece.isCovered && piece.results.size === 0) job.removeSegment(piece);
}
