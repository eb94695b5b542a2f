/** The shape of a program and which of its roots is shown: limits, the words at each field, a job's parameters. */
import { MAX_DEPTH, MAX_ROOTS, MAX_TREE_THREADS, MAX_WORK } from '../../../shaders/thread-sim/limits.ts';
import type { ThreadParameters } from '../../../shaders/thread-sim/parameters.ts';
import { parseNumber } from '../format/parse-number.ts';
import { grouped } from '../format/figures.ts';

/** What a tree depends on, beside its root. Names as in workloads.md, work in ticks. */
export interface Shape {
  readonly seed: bigint;
  readonly maxDepth: number;
  readonly maxChildren: number;
  readonly spawnThreshold: number;
  readonly workMin: number;
  readonly workMax: number;
  readonly maxThreads: number;
}

export interface Choice {
  readonly shape: Shape;
  readonly root: number;
}

export const DEFAULT_SHAPE: Shape = {
  seed: 0n,
  maxDepth: 10,
  maxChildren: 2,
  spawnThreshold: 160,
  workMin: 10,
  workMax: 1000,
  maxThreads: 65_536,
};

export type FieldName = keyof Shape | 'root';

interface Limits {
  readonly label: string;
  readonly min: bigint;
  readonly max: bigint;
}

const limits = (label: string, min: number | bigint, max: number | bigint): Limits => ({
  label,
  min: BigInt(min),
  max: BigInt(max),
});

export const FIELDS: Readonly<Record<FieldName, Limits>> = {
  root: limits('Root', 0, MAX_ROOTS - 1),
  seed: limits('Seed', 0, 2n ** 64n - 1n),
  maxDepth: limits('Deepest level', 0, MAX_DEPTH),
  maxChildren: limits('Chances to fork', 0, 4),
  spawnThreshold: limits('Each succeeds, of 256', 0, 256),
  workMin: limits('Work from, ticks', 1, MAX_WORK),
  workMax: limits('Work to, ticks', 1, MAX_WORK),
  maxThreads: limits('Oversize above, threads', 1, MAX_TREE_THREADS),
};

export const FIELD_NAMES: readonly FieldName[] = [
  'root',
  'seed',
  'maxDepth',
  'maxChildren',
  'spawnThreshold',
  'workMin',
  'workMax',
  'maxThreads',
];

/** What the visitor has typed, field by field. */
export type Draft = Readonly<Record<FieldName, string>>;

export type Problems = Partial<Readonly<Record<FieldName, string>>>;

export function draftOf({ shape, root }: Choice): Draft {
  return {
    root: String(root),
    seed: String(shape.seed),
    maxDepth: String(shape.maxDepth),
    maxChildren: String(shape.maxChildren),
    spawnThreshold: String(shape.spawnThreshold),
    workMin: String(shape.workMin),
    workMax: String(shape.workMax),
    maxThreads: String(shape.maxThreads),
  };
}

/** @returns the choice, or what is wrong at which field and what to enter there */
export function readDraft(draft: Draft): { readonly choice: Choice } | { readonly problems: Problems } {
  const problems: Partial<Record<FieldName, string>> = {};
  const read = (name: FieldName): bigint => {
    const parsed = parseField(name, draft[name]);
    if ('value' in parsed) return parsed.value;
    problems[name] = parsed.problem;
    return 0n;
  };
  const plain = (name: FieldName): number => Number(read(name));
  const choice: Choice = {
    root: plain('root'),
    shape: {
      seed: read('seed'),
      maxDepth: plain('maxDepth'),
      maxChildren: plain('maxChildren'),
      spawnThreshold: plain('spawnThreshold'),
      workMin: plain('workMin'),
      workMax: plain('workMax'),
      maxThreads: plain('maxThreads'),
    },
  };
  const { workMin, workMax } = choice.shape;
  if (problems.workMin === undefined && problems.workMax === undefined && workMin > workMax) {
    problems.workMin = `Enter at most ${grouped(workMax)}, the most work.`;
    problems.workMax = `Enter at least ${grouped(workMin)}, the least work.`;
  }
  return Object.keys(problems).length === 0 ? { choice } : { problems };
}

function parseField(
  name: FieldName,
  text: string,
): { readonly value: bigint } | { readonly problem: string } {
  const { min, max } = FIELDS[name];
  const parsed = parseNumber(text);
  const wanted = `Enter a whole number from ${grouped(min)} to ${grouped(max)}`;
  if ('problem' in parsed) return { problem: `${wanted}.` };
  if (parsed.value < min || parsed.value > max) return { problem: `${wanted}.` };
  return parsed;
}

/** For the modules of shaders/thread-sim, which take a whole job's parameters. */
export function treeParameters(shape: Shape): ThreadParameters {
  return { ...shape, threadCount: 1, batchSize: undefined };
}

/** The parameters of a job by their names in the API. */
export function shapeOfJob(parameters: Readonly<Record<string, string | number>>): Shape | undefined {
  const text = (name: string, fallback: bigint | number) => String(parameters[name] ?? fallback);
  const read = readDraft({
    root: '0',
    seed: text('seed', DEFAULT_SHAPE.seed),
    maxDepth: text('max_depth', DEFAULT_SHAPE.maxDepth),
    maxChildren: text('max_children', DEFAULT_SHAPE.maxChildren),
    spawnThreshold: text('spawn_threshold', DEFAULT_SHAPE.spawnThreshold),
    workMin: text('work_min', DEFAULT_SHAPE.workMin),
    workMax: text('work_max', DEFAULT_SHAPE.workMax),
    maxThreads: text('max_threads', DEFAULT_SHAPE.maxThreads),
  });
  return 'choice' in read ? read.choice.shape : undefined;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return FIELD_NAMES.every((name) => name === 'root' || a[name] === b[name]);
}
