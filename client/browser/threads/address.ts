/** What the page's address says: `?seed=42&root=7&p=16`. Only what is not the default is written. */
import type { Choice, FieldName } from './shape.ts';
import { DEFAULT_SHAPE, FIELD_NAMES, draftOf, readDraft } from './shape.ts';

export const PROCESSOR_COUNTS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, Infinity];
/** On a wide screen; the pictures of a narrow one have room for the lanes of SMALL_PROCESSORS. */
export const DEFAULT_PROCESSORS = 16;
export const SMALL_PROCESSORS = 8;
/** The root with most work of the first thousand of the default shape. */
export const DEFAULT_CHOICE: Choice = { shape: DEFAULT_SHAPE, root: 768 };

export interface Shown extends Choice {
  /** One of PROCESSOR_COUNTS. */
  readonly processors: number;
  /** The selected thread, from 0. */
  readonly thread: number | undefined;
}

/** An address may also ask for a root of a job, whose parameters the page does not know yet. */
export interface Asked extends Shown {
  readonly job: string | undefined;
}

const NAMES: Readonly<Record<FieldName, string>> = {
  root: 'root',
  seed: 'seed',
  maxDepth: 'depth',
  maxChildren: 'chances',
  spawnThreshold: 'threshold',
  workMin: 'work_min',
  workMax: 'work_max',
  maxThreads: 'max_threads',
};

/**
 * @param usualProcessors what this screen shows without being asked; another screen may differ, so only a wide
 *   screen's is left out
 * @returns the query with its `?`; empty when all is as a first visit shows it
 */
export function writeAddress(shown: Shown, usualProcessors = DEFAULT_PROCESSORS): string {
  const query = new URLSearchParams();
  const draft = draftOf(shown);
  const usual = draftOf(DEFAULT_CHOICE);
  for (const name of FIELD_NAMES) if (draft[name] !== usual[name]) query.set(NAMES[name], draft[name]);
  if (shown.processors !== DEFAULT_PROCESSORS || usualProcessors !== DEFAULT_PROCESSORS)
    query.set('p', processorsText(shown.processors));
  if (shown.thread !== undefined) query.set('thread', String(shown.thread + 1));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** Reads any query; a value that can't be is as if it were not there. */
export function readAddress(search: string, usualProcessors = DEFAULT_PROCESSORS): Asked {
  const query = new URLSearchParams(search);
  const draft = { ...draftOf(DEFAULT_CHOICE) };
  for (const name of FIELD_NAMES) {
    const text = query.get(NAMES[name]);
    if (text !== null && 'choice' in readDraft({ ...draftOf(LENIENT), [name]: text })) draft[name] = text;
  }
  const read = readDraft(draft);
  const p = query.get('p');
  const thread = query.get('thread');
  const job = query.get('job');
  return {
    ...('choice' in read ? read.choice : DEFAULT_CHOICE),
    processors: PROCESSOR_COUNTS.find((count) => processorsText(count) === p) ?? usualProcessors,
    thread: thread !== null && /^[1-9]\d{0,7}$/.test(thread) ? Number(thread) - 1 : undefined,
    job: job !== null && /^[a-z0-9-]{1,64}$/.test(job) ? job : undefined,
  };
}

/** Any least and most work fit beside these, so that each field is judged by itself. */
const LENIENT: Choice = { root: 0, shape: { ...DEFAULT_SHAPE, workMin: 1, workMax: 2 ** 20 } };

/** As the selector shows it. */
export function processorsText(processors: number): string {
  return processors === Infinity ? '∞' : String(processors);
}
