/** A Collatz job as it is filled in. */
import { CLUSTER_END } from '../format/parse-number.ts';
import { grouped } from '../format/figures.ts';
import { commandLine, numberArgument } from './command-line.ts';
import type { Priority, Reading } from './reading.ts';
import { readName, readNumber } from './reading.ts';

export interface CollatzDraft {
  readonly start: string;
  readonly end: string;
  readonly mode: 'statistics' | 'verify';
  readonly priority: Priority;
  readonly name: string;
}

const TOP = '2^96';

/** @returns the body for POST /api/submit, or what is wrong with each field */
export function readCollatz(draft: CollatzDraft): Reading {
  const problems = new Map<string, string>();
  const name = readName(problems, draft.name);
  const start = readNumber(problems, 'start', draft.start, {
    min: 1n,
    max: CLUSTER_END - 1n,
    maxName: `${TOP} − 1`,
  });
  const end = readNumber(problems, 'end', draft.end, { min: 2n, max: CLUSTER_END, maxName: TOP });
  if (start !== undefined && end !== undefined && end <= start) {
    problems.set('end', `Must be above the start: enter ${grouped(start + 1n)} or more, at most ${TOP}.`);
  }
  if (start === undefined || end === undefined || problems.size > 0) return { problems };
  return {
    body: {
      type: 'collatz',
      ...(name === undefined ? {} : { name }),
      priority: draft.priority,
      parameters: { start: start.toString(), end: end.toString(), mode: draft.mode },
    },
  };
}

/** The command that submits the same job to the coordinator at `origin`. */
export function collatzCommand(draft: CollatzDraft, origin: string): string {
  return commandLine('collatz', origin, [
    ['start', numberArgument(draft.start)],
    ['end', numberArgument(draft.end)],
    ['mode', draft.mode === 'statistics' ? '' : draft.mode],
    ['priority', draft.priority === 'normal' ? '' : draft.priority],
    ['name', draft.name.trim()],
  ]);
}
