/**
 * Folds results into their job's tally, so that a job's state does not grow with the work: results for which
 * nobody can answer a second time any more. While somebody still may, a result stays apart, so that it can be
 * corrected if the two answers differ. So do results of before a restart while workers come back: whoever did not hear
 * that his was stored sends it again, and it is called a duplicate then, not superseded.
 */
import { rangeLength } from '../../protocol/range.ts';
import type { Change } from '../store/store.ts';
import type { Core } from './core.ts';
import type { Figures } from './figures.ts';
import type { Job } from './job.ts';
import type { JobTable } from './job-table.ts';
import type { BatchResult, Segment } from './segment.ts';
import { isOver } from './transitions.ts';

/** Folded at once when so much has gathered; 256 folds of 1000-entry histograms take about 10 ms. */
const FOLD_RESULTS = 256;
const FOLD_BYTES = 128 * 1024;
/** Otherwise after this time. */
const FOLD_AFTER_MS = 5000;
/** Results in one transaction. */
const MOST_AT_ONCE = 512;
/** Beyond this even results that may be answered again, of before a restart too, are folded: state stays bounded. */
const MAX_WATCHED_BYTES = 512 * 1024;

export class Folding {
  readonly #core: Core;
  readonly #jobs: JobTable;
  /** Jobs with results that are not folded. */
  readonly #dirty = new Set<Job>();

  constructor(core: Core, jobs: JobTable) {
    this.#core = core;
    this.#jobs = jobs;
  }

  /** A result was added to the job. */
  added(job: Job): void {
    job.unfoldedSince ??= this.#core.now();
    this.#dirty.add(job);
    const { results, bytes, kept } = job.unfolded;
    if (results - kept.results >= FOLD_RESULTS || bytes - kept.bytes >= FOLD_BYTES) this.fold(job);
  }

  /** The job, or something of it, was read from the store. */
  restored(job: Job): void {
    if (job.unfolded.results > 0 || job.absorbing.length > 0 || isOver(job.state)) this.#dirty.add(job);
  }

  /** Folds what has waited long enough, and lets go of jobs that are over. */
  sweep(): void {
    const now = this.#core.now();
    for (const job of this.#dirty) {
      const waitedMs = now - (job.unfoldedSince ?? now);
      if (isOver(job.state) || waitedMs >= FOLD_AFTER_MS) this.fold(job);
    }
  }

  /** Starts to fold what can be folded, unless that is under way already. */
  fold(job: Job): void {
    if (job.foldInFlight || job.closing) return;
    const folding = foldable(job);
    const { results, bytes } = job.unfolded;
    if (folding.size === 0 && job.absorbing.length === 0) {
      job.unfolded.kept = { results, bytes };
      job.unfoldedSince = this.#core.now();
      this.#settle(job);
      return;
    }
    const { change, apply, undo } = prepare(job, folding);
    this.#core.committer
      .write([change], () => {
        apply();
        // What is kept has been looked at. (By the time since it came, the tally was written with every sweep for as long as it was kept.)
        job.unfoldedSince = this.#core.now();
        this.#settle(job);
      })
      // What could not be folded is tried again by the next sweep; the committer has logged why.
      .catch(undo);
  }

  /** Everything of a job that ends before it is covered, into the tally. Call when nothing of the job is pending. */
  close(job: Job): {
    readonly changes: readonly Change[];
    readonly apply: () => void;
    readonly undo: () => void;
  } {
    const all = new Set(job.results());
    if (all.size === 0 && job.absorbing.length === 0) {
      return { changes: [], apply: () => this.#settle(job), undo: () => undefined };
    }
    const { change, apply, undo } = prepare(job, all);
    const settle = () => {
      apply();
      this.#settle(job);
    };
    return { changes: [change], apply: settle, undo };
  }

  #settle(job: Job): void {
    if (job.unfolded.results > 0 || job.absorbing.length > 0) return;
    job.unfoldedSince = undefined;
    this.#dirty.delete(job);
    if (isOver(job.state)) this.#jobs.evict(job);
  }
}

function foldable(job: Job): Set<BatchResult> {
  const chosen = new Set<BatchResult>();
  const kept: BatchResult[] = [];
  let keptBytes = 0;
  for (const segment of job.segments) {
    if (segment.results.size === 0) continue;
    const mayComeBack = segment.recovered && job.holdsRecovered;
    const watched = segment.watched();
    for (const result of segment.results.values()) {
      if (result.pins > 0) continue;
      if (mayComeBack || watched.overlaps(result.range)) {
        kept.push(result);
        keptBytes += result.bytes;
      } else if (chosen.size < MOST_AT_ONCE) {
        chosen.add(result);
      }
    }
  }
  for (const result of kept) {
    if (keptBytes <= MAX_WATCHED_BYTES) break;
    chosen.add(result);
    keptBytes -= result.bytes;
  }
  return chosen;
}

function prepare(job: Job, folding: ReadonlySet<BatchResult>) {
  const { workload, p } = job;
  job.foldInFlight = true;
  let tally: unknown = job.tally ?? workload.empty(p);
  const figures: Figures = job.hasFigures ? job.figures.copy() : job.figures;
  let units = 0n;
  let bytes = 0;
  for (const result of folding) {
    result.folding = true;
    tally = workload.fold(p, tally, result.aggregate);
    figures.add(result.range, workload.figure(p, result.aggregate));
    units += rangeLength(result.range);
    bytes += result.bytes;
  }
  const touched = job.segments
    .filter((segment) => [...segment.results.values()].some((result) => folding.has(result)))
    .map((segment) => ({ segment, covered: coveredAfter(segment, folding) }));
  const folded = job.folded + units;
  const absorbed = [...job.absorbing];
  const change: Change = {
    kind: 'results_folded',
    jobId: job.id,
    share: {
      done: folded,
      tally: JSON.stringify(workload.encode(p, tally)),
      figures: figures.encode(),
    },
    results: [...folding].map(({ range }) => range.start),
    absorbed,
    segments: touched.map(({ segment, covered }) => ({ start: segment.range.start, covered })),
  };
  const apply = () => {
    job.foldInFlight = false;
    job.tally = tally;
    job.figures = figures;
    job.folded = folded;
    job.absorbing = job.absorbing.filter((origin) => !absorbed.includes(origin));
    job.unfolded.results -= folding.size;
    job.unfolded.bytes -= bytes;
    const { results: keptResults, bytes: keptBytes } = job.unfolded;
    job.unfolded.kept = { results: keptResults, bytes: keptBytes };
    for (const { segment, covered } of touched) {
      for (const result of segment.results.values()) {
        if (folding.has(result)) segment.results.delete(result.range.start);
      }
      if (covered === null) job.removeSegment(segment);
    }
  };
  const undo = () => {
    job.foldInFlight = false;
    for (const result of folding) result.folding = false;
  };
  return { change, apply, undo };
}

/** Null: the segment is folded whole. */
function coveredAfter(segment: Segment, folding: ReadonlySet<BatchResult>) {
  const covered = segment.foldedAfter(folding);
  const [first] = covered;
  const whole =
    covered.length === 1 && first?.start === segment.range.start && first.end === segment.range.end;
  return whole ? null : covered;
}
