/** The result of a thread job as the page reads it, from the API's JSON. Sums are exact; work and span in ticks. */
import type { JobResults, JobStatus } from '../../../protocol/http.ts';

export interface Bounds {
  readonly processors: number;
  readonly lower: bigint;
  readonly upper: bigint;
}

export interface JobFigures {
  readonly roots: number;
  readonly oversize: number;
  readonly threads: bigint;
  readonly work: bigint;
  readonly span: bigint;
  readonly threadsByDepth: readonly bigint[];
  readonly sizeHistogram: readonly bigint[];
  readonly largest: readonly LargestTree[];
  readonly makespanAlone: readonly Bounds[];
}

export interface LargestTree {
  readonly of: 'threads' | 'work' | 'span';
  readonly root: number;
  readonly value: number;
}

/** @returns undefined for a result that is not of a thread job, or of which nothing is known */
export function jobFigures(results: JobResults | undefined): JobFigures | undefined {
  const result = results?.result;
  if (result === undefined || result === null) return undefined;
  const alone = result['makespan_alone'];
  const roots = result['roots'];
  if (!Array.isArray(alone) || typeof roots !== 'number' || roots === 0) return undefined;
  return {
    roots,
    oversize: number(result['oversize']),
    threads: whole(result['threads']),
    work: whole(result['work']),
    span: whole(result['span']),
    threadsByDepth: wholes(result['threads_by_depth']),
    sizeHistogram: wholes(result['size_histogram']),
    largest: LARGEST.flatMap((of) => {
      const entry = result[`max_${of}`];
      return isObject(entry) ? [{ of, root: number(entry['root']), value: number(entry[of]) }] : [];
    }),
    makespanAlone: alone.filter(isObject).map((row) => ({
      processors: number(row['processors']),
      lower: whole(row['lower']),
      upper: whole(row['upper']),
    })),
  };
}

const LARGEST = ['threads', 'work', 'span'] as const;

export interface SpeedUp {
  readonly processors: number;
  /** What no schedule can beat. */
  readonly atMost: number;
  /** What every greedy schedule reaches. */
  readonly atLeast: number;
}

/** Over one processor, by the sums over all trees. */
export function speedUps({ work, makespanAlone }: JobFigures): readonly SpeedUp[] {
  const over = (time: bigint) => (time === 0n ? 1 : Number(work) / Number(time));
  return makespanAlone.map(({ processors, lower, upper }) => ({
    processors,
    atMost: over(lower),
    atLeast: over(upper),
  }));
}

/** Which of the thread jobs is shown: one that runs, else the newest that has something to show. */
export function chooseThreadJob(jobs: readonly JobStatus[]): JobStatus | undefined {
  const threads = jobs
    .filter(({ type }) => type === 'thread')
    .toSorted((a, b) => b.created_at.localeCompare(a.created_at));
  return (
    threads.find(({ status }) => status === 'running') ??
    threads.find(({ status }) => status === 'completed') ??
    threads.find(({ progress }) => progress.done !== '0') ??
    threads[0]
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function whole(value: unknown): bigint {
  return typeof value === 'string' && /^\d+$/.test(value) ? BigInt(value) : 0n;
}

function wholes(value: unknown): readonly bigint[] {
  return Array.isArray(value) ? value.map(whole) : [];
}
