/** A thread job as it is filled in: the shape of its programs, how many, and how urgent. */
import { MAX_SEED, THREAD_FIELDS } from '../../../shaders/thread-sim/limits.ts';
import type { ThreadParameters } from '../../../shaders/thread-sim/parameters.ts';
import { commandLine, numberArgument } from './command-line.ts';
import type { Priority, Reading } from './reading.ts';
import { readName, readNumber } from './reading.ts';

/** What a thread job computes, without hints of how. */
export type ThreadShape = Omit<ThreadParameters, 'batchSize'>;

export type ThreadField = keyof typeof THREAD_FIELDS | 'seed';
export interface ThreadDraft {
  readonly fields: Readonly<Record<ThreadField, string>>;
  readonly priority: Priority;
  readonly name: string;
}

export const THREAD_FIELD_NAMES = [
  'thread_count',
  'seed',
  'max_depth',
  'max_children',
  'spawn_threshold',
  'work_min',
  'work_max',
  'max_threads',
] as const;

export function threadDraft(initial: Partial<ThreadShape> = {}): ThreadDraft {
  const text = (value: number | undefined, field: keyof typeof THREAD_FIELDS) =>
    String(value ?? THREAD_FIELDS[field].fallback);
  return {
    fields: {
      thread_count: text(initial.threadCount, 'thread_count'),
      seed: String(initial.seed ?? 0n),
      max_depth: text(initial.maxDepth, 'max_depth'),
      max_children: text(initial.maxChildren, 'max_children'),
      spawn_threshold: text(initial.spawnThreshold, 'spawn_threshold'),
      work_min: text(initial.workMin, 'work_min'),
      work_max: text(initial.workMax, 'work_max'),
      max_threads: text(initial.maxThreads, 'max_threads'),
    },
    priority: 'normal',
    name: '',
  };
}

/** @returns the body for POST /api/submit, or what is wrong with each field */
export function readThread({ fields, priority, name: typedName }: ThreadDraft): Reading {
  const problems = new Map<string, string>();
  const name = readName(problems, typedName);
  const parameters: Record<string, string | number> = {};
  for (const field of THREAD_FIELD_NAMES) {
    if (field === 'seed') {
      const seed = readNumber(problems, field, fields.seed, { min: 0n, max: MAX_SEED, maxName: '2^64 − 1' });
      if (seed !== undefined) parameters[field] = seed.toString();
    } else {
      const { min, max } = THREAD_FIELDS[field];
      const value = readNumber(problems, field, fields[field], { min: BigInt(min), max: BigInt(max) });
      if (value !== undefined) parameters[field] = Number(value);
    }
  }
  const { work_min, work_max } = parameters;
  if (typeof work_min === 'number' && typeof work_max === 'number' && work_min > work_max) {
    problems.set('work_max', `Must not be below the least work: enter ${work_min} or more.`);
  }
  if (problems.size > 0) return { problems };
  return { body: { type: 'thread', ...(name === undefined ? {} : { name }), priority, parameters } };
}

/** The command that submits the same job to the coordinator at `origin`; defaults are left out. */
export function threadCommand({ fields, priority, name }: ThreadDraft, origin: string): string {
  const standard = threadDraft().fields;
  return commandLine('thread', origin, [
    ...THREAD_FIELD_NAMES.map((field): [string, string] => {
      const value = numberArgument(fields[field]);
      return [field.replaceAll('_', '-'), value === standard[field] && field !== 'thread_count' ? '' : value];
    }),
    ['priority', priority === 'normal' ? '' : priority],
    ['name', name.trim()],
  ]);
}
